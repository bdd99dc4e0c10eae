// The definition of Shapley values, by all coalitions, and hand-made models for it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"
#include "../../src/explain/tree_program.hpp"

namespace emotion::explain::test {

inline bool goes_left(const TreeArrays& trees, std::size_t i, const float* x) {
    const float value = x[trees.feature[i]];
    return std::isnan(value) ? trees.missing_left[i] != 0 : value <= trees.threshold[i];
}

// What tree t adds to an output where only the columns of the set are known. background: where unknown columns come from; nullptr: both
// branches by cover.
inline double coalition_value(const TreeArrays& trees, std::size_t t, std::size_t node, const float* x, unsigned known, const float* background, std::size_t k) {
    const auto begin = static_cast<std::size_t>(trees.tree_offsets[t]);
    const std::size_t i = begin + node;
    if (trees.feature[i] < 0) {
        const std::size_t first = trees.first_output(t);
        return k >= first && k < first + trees.width ? trees.value[i * trees.width + k - first] : 0.0;
    }
    const auto left = static_cast<std::size_t>(trees.left[i]);
    const auto right = static_cast<std::size_t>(trees.right[i]);
    const bool own = ((known >> trees.feature[i]) & 1U) != 0;
    if (own || background != nullptr) {
        return coalition_value(trees, t, goes_left(trees, i, own ? x : background) ? left : right, x, known, background, k);
    }
    const double share = trees.cover[begin + left] / (trees.cover[begin + left] + trees.cover[begin + right]);
    return share * coalition_value(trees, t, left, x, known, background, k) + (1 - share) * coalition_value(trees, t, right, x, known, background, k);
}

// A mean over all coalitions of the other columns, with Shapley's weights.
inline double shapley_value(const TreeArrays& trees, const float* x, std::size_t column, std::size_t k, const float* background = nullptr) {
    const std::size_t d = trees.n_features;
    double sum = 0;
    for (unsigned set = 0; set < (1U << d); ++set) {
        if (((set >> column) & 1U) != 0) {
            continue;
        }
        const int size = __builtin_popcount(set);
        const double weight = std::tgamma(size + 1) * std::tgamma(static_cast<double>(d) - size) / std::tgamma(static_cast<double>(d) + 1);
        for (std::size_t t = 0; t < trees.n_trees(); ++t) {
            sum += weight * (coalition_value(trees, t, 0, x, set | (1U << column), background, k) - coalition_value(trees, t, 0, x, set, background, k));
        }
    }
    return sum * trees.scale;
}

inline Matrix<float> random_rows(std::size_t n, std::size_t d, std::uint64_t seed, double nan_share) {
    RandomStream stream(seed, Purpose::test, 1);
    Matrix<float> x(n, d);
    for (float& value : x.values) {
        value = stream.uniform() < nan_share ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(stream.normal());
    }
    return x;
}

// Random trees over few columns, so that columns come again on a path; a tree in six is a single leaf, a share of the leaf values is zero.
inline trees::Boosting random_boosting(std::size_t n_classes, std::size_t width, std::size_t rounds, std::size_t d, std::uint64_t seed) {
    RandomStream stream(seed, Purpose::test, 2);
    trees::Boosting model;
    model.n_classes = n_classes;
    model.n_features = d;
    model.leaf_width = width;
    for (std::size_t k = 0; k < model.n_outputs(); ++k) {
        model.baseline.push_back(stream.normal());
    }
    model.tree_offsets = {0};
    for (std::size_t t = 0; t < rounds * model.n_outputs() / width; ++t) {
        const std::size_t begin = model.feature.size();
        const std::size_t splits = stream.below(6) == 0 ? 0 : 1 + stream.below(9);
        std::vector<std::size_t> leaves{0};
        const auto add = [&](double cover) {
            model.feature.push_back(-1);
            model.threshold.push_back(0);
            model.left.push_back(-1);
            model.right.push_back(-1);
            model.missing_left.push_back(0);
            model.cover.push_back(cover);
            model.gain.push_back(0);
            for (std::size_t k = 0; k < width; ++k) {
                model.value.push_back(stream.uniform() < 0.2 ? 0 : stream.normal());
            }
        };
        add(64);
        for (std::size_t s = 0; s < splits; ++s) {
            const std::size_t at = stream.below(leaves.size());
            const std::size_t node = begin + leaves[at];
            const double cover = model.cover[node];
            const double share = 0.1 + 0.8 * stream.uniform();
            model.feature[node] = static_cast<std::int32_t>(stream.below(d));
            model.threshold[node] = static_cast<float>(stream.normal());
            model.missing_left[node] = static_cast<std::uint8_t>(stream.below(2));
            model.left[node] = static_cast<std::int32_t>(model.feature.size() - begin);
            add(cover * share);
            model.right[node] = static_cast<std::int32_t>(model.feature.size() - begin);
            add(cover * (1 - share));
            leaves[at] = static_cast<std::size_t>(model.left[node]);
            leaves.push_back(static_cast<std::size_t>(model.right[node]));
        }
        model.tree_offsets.push_back(static_cast<std::int64_t>(model.feature.size()));
    }
    return model;
}

}  // namespace emotion::explain::test
