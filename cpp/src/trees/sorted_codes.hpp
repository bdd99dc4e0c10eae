// The search for the best split of a node of few rows: with fewer rows than bins, sorting them costs less than keeping a histogram.
//
// Sixteen columns are sorted at a time, one a SIMD lane, by a network of comparators (K. E. Batcher, Sorting networks and their applications,
// AFIPS 1968: odd-even merge sort). A key is the row's code and, below it, its number in the node, so keys differ and their order is unique.
// The scan finds what scan_block finds in the node's histogram, to the bit: it meets the same sums at the same codes. Serial, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gradient_histogram.hpp"

namespace emotion::trees {

inline constexpr std::size_t most_sorted = 128;    // rows
inline constexpr std::size_t sorted_lanes = 16;

// keys[i * 16 + lane]: the lane's i-th smallest code * 256 + number of its row in rows; n <= most_sorted.
// codes: of the first column in row 0; columns: 8 or 16 of them are read, the other lanes are zero codes.
void sort_codes(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, std::size_t columns, std::uint16_t* keys);

// keys: of the first of eight lanes; words: packed gradients by number of the row. The rules' weights are not looked at, and no code may stand for NaN.
void scan_sorted(const std::uint16_t* keys, std::size_t n, const std::uint64_t* words, const Sums& total, const ScanRules& rules, LaneSplits& out);

}  // namespace emotion::trees
