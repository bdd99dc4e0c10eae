// Groups that a split must keep whole: connected components of rows that share a key.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace emotion::model_selection {

// The connected components of the graph whose nodes are rows and whose edges join rows with an equal, known value of any key.
//
// keys[j][i] is the code of row i under key j (speaker, recording, content, …); a negative code means "unknown" and joins nothing.
// All keys must have the same length. Components are numbered 0, 1, … in the order of their first row, so the result does not depend
// on the codes chosen.
//
// Method: disjoint sets with path halving and union by size (Tarjan & van Leeuwen, "Worst-case analysis of set union algorithms",
// J. ACM 1984); O(rows x keys) in practice. Serial, deterministic.
// Worked case: speaker (0, 0, 1, 2), recording (5, 6, 6, 7) gives components (0, 0, 0, 1): rows 1 and 2 share recording 6.
std::vector<std::int64_t> join_groups(const std::vector<std::span<const std::int64_t>>& keys);

}  // namespace emotion::model_selection
