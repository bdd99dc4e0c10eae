#include "emotion/model_selection/fold_assignment.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"
#include "emotion/core/views.hpp"

namespace emotion::model_selection {
namespace {

void check_splits(std::size_t n_splits, std::size_t n_groups, const char* caller) {
    if (n_splits < 1 || n_splits > n_groups) {
        throw InvalidInputError("n_splits", caller, "between 1 and the number of groups, " + std::to_string(n_groups), std::to_string(n_splits));
    }
}

class StratifiedGreedy {
public:
    StratifiedGreedy(const ClassCounts& counts, std::size_t n_splits)
        : counts_(counts), folds_(n_splits), classes_(counts.n_classes()), rows_(n_splits, 0), in_fold_(n_splits, classes_), by_class_(classes_, n_splits),
          sum_(classes_, 0.0), squares_(classes_, 0.0), term_(classes_, 0.0), weight_(classes_), group_(classes_, 0.0), fast_(n_splits), exact_(n_splits),
          share_(classes_), deviation_(classes_), column_(n_splits) {
        double largest = 0;
        for (std::size_t c = 0; c < classes_; ++c) {
            const auto total = static_cast<double>(counts.total[c]);
            if (!(total > 0)) {
                throw InvalidInputError("counts", "stratified_folds", "such that every class has a row", "a class without rows");
            }
            weight_[c] = 1.0 / (static_cast<double>(folds_) * total * static_cast<double>(classes_));
            largest = std::max(largest, total);
        }
        // 4 folds N^2 bounds every intermediate integer; up to 2^53 doubles hold them exactly. Beyond, nothing is told apart without NumPy's sums.
        const bool exact_integers = 4.0 * static_cast<double>(folds_) * largest * largest < 0x1.0p53;
        rounding_ = exact_integers ? (static_cast<double>(classes_) + 16.0) * 1e-15 : std::numeric_limits<double>::infinity();
    }

    std::size_t add(std::size_t g) {
        const auto entries = counts_.group(g);
        evaluate(entries);
        const std::size_t to = best_fold(entries);
        const auto n = static_cast<double>(folds_);
        for (const auto& [c, rows] : entries) {
            const double more = rows;
            const double before = by_class_(c, to);
            squares_[c] += more * (2 * before + more);
            sum_[c] += more;
            by_class_(c, to) = before + more;
            in_fold_(to, c) = before + more;
            term_[c] = std::sqrt(n * squares_[c] - sum_[c] * sum_[c]) * weight_[c];
            rows_[to] += rows;
        }
        return to;
    }

private:
    // The mean deviation for each fold, were the group added to it, to within rounding_.
    void evaluate(std::span<const ClassCount> entries) {
        const auto n = static_cast<double>(folds_);
        double untouched = 0;
        std::size_t next = 0;
        for (const auto& entry : entries) {
            for (; next < entry.label; ++next) {
                untouched += term_[next];
            }
            ++next;
        }
        for (; next < classes_; ++next) {
            untouched += term_[next];
        }
        std::fill(fast_.begin(), fast_.end(), untouched);
        for (const auto& [c, rows] : entries) {
            const double more = rows;
            const double sum = sum_[c] + more;
            const double fixed = n * (squares_[c] + more * more) - sum * sum;
            const double slope = 2 * n * more;
            const double* const before = by_class_.row(c).data();
            for (std::size_t f = 0; f < folds_; ++f) {
                fast_[f] += std::sqrt(fixed + slope * before[f]) * weight_[c];
            }
        }
    }

    std::size_t best_fold(std::span<const ClassCount> entries) {
        std::fill(exact_.begin(), exact_.end(), -1.0);
        bool spread = false;
        std::size_t best = 0;
        for (std::size_t f = 1; f < folds_; ++f) {
            const double gap = fast_[f] - fast_[best];
            const double room = 1e-8 + 1e-5 * std::abs(fast_[best]) - std::abs(gap);
            bool less = gap < 0;
            bool close = room >= 0;
            const bool sure = std::abs(gap) > rounding_ && std::abs(room) > rounding_;
            if (!sure && !(close && rows_[f] < rows_[best] && std::abs(room) > rounding_)) {
                if (!spread) {
                    for (const auto& [c, rows] : entries) {
                        group_[c] = rows;
                    }
                    spread = true;
                }
                const double a = exact(f);
                const double b = exact(best);
                less = a < b;
                close = std::abs(a - b) <= 1e-8 + 1e-5 * std::abs(b);
            }
            if (less || (close && rows_[f] < rows_[best])) {
                best = f;
            }
        }
        if (spread) {
            for (const auto& entry : entries) {
                group_[entry.label] = 0;
            }
        }
        return best;
    }

