#include "emotion/explain/tree_shap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../trees/forests.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::explain {
namespace {

using trees::Forest;
using trees::ForestOptions;

// The output of one tree where only the columns of the set are known: other splits are averaged by cover.
double coalition_value(const Forest& forest, std::size_t begin, std::size_t node, const float* x, unsigned known, std::size_t c) {
    const std::size_t i = begin + node;
    if (forest.feature[i] < 0) {
        return forest.value[i * forest.n_classes + c];
    }
    const auto left = static_cast<std::size_t>(forest.left[i]);
    const auto right = static_cast<std::size_t>(forest.right[i]);
    if (((known >> forest.feature[i]) & 1U) != 0) {
        const float value = x[forest.feature[i]];
        const bool goes_left = std::isnan(value) ? forest.missing_left[i] != 0 : value <= forest.threshold[i];
        return coalition_value(forest, begin, goes_left ? left : right, x, known, c);
    }
    const double share = forest.cover[begin + left] / forest.cover[i];
    return share * coalition_value(forest, begin, left, x, known, c) + (1 - share) * coalition_value(forest, begin, right, x, known, c);
}

// The definition: a mean over all coalitions of the others, with Shapley's weights.
double shapley_value(const Forest& forest, const float* x, std::size_t column, std::size_t c) {
    const std::size_t d = forest.n_features;
    double sum = 0;
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
        for (unsigned set = 0; set < (1U << d); ++set) {
            if (((set >> column) & 1U) != 0) {
                continue;
            }
            const int size = __builtin_popcount(set);
            const double weight = std::tgamma(size + 1) * std::tgamma(static_cast<double>(d) - size) / std::tgamma(static_cast<double>(d) + 1);
            sum += weight * (coalition_value(forest, begin, 0, x, set | (1U << column), c) - coalition_value(forest, begin, 0, x, set, c));
        }
    }
    return sum / static_cast<double>(forest.n_trees());
}

struct Explained {
    std::vector<double> values;
    std::vector<double> base;
};

Explained explain(const Forest& forest, const Matrix<float>& x, int n_threads = 1) {
    Explained out{std::vector<double>(x.rows * forest.n_features * forest.n_classes), std::vector<double>(forest.n_classes)};
    Parallel parallel(n_threads);
    StopToken stop;
    TreeShap(forest).explain(x.view(), out.values, out.base, parallel, stop);
    return out;
}

TEST_CASE("values equal the sum over all coalitions, with repeated columns on a path, NaN, weights and several classes") {
    std::uint64_t seed = 20;
    for (const double nan_share : {0.0, 0.2}) {
        for (const int max_depth : {1, 3, -1}) {
            auto data = trees::test::make_data(90, 6, 3, ++seed, 0, nan_share);
            ForestOptions options;
            options.n_estimators = 4;
            options.max_features = 2;
            options.max_depth = max_depth;
            for (std::size_t i = 0; max_depth == 3 && i < 90; ++i) {
                data.weights.push_back(0.5 + static_cast<double>(i % 4));
            }
            const Forest forest = trees::test::fit(data, options);
            Matrix<float> x(3, 6);
            std::copy_n(data.x.values.begin(), 18, x.values.begin());
            const Explained found = explain(forest, x);
            for (std::size_t r = 0; r < 3; ++r) {
                for (std::size_t j = 0; j < 6; ++j) {
                    for (std::size_t c = 0; c < 3; ++c) {
                        const double expected = shapley_value(forest, x.row(r).data(), j, c);
                        REQUIRE(found.values[(r * 6 + j) * 3 + c] == doctest::Approx(expected).epsilon(1e-10).scale(1));
                    }
                }
            }
        }
    }
}

TEST_CASE("additivity on deep trees: base and contributions sum to the prediction; equal bits for any number of threads") {
    const auto data = trees::test::make_data(600, 60, 8, 5, 0, 0.02);
    ForestOptions options;
    options.n_estimators = 12;
    options.max_features = 3;
    const Forest forest = trees::test::fit(data, options);
    Matrix<float> x(10, 60);
    std::copy_n(data.x.values.begin(), x.values.size(), x.values.begin());
    const Explained found = explain(forest, x);
    const trees::ForestPredictor predictor(forest);
    std::vector<double> expected(8);
    for (std::size_t r = 0; r < x.rows; ++r) {
        predictor.predict_row(x.row(r).data(), expected.data());
        for (std::size_t c = 0; c < 8; ++c) {
            double sum = found.base[c];
            for (std::size_t j = 0; j < 60; ++j) {
                sum += found.values[(r * 60 + j) * 8 + c];
            }
            REQUIRE(std::abs(sum - expected[c]) < 1e-9);
        }
    }
    for (const int n_threads : {2, 7}) {
        CHECK(explain(forest, x, n_threads).values == found.values);
    }
}

// A chain of n splits on columns 0 … n-1, each sending half of the cover to a leaf.
Forest chain(std::size_t n) {
    Forest forest;
    forest.n_classes = 1;
    forest.n_features = n;
    double cover = 1;
    for (std::size_t i = 0; i < n; ++i) {
        const auto node = static_cast<std::int32_t>(2 * i);
        forest.feature.insert(forest.feature.end(), {static_cast<std::int32_t>(i), -1});
        forest.threshold.insert(forest.threshold.end(), {0, 0});
        forest.left.insert(forest.left.end(), {node + 1, -1});
        forest.right.insert(forest.right.end(), {node + 2, -1});
        forest.cover.insert(forest.cover.end(), {cover, cover / 2});
        cover /= 2;
    }
    forest.feature.push_back(-1);
    forest.threshold.push_back(0);
    forest.left.push_back(-1);
    forest.right.push_back(-1);
    forest.cover.push_back(cover);
    const std::size_t nodes = forest.feature.size();
    forest.missing_left.assign(nodes, 0);
    forest.impurity.assign(nodes, 0);
    forest.value.assign(nodes, 1.0);
    forest.tree_offsets = {0, static_cast<std::int64_t>(nodes)};
    return forest;
}

TEST_CASE("a path of sixty columns: symmetric players share alike") {
    // The output is 1 at the end of the chain only: by symmetry each of n columns gets (1 - 2^-n) / n.
    const std::size_t n = 60;
    Forest forest = chain(n);
    for (std::size_t i = 0; i < n; ++i) {
        forest.value[2 * i + 1] = 0;  // a second class would hold the rest; shares need not sum to one here
    }
    Matrix<float> x(1, n, 1.0F);
    const Explained found = explain(forest, x);
    for (std::size_t j = 0; j < n; ++j) {
        CHECK(found.values[j] == doctest::Approx(1.0 / 60).epsilon(1e-9));
    }
}

TEST_CASE("wrong extents and trees beyond the limit of levels are refused") {
    const Forest forest = chain(3);
    std::vector<double> values(3);
    std::vector<double> base(1);
    Parallel parallel(1);
    StopToken stop;
    const Matrix<float> narrow(1, 2);
    CHECK_THROWS_AS(TreeShap(forest).explain(narrow.view(), values, base, parallel, stop), InvalidInputError);
    const Matrix<float> two(2, 3);
    CHECK_THROWS_AS(TreeShap(forest).explain(two.view(), values, base, parallel, stop), InvalidInputError);
    CHECK_THROWS_AS(TreeShap(chain(5000)), InvalidInputError);
}

}  // namespace
}  // namespace emotion::explain
