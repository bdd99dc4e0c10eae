// Random boosting models and the definition of their margins, for the tests of this room.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/boosting.hpp"

namespace emotion::trees::test {

// Trees of random shape; some are single leaves.
inline Boosting random_boosting(std::size_t n_classes, std::size_t leaf_width, std::size_t n_rounds, std::size_t n_features, std::uint64_t seed,
                                std::size_t most_splits = 12) {
    RandomStream stream(seed, Purpose::test, 1);
    Boosting model;
    model.n_classes = n_classes;
    model.n_features = n_features;
    model.leaf_width = leaf_width;
    for (std::size_t k = 0; k < model.n_outputs(); ++k) {
        model.baseline.push_back(stream.normal());
    }
    model.tree_offsets.push_back(0);
    for (std::size_t t = 0; t < n_rounds * model.trees_per_round(); ++t) {
        const std::size_t begin = model.n_nodes();
        const auto add_leaf = [&] {
            model.feature.push_back(-1);
            model.threshold.push_back(0);
            model.left.push_back(-1);
            model.right.push_back(-1);
            model.missing_left.push_back(0);
            model.cover.push_back(1 + stream.uniform());
            model.gain.push_back(0);
            for (std::size_t k = 0; k < leaf_width; ++k) {
                model.value.push_back(stream.normal() / 10);
            }
        };
        add_leaf();
        const std::size_t splits = stream.below(most_splits + 1);
        for (std::size_t s = 0; s < splits; ++s) {
            std::size_t node = begin + stream.below(model.n_nodes() - begin);
            while (model.feature[node] >= 0) {
                node = begin + static_cast<std::size_t>(stream.below(2) == 0 ? model.left[node] : model.right[node]);
            }
            model.feature[node] = static_cast<std::int32_t>(stream.below(n_features));
            model.threshold[node] = static_cast<float>(stream.normal());
            model.missing_left[node] = static_cast<std::uint8_t>(stream.below(2));
            model.gain[node] = stream.uniform();
            model.left[node] = static_cast<std::int32_t>(model.n_nodes() - begin);
            model.right[node] = model.left[node] + 1;
            add_leaf();
            add_leaf();
        }
        model.tree_offsets.push_back(static_cast<std::int64_t>(model.n_nodes()));
    }
    return model;
}

inline Matrix<float> random_rows(std::size_t n, std::size_t d, std::uint64_t seed, double nan_share = 0.1) {
    RandomStream stream(seed, Purpose::test, 2);
    Matrix<float> x(n, d);
    for (float& value : x.values) {
        value = stream.uniform() < nan_share ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(stream.normal());
    }
    return x;
}

inline std::size_t leaf_by_hand(const Boosting& model, std::size_t tree, const float* x) {
    const auto begin = static_cast<std::size_t>(model.tree_offsets[tree]);
    std::size_t node = begin;
    while (model.feature[node] >= 0) {
        const float value = x[model.feature[node]];
        const bool left = std::isnan(value) ? model.missing_left[node] != 0 : value <= model.threshold[node];
        node = begin + static_cast<std::size_t>(left ? model.left[node] : model.right[node]);
    }
    return node;
}

inline std::vector<double> margins_by_hand(const Boosting& model, const float* x) {
    std::vector<double> margins = model.baseline;
    for (std::size_t t = 0; t < model.n_trees(); ++t) {
        const std::size_t leaf = leaf_by_hand(model, t, x);
        for (std::size_t c = 0; c < model.leaf_width; ++c) {
            margins[t * model.leaf_width % model.n_outputs() + c] += model.value[leaf * model.leaf_width + c];
        }
    }
    return margins;
}

}  // namespace emotion::trees::test
