#include "emotion/explain/permutation_shap.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::explain {
namespace {

constexpr const char* caller = "PermutationShap";
constexpr std::size_t values_a_block = 1 << 16;

void require(bool holds, const char* parameter, const char* rule, std::size_t got) {
    if (!holds) {
        throw InvalidInputError(parameter, caller, rule, std::to_string(got));
    }
}

}  // namespace

PermutationShap::PermutationShap(std::size_t n_features, std::size_t n_pairs, std::uint64_t seed)
    : n_features_(n_features), n_pairs_(n_pairs), orders_(n_pairs * n_features) {
    require(n_features >= 1, "n_features", "1 or more", n_features);
    require(n_pairs >= 1 || n_features <= most_enumerated, "n_features", "at most 20 with all coalitions", n_features);
    for (std::size_t pair = 0; pair < n_pairs; ++pair) {
        const std::span<std::int32_t> order = std::span(orders_).subspan(pair * n_features, n_features);
        std::iota(order.begin(), order.end(), 0);
        RandomStream(seed, Purpose::permutation, pair).shuffle(order);
    }
}

std::size_t PermutationShap::n_coalitions() const {
    return n_pairs_ == 0 ? (std::size_t{1} << n_features_) - 2 : n_pairs_ * 2 * (n_features_ - 1);
}

// Coalitions of a pair: the first 1, 2, … columns of its order, then the last 1, 2, … columns. Of all coalitions: number c + 1 in bits.
void PermutationShap::known(std::size_t coalition, std::span<std::uint8_t> out) const {
    if (n_pairs_ == 0) {
        for (std::size_t j = 0; j < n_features_; ++j) {
            out[j] = static_cast<std::uint8_t>(((coalition + 1) >> j) & 1U);
        }
        return;
    }
    const std::size_t steps = n_features_ - 1;
    const std::int32_t* const order = orders_.data() + coalition / (2 * steps) * n_features_;
    const bool from_back = coalition / steps % 2 == 1;
    const std::size_t size = coalition % steps + 1;
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < size; ++i) {
        out[static_cast<std::size_t>(order[from_back ? n_features_ - 1 - i : i])] = 1;
    }
}

template <class T>
void PermutationShap::fill(MatrixView<const T> x, MatrixView<const T> background, std::size_t begin, std::size_t end, MatrixView<T> out,
                           Parallel& parallel, StopToken& stop) const {
    const std::size_t coalitions = n_coalitions();
    require(x.cols == n_features_ && background.cols == n_features_ && out.cols == n_features_, "X", "as wide as the plan, background and out too", x.cols);
    require(begin <= end && end <= x.rows * coalitions, "end", "a coalition of the rows", end);
    require(out.rows == (end - begin) * background.rows, "out", "one row for each coalition and background row", out.rows);
    const std::size_t grain = std::max<std::size_t>(1, values_a_block / std::max<std::size_t>(1, background.size()));
    parallel.blocks(end - begin, grain, [&](std::size_t from, std::size_t to) {
        std::vector<std::uint8_t> mask(n_features_);
        for (std::size_t u = from; u < to; ++u) {
            stop.check();
            known((begin + u) % coalitions, mask);
            const T* const own = x.row((begin + u) / coalitions).data();
            for (std::size_t b = 0; b < background.rows; ++b) {
                const T* const other = background.row(b).data();
                T* const row = out.row(u * background.rows + b).data();
                for (std::size_t j = 0; j < n_features_; ++j) {
                    row[j] = mask[j] != 0 ? own[j] : other[j];
                }
            }
        }
    });
}

