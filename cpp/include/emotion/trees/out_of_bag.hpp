// Out-of-bag class shares of a forest that is already there, from its seed: for warm starts, whose trees come from several fits.
//
// Definition: Breiman, "Random forests", Machine Learning 45 (2001), section 3.1: each row is predicted by the trees whose bootstrap missed it.
// The draws are made again, keyed as in fit_forest, and the shares are added in the order of the trees: the bits are those of a fit of all
// trees at once. O(trees * (draws + rows * depth)). NaN: goes where the node says; a row that every tree drew has NaN shares. Threads: blocks
// of rows; the draws of all trees are kept as one bit a row and tree.
#pragma once

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

// x: the rows that every tree of the forest was fitted on, each once and in their order. options: their seed, max_samples and first_tree;
// bootstrap must be on.
OutOfBag out_of_bag_of(const Forest& forest, MatrixView<const float> x, const ForestOptions& options, Parallel& parallel, StopToken& stop);

}  // namespace emotion::trees
