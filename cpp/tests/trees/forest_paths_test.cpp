#include "emotion/trees/forest_paths.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "emotion/core/errors.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("a hand-made tree: the leaf and the nodes on the way to it, NaN included") {
    // Tree 0:  0 (x0 <= 1) -> 1 leaf | 2 (x1 <= 5, NaN left) -> 3 leaf | 4 leaf.   Tree 1: a leaf.
    Forest forest;
    forest.n_classes = 1;
    forest.n_features = 2;
    forest.tree_offsets = {0, 5, 6};
    forest.feature = {0, -1, 1, -1, -1, -1};
    forest.threshold = {1, 0, 5, 0, 0, 0};
    forest.left = {1, -1, 3, -1, -1, -1};
    forest.right = {2, -1, 4, -1, -1, -1};
    forest.missing_left = {0, 0, 1, 0, 0, 0};
    forest.cover.assign(6, 1);
    forest.impurity.assign(6, 0);
    forest.value.assign(6, 1);
    validate(forest);
    Matrix<float> x(4, 2);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    x.values = {1, 9, 2, 5, 2, 6, nan, nan};
    Parallel parallel(1);
    StopToken stop;
    Matrix<std::int64_t> leaves(4, 2);
    apply(forest, x.view(), leaves.view(), parallel, stop);
    CHECK(leaves.values == std::vector<std::int64_t>{1, 0, 3, 0, 4, 0, 3, 0});
    const DecisionPaths paths = decision_paths(forest, x.view(), parallel, stop);
    CHECK(paths.starts == std::vector<std::int64_t>{0, 3, 7, 11, 15});
    CHECK(paths.nodes == std::vector<std::int64_t>{0, 1, 5, 0, 2, 3, 5, 0, 2, 4, 5, 0, 2, 3, 5});
}

TEST_CASE("the shares of the leaves that apply names are the forest's probabilities, for any number of threads") {
    const auto data = test::make_data(301, 5, 3, 4, 0, 0.1);
    ForestOptions options;
    options.n_estimators = 9;
    const Forest forest = test::fit(data, options);
    StopToken stop;
    Parallel serial(1);
    Matrix<std::int64_t> leaves(301, 9);
    Matrix<double> shares(301, 3);
    apply(forest, data.x.view(), leaves.view(), serial, stop);
    predict_proba(forest, data.x.view(), shares.view(), serial, stop);
    const DecisionPaths paths = decision_paths(forest, data.x.view(), serial, stop);
    for (std::size_t r = 0; r < 301; ++r) {
        for (std::size_t c = 0; c < 3; ++c) {
            double sum = 0;
            for (std::size_t t = 0; t < 9; ++t) {
                const auto node = static_cast<std::size_t>(forest.tree_offsets[t] + leaves(r, t));
                REQUIRE(forest.feature[node] < 0);
                sum += forest.value[node * 3 + c];
            }
            REQUIRE(sum / 9 == shares(r, c));
        }
    }
    for (const int n_threads : {2, 7}) {
        Parallel parallel(n_threads);
        Matrix<std::int64_t> again(301, 9);
        apply(forest, data.x.view(), again.view(), parallel, stop);
        CHECK(again.values == leaves.values);
        const DecisionPaths other = decision_paths(forest, data.x.view(), parallel, stop);
        CHECK(other.starts == paths.starts);
        CHECK(other.nodes == paths.nodes);
    }
}

TEST_CASE("extents that do not fit are refused") {
    const auto data = test::make_data(20, 3, 2, 1);
    const Forest forest = test::fit(data, test::one_plain_tree());
    Parallel parallel(1);
    StopToken stop;
    Matrix<std::int64_t> out(20, 2);
    CHECK_THROWS_AS(apply(forest, data.x.view(), out.view(), parallel, stop), InvalidInputError);
    const Matrix<float> narrow(20, 2);
    CHECK_THROWS_AS(decision_paths(forest, narrow.view(), parallel, stop), InvalidInputError);
}

}  // namespace
}  // namespace emotion::trees