void PermutationShap::walk(MatrixView<const double> worth, std::span<const double> empty, std::span<const double> whole, double* values) const {
    const std::size_t outputs = empty.size();
    std::size_t at = 0;
    for (std::size_t pair = 0; pair < n_pairs_; ++pair) {
        const std::int32_t* const order = orders_.data() + pair * n_features_;
        for (const bool from_back : {false, true}) {
            const double* before = empty.data();
            for (std::size_t i = 0; i < n_features_; ++i) {
                const double* const after = i + 1 == n_features_ ? whole.data() : worth.row(at++).data();
                double* const to = values + static_cast<std::size_t>(order[from_back ? n_features_ - 1 - i : i]) * outputs;
                for (std::size_t k = 0; k < outputs; ++k) {
                    to[k] += after[k] - before[k];
                }
                before = after;
            }
        }
    }
    for (std::size_t i = 0; i < n_features_ * outputs; ++i) {
        values[i] /= 2.0 * static_cast<double>(n_pairs_);
    }
}

void PermutationShap::enumerate(MatrixView<const double> worth, std::span<const double> empty, std::span<const double> whole, double* values) const {
    const std::size_t outputs = empty.size();
    const std::size_t all = (std::size_t{1} << n_features_) - 1;
    std::vector<double> weight(n_features_);  // by the size of the coalition that a column joins: s! (d - 1 - s)! / d!
    weight[0] = 1.0 / static_cast<double>(n_features_);
    for (std::size_t s = 1; s < n_features_; ++s) {
        weight[s] = weight[s - 1] * static_cast<double>(s) / static_cast<double>(n_features_ - s);
    }
    const auto worth_of = [&](std::size_t set) { return set == 0 ? empty.data() : set == all ? whole.data() : worth.row(set - 1).data(); };
    for (std::size_t set = 0; set < all; ++set) {
        const double* const before = worth_of(set);
        const double share = weight[static_cast<std::size_t>(std::popcount(set))];
        for (std::size_t j = 0; j < n_features_; ++j) {
            if (((set >> j) & 1U) != 0) {
                continue;
            }
            const double* const after = worth_of(set | (std::size_t{1} << j));
            for (std::size_t k = 0; k < outputs; ++k) {
                values[j * outputs + k] += share * (after[k] - before[k]);
            }
        }
    }
}

void PermutationShap::values(MatrixView<const double> worth, std::span<const double> empty, MatrixView<const double> whole, std::span<double> values,
                             Parallel& parallel, StopToken& stop) const {
    const std::size_t coalitions = n_coalitions();
    const std::size_t outputs = empty.size();
    require(worth.rows == whole.rows * coalitions, "worth", "one row for each coalition", worth.rows);
    require(worth.cols == outputs && whole.cols == outputs, "worth", "one column an output, as empty and whole", worth.cols);
    require(values.size() == whole.rows * n_features_ * outputs, "values", "rows x columns x outputs numbers", values.size());
    std::fill(values.begin(), values.end(), 0.0);
    parallel.each(whole.rows, [&](std::size_t r) {
        stop.check();
        const MatrixView<const double> own(worth.data + r * coalitions * outputs, coalitions, outputs);
        double* const to = values.data() + r * n_features_ * outputs;
        n_pairs_ == 0 ? enumerate(own, empty, whole.row(r), to) : walk(own, empty, whole.row(r), to);
    });
}

void average_background(MatrixView<const double> scores, std::size_t n_background, MatrixView<double> out) {
    require(n_background >= 1 && scores.rows == out.rows * n_background && scores.cols == out.cols, "scores", "one row for each mean and background row",
            scores.rows);
    for (std::size_t u = 0; u < out.rows; ++u) {
        const std::span<double> sum = out.row(u);
        std::fill(sum.begin(), sum.end(), 0.0);
        for (std::size_t b = 0; b < n_background; ++b) {
            const std::span<const double> row = scores.row(u * n_background + b);
            for (std::size_t k = 0; k < sum.size(); ++k) {
                sum[k] += row[k];
            }
        }
        for (double& value : sum) {
            value /= static_cast<double>(n_background);
        }
    }
}

template void PermutationShap::fill(MatrixView<const float>, MatrixView<const float>, std::size_t, std::size_t, MatrixView<float>, Parallel&, StopToken&) const;
template void PermutationShap::fill(MatrixView<const double>, MatrixView<const double>, std::size_t, std::size_t, MatrixView<double>, Parallel&,
                                    StopToken&) const;

}  // namespace emotion::explain
