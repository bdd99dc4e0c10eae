// Where rows go in the trees of a forest: the leaf of each tree, and every node on the way to it.
//
// Definition: as scikit-learn's apply and decision_path, with this forest's numbering: nodes count from 0 in each tree, the root first, a child after
// its parent. NaN goes where the node says. O(trees * depth) a row, no layout of its own. Determinism: integers, one place a row and tree.
// Threads: blocks of rows.
#pragma once

#include <cstdint>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

// out(r, t): the leaf of row r in tree t, counted in that tree.
void apply(const Forest& forest, MatrixView<const float> x, MatrixView<std::int64_t> out, Parallel& parallel, StopToken& stop);

// The nodes that row r passes in all trees, root and leaf included, ascending: nodes[starts[r]] … nodes[starts[r + 1] - 1], counted over
// the whole forest. The rows of a sparse matrix of rows x nodes.
struct DecisionPaths {
    std::vector<std::int64_t> starts;
    std::vector<std::int64_t> nodes;
};
DecisionPaths decision_paths(const Forest& forest, MatrixView<const float> x, Parallel& parallel, StopToken& stop);

}  // namespace emotion::trees
