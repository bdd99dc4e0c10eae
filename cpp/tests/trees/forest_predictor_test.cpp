#include "emotion/trees/forest_predictor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "emotion/core/errors.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

// The definition, node by node.
std::vector<double> by_hand(const Forest& forest, const float* x) {
    std::vector<double> sums(forest.n_classes, 0.0);
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
        std::size_t node = begin;
        while (forest.feature[node] >= 0) {
            const float value = x[forest.feature[node]];
            const bool left = std::isnan(value) ? forest.missing_left[node] != 0 : value <= forest.threshold[node];
            node = begin + static_cast<std::size_t>(left ? forest.left[node] : forest.right[node]);
        }
        for (std::size_t c = 0; c < forest.n_classes; ++c) {
            sums[c] += forest.value[node * forest.n_classes + c];
        }
    }
    for (double& sum : sums) {
        sum /= static_cast<double>(forest.n_trees());
    }
    return sums;
}

void check(const Forest& forest, const Matrix<float>& x) {
    const ForestPredictor predictor(forest);
    Matrix<double> one_call(x.rows, forest.n_classes);
    StopToken stop;
    Parallel serial(1);
    predictor.predict_proba(x.view(), one_call.view(), serial, stop);
    std::vector<double> row(forest.n_classes);
    for (std::size_t r = 0; r < x.rows; ++r) {
        const auto expected = by_hand(forest, x.row(r).data());
        predictor.predict_row(x.row(r).data(), row.data());
        for (std::size_t c = 0; c < forest.n_classes; ++c) {
            REQUIRE(one_call(r, c) == expected[c]);
            REQUIRE(row[c] == expected[c]);
        }
    }
    for (const int n_threads : {2, 7}) {
        Parallel parallel(n_threads);
        Matrix<double> again(x.rows, forest.n_classes);
        predictor.predict_proba(x.view(), again.view(), parallel, stop);
        CHECK(again.values == one_call.values);
        Matrix<double> plain(x.rows, forest.n_classes);
        predict_proba(forest, x.view(), plain.view(), parallel, stop);
        CHECK(plain.values == one_call.values);
        Matrix<double> few(3, forest.n_classes);
        predict_proba(forest, {x.values.data(), 3, x.cols}, few.view(), parallel, stop);
        CHECK(std::equal(few.values.begin(), few.values.end(), one_call.values.begin()));
    }
}

TEST_CASE("one row, a block and many threads give the bits of the definition, with and without NaN and infinities") {
    for (const double nan_share : {0.0, 0.1}) {
        const auto data = test::make_data(150, 6, 4, 1, 0, nan_share);
        ForestOptions options;
        options.n_estimators = 21;
        options.max_features = 2;
        const Forest forest = test::fit(data, options);
        auto rows = test::make_data(203, 6, 4, 2, 0, nan_share);
        check(forest, rows.x);
        rows.x(0, 0) = std::numeric_limits<float>::infinity();
        rows.x(1, 1) = -std::numeric_limits<float>::infinity();
        rows.x(2, 3) = std::numeric_limits<float>::quiet_NaN();
        check(forest, rows.x);
    }
}

TEST_CASE("trees of more than 65,535 nodes take the wide layout, nodes in any valid order") {
    // A chain: node 2i splits at i, its left child is the leaf 2i + 1, its right child is node 2i + 2.
    const std::int32_t n_splits = 40'000;
    Forest forest;
    forest.n_classes = 2;
    forest.n_features = 1;
    for (std::int32_t i = 0; i < n_splits; ++i) {
        forest.feature.insert(forest.feature.end(), {0, -1});
        forest.threshold.insert(forest.threshold.end(), {static_cast<float>(i), 0});
        forest.left.insert(forest.left.end(), {2 * i + 1, -1});
        forest.right.insert(forest.right.end(), {2 * i + 2, -1});
        const double share = static_cast<double>(i) / n_splits;
        forest.value.insert(forest.value.end(), {0.5, 0.5, share, 1 - share});
    }
    forest.feature.push_back(-1);
    forest.threshold.push_back(0);
    forest.left.push_back(-1);
    forest.right.push_back(-1);
    forest.value.insert(forest.value.end(), {1, 0});
    const std::size_t n = forest.feature.size();
    forest.missing_left.assign(n, 0);
    forest.cover.assign(n, 1);
    forest.impurity.assign(n, 0);
    forest.tree_offsets = {0, static_cast<std::int64_t>(n)};
    validate(forest);
    Matrix<float> x(12, 1);
    x.values = {-1, 0, 0.5F, 1, 2, 100, 39'998, 39'999, 39'999.5F, 50'000, std::nanf(""), 7};
    check(forest, x);
}

TEST_CASE("extents that do not fit are refused") {
    const auto data = test::make_data(30, 3, 2, 1);
    const ForestPredictor predictor(test::fit(data, test::one_plain_tree()));
    Parallel parallel(1);
    StopToken stop;
    Matrix<double> out(30, 2);
    const Matrix<float> narrow(30, 2);
    CHECK_THROWS_AS(predictor.predict_proba(narrow.view(), out.view(), parallel, stop), InvalidInputError);
    Matrix<double> small(29, 2);
    CHECK_THROWS_AS(predictor.predict_proba(data.x.view(), small.view(), parallel, stop), InvalidInputError);
}

}  // namespace
}  // namespace emotion::trees
