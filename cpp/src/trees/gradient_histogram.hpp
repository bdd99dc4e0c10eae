// Histograms of integer gradients over blocks of eight columns, one column a SIMD lane, and the search for the best split in one.
//
// A bin holds 3 x 8 sums: gradients, second derivatives and rows. Rows are added in chunks of at most chunk_rows to a scratch of one 64-bit
// word a bin and column, which packs all three, and then spread. All sums are exact, so no order matters. Serial, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emotion::trees {

inline constexpr std::size_t chunk_rows = 4096;
inline constexpr std::size_t bin_words = 24;             // int32 a bin of a block
inline constexpr std::int32_t largest_quantum = 8191;    // of a gradient, either sign, and of a second derivative

// |g| <= largest_quantum, 0 <= h <= largest_quantum. Bits: rows 13, second derivatives 25, gradients (shifted to be positive) 26.
constexpr std::uint64_t packed(std::int32_t g, std::int32_t h) {
    return static_cast<std::uint64_t>(g + largest_quantum + 1) << 38 | static_cast<std::uint64_t>(h) << 13 | 1U;
}

struct Sums {
    std::int64_t g = 0;
    std::int64_t h = 0;
    std::int64_t n = 0;
};

// scratch[code * 8 + lane] += words[i], for n <= chunk_rows rows; codes: of the block's first column in row 0.
void add_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, const std::uint64_t* words, std::uint64_t* scratch);
// Adds the scratch to the histogram (or sets it), and clears the scratch.
void spread(std::uint64_t* scratch, std::size_t n_bins, std::int32_t* histogram, bool set);
// Takes rows out of the histogram: what few rows need, whose scratch would be nearly empty.
void take_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, const std::uint64_t* words, std::int32_t* histogram);
// parent -= child, n words.
void subtract(std::int32_t* parent, const std::int32_t* child, std::size_t n);

struct ScanRules {
    float l2 = 0;              // in units of the second derivatives
    std::int32_t min_rows = 1;
    std::int32_t min_h = 1;
    float scale_h = 1;         // a power of two that keeps products in range
    const std::int32_t* weight = nullptr;   // bins x 8 integer weights, or none
    std::int32_t min_weight = 0;
    std::int32_t weight_sum = 0;
};

// The best split of each of the eight columns: after `bin`, NaN to the left or not; the decrease is numerator / denominator (in scaled units,
// without the node's own term). bin -1: none.
struct LaneSplits {
    float numerator[8];
    float denominator[8];
    std::int32_t bin[8];
    std::int32_t missing_left[8];
};
void scan_block(const std::int32_t* histogram, std::int32_t n_bins, bool missing, const Sums& total, const ScanRules& rules, LaneSplits& out);

}  // namespace emotion::trees
