// Which fold each group belongs to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/model_selection/class_counts.hpp"

namespace emotion::model_selection {

// Longest-processing-time assignment (Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 1969): groups from the
// largest to the smallest, each into the lightest fold so far; the first fold wins ties, and among equal groups the later one comes first.
// group_sizes[g] >= 1; 1 <= n_splits <= groups. No fold stays empty. O(groups log groups). Serial, deterministic.
std::vector<std::int64_t> balanced_folds(std::span<const std::int64_t> group_sizes, std::size_t n_splits);

// Greedy stratified assignment: groups from the most uneven in classes (`class_deviations`) to the most even, ties in the given order, each
// into the fold that leaves the smallest mean over classes of the standard deviation over folds of (rows of the class in the fold / rows of
// the class), and among nearly equal ones (relative 1e-5, absolute 1e-8) the fold with fewer rows. The rule is that of Wasikowski's stratified
// group k-fold; its result equals that of scikit-learn's implementation to the last tie.
//
// Method: with n_fc rows of class c in fold f, N_c their sum and Q_c the sum of squares, the deviation of class c times (folds x total) is
// sqrt(folds Q_c - N_c^2), where everything below the root is an integer and exact, and only the classes of the group change it. Two folds
// whose values differ by more than rounding could explain are told apart so; the others are evaluated as NumPy would, sum by sum
// (an exact filter: Shewchuk, "Adaptive precision floating-point arithmetic", Discrete Comput. Geom. 1997).
//
// order: the groups, each once; ties of the deviation fall in this order. Folds may stay empty, and a fold may lack a class: see
// `spread_classes`. 1 <= n_splits <= groups; every class has a row. O(entries x folds), plus O(folds x classes) for each tie.
// Serial, deterministic. The token is checked once a group.
std::vector<std::int64_t> stratified_folds(const ClassCounts& counts, std::span<const std::int64_t> order, std::size_t n_splits, const StopToken& stop);

}  // namespace emotion::model_selection
