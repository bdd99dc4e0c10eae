#include "emotion/metrics/paired_permutation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::metrics {
namespace {

constexpr std::size_t assignments_a_block = 4096;
constexpr std::size_t most_exact = 30;

// The sum of differences with signs.
class SignedSum {
public:
    explicit SignedSum(const std::vector<double>& differences) : differences_(&differences), sign_(differences.size()) {}

    void reset() {
        std::fill(sign_.begin(), sign_.end(), 1.0);
        sum_ = 0;
        for (const double d : *differences_) {
            sum_ += d;
        }
    }
    void flip(std::size_t i) {
        sum_ -= 2.0 * sign_[i] * (*differences_)[i];
        sign_[i] = -sign_[i];
    }
    [[nodiscard]] double value() { return sum_; }

private:
    const std::vector<double>* differences_;
    std::vector<double> sign_;
    double sum_ = 0;
};

// What both models share: totals as they are, and what exchanging a cluster adds to a (and takes from b).
struct Tables {
    std::size_t k;
    std::size_t n_classes;
    Rate rate;
    std::vector<double> total_a;
    std::vector<double> total_b;
    std::vector<double> gap;  // differing clusters x k^2: b - a
};

class SwappedRates {
public:
    explicit SwappedRates(const Tables& tables) : tables_(&tables), swapped_(tables.gap.size() / (tables.k * tables.k)), margins_(2 * tables.k) {}

    void reset() {
        std::fill(swapped_.begin(), swapped_.end(), std::uint8_t{0});
        a_ = tables_->total_a;
        b_ = tables_->total_b;
    }
    void flip(std::size_t i) {
        const std::size_t cells = a_.size();
        const double* gap = tables_->gap.data() + i * cells;
        const double side = swapped_[i] != 0 ? -1.0 : 1.0;
        for (std::size_t c = 0; c < cells; ++c) {
            a_[c] += side * gap[c];
            b_[c] -= side * gap[c];
        }
        swapped_[i] ^= 1U;
    }
    [[nodiscard]] double value() {
        const std::size_t k = tables_->k;
        const double a = rate_of({a_.data(), k, k}, tables_->n_classes, tables_->rate, margins_.data());
        return a - rate_of({b_.data(), k, k}, tables_->n_classes, tables_->rate, margins_.data());
    }

private:
    const Tables* tables_;
    std::vector<std::uint8_t> swapped_;
    std::vector<double> a_;
    std::vector<double> b_;
    std::vector<double> margins_;
};

// Walks the assignments; State as above, for n clusters that differ. scale: size of rounding errors.
template <class State, class Source>
PermutationResult walk(const Source& source, std::size_t n, double scale, const PermutationOptions& options, Parallel& parallel, StopToken& stop) {
    if (options.exact_up_to > most_exact) {
        throw InvalidInputError("exact_up_to", "paired permutation test", "at most " + std::to_string(most_exact), std::to_string(options.exact_up_to));
    }
    State observed(source);
    observed.reset();
    PermutationResult result;
    result.statistic = observed.value();
    if (std::isnan(result.statistic)) {
        result.p_value = std::numeric_limits<double>::quiet_NaN();
        return result;
    }
    if (n == 0) {
        return result;
    }
    const double limit = std::abs(result.statistic) - 1e-12 * scale;
    const auto extreme = [limit](double value) { return !(std::abs(value) < limit); };
    result.exact = n <= options.exact_up_to;
    const std::uint64_t walked = result.exact ? std::uint64_t{1} << (n - 1) : options.n_resamples;
    std::vector<std::uint64_t> found((walked + assignments_a_block - 1) / assignments_a_block, 0);
    parallel.blocks(walked, assignments_a_block, [&](std::size_t begin, std::size_t end) {
        State state(source);
        std::uint64_t count = 0;
        if (result.exact) {
            state.reset();
            const std::uint64_t gray = begin ^ (begin >> 1U);
            for (std::size_t i = 0; i + 1 < n; ++i) {
                if ((gray >> i & 1U) != 0) {
                    state.flip(i + 1);
                }
            }
            count += extreme(state.value()) ? 1 : 0;
            for (std::size_t code = begin + 1; code < end; ++code) {
                if (code % 256 == 0) {
                    stop.check();
                }
                state.flip(static_cast<std::size_t>(std::countr_zero(code)) + 1);
                count += extreme(state.value()) ? 1 : 0;
            }
        } else {
            for (std::size_t r = begin; r < end; ++r) {
                stop.check();
                RandomStream stream(options.seed, Purpose::permutation, r);
                state.reset();
                std::uint64_t bits = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    bits = i % 64 == 0 ? stream.next() : bits >> 1U;
                    if ((bits & 1U) != 0) {
                        state.flip(i);
                    }
                }
                count += extreme(state.value()) ? 1 : 0;
            }
        }
        found[begin / assignments_a_block] = count;
    });
    std::uint64_t total = result.exact ? 0 : 1;
    for (const std::uint64_t count : found) {
        total += count;
    }
    result.n_permutations = walked + (result.exact ? 0 : 1);
    result.p_value = static_cast<double>(total) / static_cast<double>(result.n_permutations);
    return result;
}

}  // namespace

PermutationResult sign_flip_test(std::span<const double> differences, const PermutationOptions& options, Parallel& parallel, StopToken& stop) {
    std::vector<double> differing;
    double scale = 0;
    for (const double d : differences) {
        if (d != 0.0) {
            differing.push_back(d);
            scale += std::abs(d);
        }
    }
    return walk<SignedSum>(differing, differing.size(), scale, options, parallel, stop);
}

PermutationResult swap_test(MatrixView<const double> a, MatrixView<const double> b, std::size_t k, std::size_t n_classes, Rate rate,
                            const PermutationOptions& options, Parallel& parallel, StopToken& stop) {
    if (a.rows != b.rows || a.cols != k * k || b.cols != k * k || n_classes > k) {
        throw InvalidInputError("a and b", "swap_test", "one row of k x k counts for each cluster", std::to_string(b.cols) + " columns");
    }
    const std::size_t cells = k * k;
    Tables tables{k, n_classes, rate, std::vector<double>(cells, 0.0), std::vector<double>(cells, 0.0), {}};
    std::size_t n = 0;
    for (std::size_t s = 0; s < a.rows; ++s) {
        const auto x = a.row(s);
        const auto y = b.row(s);
        for (std::size_t c = 0; c < cells; ++c) {
            tables.total_a[c] += x[c];
            tables.total_b[c] += y[c];
        }
        if (!std::equal(x.begin(), x.end(), y.begin())) {
            ++n;
            for (std::size_t c = 0; c < cells; ++c) {
                tables.gap.push_back(y[c] - x[c]);
            }
        }
    }
    return walk<SwappedRates>(tables, n, 1.0, options, parallel, stop);
}

}  // namespace emotion::metrics