    double exact(std::size_t f) {
        if (exact_[f] < 0) {
            exact_[f] = mean_deviation(f);
        }
        return exact_[f];
    }

    // Mean over classes of the standard deviation over folds of the class shares, were group_ added to fold `to`, rounded as NumPy rounds it.
    double mean_deviation(std::size_t to) {
        const auto n = static_cast<double>(folds_);
        const auto share = [&](std::size_t f, std::size_t c) {
            return (f == to ? in_fold_(f, c) + group_[c] : in_fold_(f, c)) / static_cast<double>(counts_.total[c]);
        };
        if (classes_ == 1) {  // one column is a contiguous row for NumPy
            for (std::size_t f = 0; f < folds_; ++f) {
                column_[f] = share(f, 0);
            }
            const double mean = pairwise_sum(column_) / n;
            for (double& v : column_) {
                v = (v - mean) * (v - mean);
            }
            return std::sqrt(pairwise_sum(column_) / n);
        }
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
        return pairwise_sum(deviation_) / static_cast<double>(classes_);
    }

    const ClassCounts& counts_;
    std::size_t folds_;
    std::size_t classes_;
    double rounding_ = 0;
    std::vector<std::int64_t> rows_;  // of each fold
    Matrix<double> in_fold_;          // rows of (fold, class)
    Matrix<double> by_class_;         // the same by (class, fold)
    std::vector<double> sum_, squares_, term_, weight_, group_, fast_, exact_, share_, deviation_, column_;
};

}  // namespace

std::vector<std::int64_t> balanced_folds(std::span<const std::int64_t> group_sizes, std::size_t n_splits) {
    check_splits(n_splits, group_sizes.size(), "balanced_folds");
    std::vector<std::size_t> order(group_sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return group_sizes[a] < group_sizes[b]; });
    std::reverse(order.begin(), order.end());
    using Load = std::pair<std::int64_t, std::int64_t>;  // rows and number of a fold
    std::vector<Load> heap;
    for (std::size_t k = 0; k < n_splits; ++k) {
        heap.emplace_back(0, static_cast<std::int64_t>(k));
    }
    std::vector<std::int64_t> fold(group_sizes.size());
    for (const std::size_t g : order) {
        std::pop_heap(heap.begin(), heap.end(), std::greater<>());
        fold[g] = heap.back().second;
        heap.back().first += group_sizes[g];
        std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
    return fold;
}

std::vector<std::int64_t> stratified_folds(const ClassCounts& counts, std::span<const std::int64_t> order, std::size_t n_splits, const StopToken& stop) {
    const std::size_t n_groups = counts.n_groups();
    check_splits(n_splits, n_groups, "stratified_folds");
    if (order.size() != n_groups) {
        throw InvalidInputError("order", "stratified_folds", "each of " + std::to_string(n_groups) + " groups once", std::to_string(order.size()) + " groups");
    }
    std::vector<std::int64_t> fold(n_groups, -1);
    for (const std::int64_t g : order) {
        if (g < 0 || g >= static_cast<std::int64_t>(n_groups) || fold[static_cast<std::size_t>(g)]++ != -1) {
            throw InvalidInputError("order", "stratified_folds", "each group once", "group " + std::to_string(g));
        }
    }
    const std::vector<double> deviation = class_deviations(counts, stop);
    std::vector<std::size_t> sorted(order.begin(), order.end());
    std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) { return deviation[a] > deviation[b]; });
    StratifiedGreedy greedy(counts, n_splits);
    for (const std::size_t g : sorted) {
        stop.check();
        fold[g] = static_cast<std::int64_t>(greedy.add(g));
    }
    return fold;
}

}  // namespace emotion::model_selection
