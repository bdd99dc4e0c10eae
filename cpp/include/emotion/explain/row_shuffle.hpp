// Which row's columns a row gets when groups of columns are shuffled to measure their importance.
//
// Source: Breiman, "Random forests", Machine Learning 45 (2001), section 10 (permutation importance). The shuffle is Fisher and Yates's, over all rows or within
// strata (rows of one speaker). Complexity O(rows). Determinism: a function of the seed, the two numbers and the strata; the number of threads has no part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace emotion::explain {

// The source of each row: a permutation of 0 … n - 1. strata: n codes from 0, or empty for one stratum; rows exchange within their stratum only, strata in
// the order of their codes. index, sub_index: what the shuffle is for. Throws InvalidInputError for strata of another length or outside 0 … n - 1.
std::vector<std::int64_t> shuffled_rows(std::size_t n, std::span<const std::int64_t> strata, std::uint64_t seed, std::uint64_t index, std::uint64_t sub_index);

}  // namespace emotion::explain
