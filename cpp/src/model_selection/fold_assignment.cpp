#include "emotion/model_selection/fold_assignment.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::model_selection {
namespace {

void check_splits(std::size_t n_splits, std::size_t n_groups, const char* caller) {
    if (n_splits < 1 || n_splits > n_groups) {
        throw InvalidInputError("n_splits", caller, "between 1 and the number of groups, " + std::to_string(n_groups), std::to_string(n_splits));
    }
}

// The sum of values as NumPy adds a contiguous row of at most 128 values: eight interleaved partial sums, then the rest.
double row_sum(std::span<const double> values) {
    const std::size_t n = values.size();
    if (n < 8) {
        double sum = 0;
        for (const double v : values) {
            sum += v;
        }
        return sum;
    }
    std::array<double, 8> r;
    std::copy_n(values.begin(), 8, r.begin());
    std::size_t i = 8;
    for (; i + 8 <= n; i += 8) {
        for (std::size_t j = 0; j < 8; ++j) {
            r[j] += values[i + j];
        }
    }
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) {
        sum += values[i];
    }
    return sum;
}

class StratifiedGreedy {
public:
    StratifiedGreedy(MatrixView<const double> counts, std::size_t n_splits)
        : counts_(counts), folds_(n_splits), classes_(counts.cols), total_(counts.cols, 0.0), share_(counts.cols), deviation_(counts.cols) {
        for (std::size_t g = 0; g < counts.rows; ++g) {
            for (std::size_t c = 0; c < classes_; ++c) {
                total_[c] += counts(g, c);
            }
        }
        for (const double t : total_) {
            if (!(t > 0)) {
                throw InvalidInputError("counts", "stratified_folds", "such that every class has a row", std::to_string(t) + " rows of a class");
            }
        }
    }

    std::vector<std::int64_t> assign(bool keep_groups_for_empty_folds, const StopToken& stop) {
        in_fold_ = Matrix<double>(folds_, classes_);
        std::vector<std::size_t> groups_in_fold(folds_, 0);
        std::size_t empty = folds_;
        std::vector<std::int64_t> result(counts_.rows);
        for (std::size_t g = 0; g < counts_.rows; ++g) {
            stop.check();
            const bool only_empty = keep_groups_for_empty_folds && counts_.rows - g <= empty;
            const std::size_t best = best_fold(counts_.row(g), only_empty ? &groups_in_fold : nullptr);
            for (std::size_t c = 0; c < classes_; ++c) {
                in_fold_(best, c) += counts_(g, c);
            }
            empty -= groups_in_fold[best]++ == 0 ? 1 : 0;
            result[g] = static_cast<std::int64_t>(best);
        }
        any_empty_ = empty > 0;
        return result;
    }

    [[nodiscard]] bool any_empty() const { return any_empty_; }

private:
    std::size_t best_fold(std::span<const double> group, const std::vector<std::size_t>* only_where_zero) {
        std::size_t best = 0;
        double best_score = std::numeric_limits<double>::infinity();
        double best_rows = std::numeric_limits<double>::infinity();
        for (std::size_t f = 0; f < folds_; ++f) {
            if (only_where_zero != nullptr && (*only_where_zero)[f] != 0) {
                continue;
            }
            const double score = mean_deviation(group, f);
            const double rows = row_sum(in_fold_.row(f));
            const bool close = std::isfinite(best_score) && std::abs(score - best_score) <= 1e-8 + 1e-5 * std::abs(best_score);
            if (score < best_score || (close && rows < best_rows)) {
                best = f;
                best_score = score;
                best_rows = rows;
            }
        }
        return best;
    }

    // Mean over classes of the standard deviation over folds of the class shares, were the group added to fold `to`.
    double mean_deviation(std::span<const double> group, std::size_t to) {
        const auto n = static_cast<double>(folds_);
        const auto share = [&](std::size_t f, std::size_t c) { return (f == to ? in_fold_(f, c) + group[c] : in_fold_(f, c)) / total_[c]; };
        std::fill(share_.begin(), share_.end(), 0.0);
        std::fill(deviation_.begin(), deviation_.end(), 0.0);
        for (std::size_t f = 0; f < folds_; ++f) {
            for (std::size_t c = 0; c < classes_; ++c) {
                share_[c] += share(f, c);
            }
        }
        for (double& s : share_) {
            s /= n;
        }
        for (std::size_t f = 0; f < folds_; ++f) {
            for (std::size_t c = 0; c < classes_; ++c) {
                const double d = share(f, c) - share_[c];
                deviation_[c] += d * d;
            }
        }
        for (double& d : deviation_) {
            d = std::sqrt(d / n);
        }
        return row_sum(deviation_) / static_cast<double>(classes_);
    }

    MatrixView<const double> counts_;
    std::size_t folds_;
    std::size_t classes_;
    std::vector<double> total_;
    std::vector<double> share_;
    std::vector<double> deviation_;
    Matrix<double> in_fold_;
    bool any_empty_ = false;
};

}  // namespace

std::vector<std::int64_t> balanced_folds(std::span<const std::int64_t> group_sizes, std::size_t n_splits) {
    check_splits(n_splits, group_sizes.size(), "balanced_folds");
    std::vector<std::size_t> order(group_sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return group_sizes[a] < group_sizes[b]; });
    std::reverse(order.begin(), order.end());
    std::vector<std::int64_t> load(n_splits, 0);
    std::vector<std::int64_t> fold(group_sizes.size());
    for (const std::size_t g : order) {
        const auto lightest = std::min_element(load.begin(), load.end());
        *lightest += group_sizes[g];
        fold[g] = lightest - load.begin();
    }
    return fold;
}

std::vector<std::int64_t> stratified_folds(MatrixView<const double> counts, std::size_t n_splits, const StopToken& stop) {
    check_splits(n_splits, counts.rows, "stratified_folds");
    StratifiedGreedy greedy(counts, n_splits);
    auto folds = greedy.assign(false, stop);
    if (greedy.any_empty()) {
        folds = greedy.assign(true, stop);
    }
    return folds;
}

}  // namespace emotion::model_selection
