#include "split_search.hpp"

#include <algorithm>
#include <cmath>

#include "binned_search.hpp"
#include "random_cut_search.hpp"
#include "unit_search.hpp"
#include "weighted_search.hpp"

namespace emotion::trees {

std::unique_ptr<SplitSearch> make_split_search(const TrainingPlan& plan, Criterion criterion, bool narrow_keys, const std::vector<std::int64_t>& xlogx) {
    if (plan.weighted) {
        return std::make_unique<WeightedSearch>(plan, criterion);
    }
    if (criterion == Criterion::gini) {
        if (narrow_keys && plan.codes == nullptr && plan.n_classes <= packed_classes) {
            return std::make_unique<BinnedSearch>(plan);
        }
        if (narrow_keys) {
            return std::make_unique<UnitSearch<std::uint32_t, GiniScore>>(plan, GiniScore{});
        }
        return std::make_unique<UnitSearch<std::uint64_t, GiniScore>>(plan, GiniScore{});
    }
    EntropyScore score;
    score.xlogx = xlogx.data();
    if (narrow_keys) {
        return std::make_unique<UnitSearch<std::uint32_t, EntropyScore>>(plan, score);
    }
    return std::make_unique<UnitSearch<std::uint64_t, EntropyScore>>(plan, score);
}

std::unique_ptr<SplitSearch> make_random_cut_search(const TrainingPlan& plan, Criterion criterion) {
    return std::make_unique<RandomCutSearch>(plan, criterion);
}

bool fits_narrow_keys(const TrainingPlan& plan, std::uint32_t max_copies) {
    return bits_for(plan.max_code) + bits_for(plan.n_classes - 1) + bits_for(max_copies) <= 31;
}

std::vector<std::int64_t> entropy_table(std::size_t n_max) {
    const double largest = static_cast<double>(n_max) * std::log2(static_cast<double>(n_max) + 1) + 2;
    const double scale = std::ldexp(1.0, std::min(40, 60 - static_cast<int>(std::ceil(std::log2(largest)))));
    std::vector<std::int64_t> table(n_max + 1, 0);
    for (std::size_t n = 2; n <= n_max; ++n) {
        table[n] = std::llround(static_cast<double>(n) * std::log2(static_cast<double>(n)) * scale);
    }
    return table;
}

double impurity_of(const std::vector<double>& classes, double weight, Criterion criterion) {
    if (!(weight > 0)) {
        return 0;
    }
    double sum = 0;
    for (const double value : classes) {
        const double share = value / weight;
        if (criterion == Criterion::gini) {
            sum += share * share;
        } else if (share > 0) {
            sum -= share * std::log2(share);
        }
    }
    return criterion == Criterion::gini ? 1 - sum : sum;
}

double split_score(const std::vector<double>& left, const NodeSums& total, double min_weight_leaf, Criterion criterion) {
    double left_weight = 0;
    for (const double weight : left) {
        left_weight += weight;
    }
    const double right_weight = total.weight - left_weight;
    if (left_weight <= 0 || right_weight <= 0 || left_weight < min_weight_leaf || right_weight < min_weight_leaf) {
        return -std::numeric_limits<double>::infinity();
    }
    if (criterion == Criterion::gini) {
        double squares_left = 0;
        double squares_right = 0;
        for (std::size_t c = 0; c < left.size(); ++c) {
            const double r = total.classes[c] - left[c];
            squares_left += left[c] * left[c];
            squares_right += r * r;
        }
        return squares_left / left_weight + squares_right / right_weight;
    }
    const auto xlogx = [](double x) { return x > 0 ? x * std::log2(x) : 0.0; };
    double score = 0;
    for (std::size_t c = 0; c < left.size(); ++c) {
        score += xlogx(left[c]) + xlogx(total.classes[c] - left[c]);
    }
    return score - (xlogx(left_weight) + xlogx(right_weight));
}

}  // namespace emotion::trees
