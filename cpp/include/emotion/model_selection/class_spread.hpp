// Repair of an assignment in which a fold is empty or lacks a class that it could have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/model_selection/class_counts.hpp"

namespace emotion::model_selection {

// What an assignment lacks. A class in G groups can be in at most min(folds, G) folds.
struct ClassSpread {
    std::size_t empty_folds = 0;
    std::size_t missing = 0;  // sum over classes of min(folds, groups of the class) - folds with the class
};

[[nodiscard]] ClassSpread class_spread(const ClassCounts& counts, std::span<const std::int64_t> fold, std::size_t n_splits);

// Moves groups between folds until no fold is empty and as many (class, fold) pairs as can be found are present, then evens the class shares
// (the mean over classes of their standard deviation over folds) as far as single moves and exchanges of two groups go without losing either.
// An assignment that lacks nothing is left as it is.
//
// Method: best-improvement local search on (empty folds, missing pairs, deviation) in this order; where pairs are still missing, a
// depth-first search with bounds over all assignments (exact where it ends within 200,000 nodes, which it does up to about twelve groups), and
// else a tabu search of 20,000 steps at most (Glover, "Tabu search", ORSA J. Comput. 1989). Whether all classes can be everywhere at once is
// NP-complete (it is polychromatic colouring of a hypergraph), so beyond the exact part the result is a good one, not a proven best.
// fold: 0 to n_splits - 1 for each group; n_splits <= groups. At most about 2 million evaluations of an exchange. Serial, deterministic (its
// random choices are a fixed stream). The token is checked at every step.
void spread_classes(const ClassCounts& counts, std::size_t n_splits, std::vector<std::int64_t>& fold, const StopToken& stop);

}  // namespace emotion::model_selection
