#include "../../src/trees/boosting_tree.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "boostings.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("leaves hold the rows that walk to them, and keep the rules") {
    const Matrix<float> x = test::random_rows(9'000, 12, 2, 0.05);
    std::vector<std::int32_t> rows(x.rows);
    std::iota(rows.begin(), rows.end(), 0);
    Parallel parallel(2);
    StopToken stop;
    const BinnedRows binned(x.view(), rows, {}, {}, 255, parallel, stop);
    const std::vector<double> weight;
    GradientRows data{&binned, {}, std::vector<double>(x.rows), std::vector<double>(x.rows, 0.25), &weight};
    for (std::uint32_t r = 0; r < x.rows; ++r) {
        data.drawn.push_back(r);
        data.g[r] = std::isnan(x(r, 3)) ? 0.9 : std::sin(3 * static_cast<double>(x(r, 3))) / 2;
    }
    BoostingOptions options;
    options.max_depth = -1;
    options.max_leaf_nodes = 20;
    options.min_samples_leaf = 30;
    const GradientTree tree = grow_tree(data, options, 0, parallel, false, stop);
    const GradientTree split = grow_tree(data, options, 0, parallel, true, stop);
    CHECK(tree.rows == split.rows);
    CHECK(tree.nodes.size() == 39);
    std::size_t covered = 0;
    for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
        const GradientTree::Node& node = tree.nodes[i];
        if (node.place >= 0) {
            continue;
        }
        CHECK(node.end - node.begin >= 30);
        covered += node.end - node.begin;
        double g = 0;
        for (std::uint32_t r = node.begin; r < node.end; ++r) {
            REQUIRE(tree.leaf_of(binned.row(tree.rows[r]), binned) == i);
            g += data.g[tree.rows[r]];
        }
        CHECK(node.g == g);
    }
    CHECK(covered == x.rows);
    options.max_leaf_nodes = -1;
    options.max_depth = 2;
    // The rows with NaN in column 3 share one gradient: their child is pure and stays a leaf.
    const GradientTree shallow = grow_tree(data, options, 0, parallel, false, stop);
    CHECK(shallow.nodes.size() == 5);
    for (const GradientTree::Node& node : shallow.nodes) {
        CHECK(node.depth <= 2);
    }
    stop.request_stop();
    CHECK_THROWS_AS(grow_tree(data, options, 0, parallel, false, stop), Cancelled);
}

}  // namespace
}  // namespace emotion::trees
