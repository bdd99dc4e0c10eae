// Which fold each group belongs to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::model_selection {

// Longest-processing-time assignment (Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 1969): groups from the
// largest to the smallest, each into the lightest fold so far; the first fold wins ties, and among equal groups the later one comes first.
// group_sizes[g] >= 1; 1 <= n_splits <= groups. No fold stays empty. O(groups log groups + groups x folds). Serial, deterministic.
std::vector<std::int64_t> balanced_folds(std::span<const std::int64_t> group_sizes, std::size_t n_splits);

// Greedy stratified assignment: groups in the given order, each into the fold that leaves the smallest mean over classes of the standard
// deviation over folds of (rows of the class in the fold / rows of the class), and among nearly equal ones (relative 1e-5, absolute 1e-8)
// the fold with fewer rows. The rule is that of Wasikowski's stratified group k-fold; sums are taken in NumPy's order (columns row by row,
// rows by eight interleaved partial sums from eight classes on), so ties fall as they do in scikit-learn's implementation.
//
// counts(g, c): rows of class c in group g. Where the plain greedy rule would leave a fold empty, it runs again with the last groups kept
// for empty folds: 1 <= n_splits <= groups rows, and no fold stays empty. Every class needs a row.
// O(groups x folds^2 x classes). Serial, deterministic. The token is checked once a group.
std::vector<std::int64_t> stratified_folds(MatrixView<const double> counts, std::size_t n_splits, const StopToken& stop);

}  // namespace emotion::model_selection
