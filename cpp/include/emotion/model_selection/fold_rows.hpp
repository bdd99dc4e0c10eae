// The rows of each fold, from the folds of the groups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::model_selection {

struct FoldRows {
    std::vector<std::int64_t> rows;   // all rows, fold after fold, increasing within a fold
    std::vector<std::int64_t> start;  // n_folds + 1: fold k is rows[start[k]] … rows[start[k + 1] - 1]
};

// Sorts rows by the fold of their group: row i is in fold fold_of_group[group[i]], or group[i] where fold_of_group is empty. Groups in fold
// -1 are in no fold; their rows are left out. A counting sort, O(rows + folds). Serial, deterministic. The token is checked every 65,536 rows.
// Worked case: groups (0, 1, 0, 2) in folds (1, 0, 1) give rows (1 | 0, 2, 3).
FoldRows rows_by_fold(std::span<const std::int64_t> group, std::span<const std::int64_t> fold_of_group, std::size_t n_folds, const StopToken& stop);

// The rows of 0 … n - 1 that are not in `part` (strictly increasing), written to `out` of n - part.size() places.
// O(n) sequential writes: a fold of few rows costs one pass of counting up.
void other_rows(std::span<const std::int64_t> part, std::size_t n, std::span<std::int64_t> out);

}  // namespace emotion::model_selection
