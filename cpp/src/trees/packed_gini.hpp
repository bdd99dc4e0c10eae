// Kernels of the search for the best Gini split: counting ranks, and scoring many boundaries at once.
//
// All sums are integers, and a boundary is compared by the rule of GiniScore, so a kernel finds the very boundary that a scan of sorted keys
// finds. With S the sum of squared class counts on a side and L, R the copies on both: a boundary is better if S_L R + S_R L > best L R.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emotion::trees {

inline constexpr std::size_t packed_classes = 8;     // classes that the kernels hold
inline constexpr std::uint64_t packed_copies = 255;  // most copies of a node whose class counts are bytes of one word
inline constexpr std::size_t ranked_places = 64;     // most places of rank_bytes
inline constexpr std::size_t padding = 16;           // words that best_boundary may write behind the last

// ranks[i] = the number of codes below codes[i]; n <= ranked_places. Both arrays have ranked_places bytes.
void rank_bytes(const std::uint8_t* codes, std::size_t n, std::uint8_t* ranks);

// The best boundary behind one of n prefixes, byte c of which counts class c left of it; n if none is better than `best`, which it raises.
// A prefix equal to the one before it is passed over. total: of the node, `all` its copies; at least `least` copies must be on both sides.
std::size_t best_boundary(std::uint64_t* prefixes, std::size_t n, std::uint64_t total, std::uint32_t all, std::uint32_t least, double* best);

// The best boundary behind one of the bins [begin, end), eight counts a bin; end if none is better. left: counts left of the first bin; total: of the node.
// Empty bins are passed over.
std::size_t best_bin(const std::uint32_t* counts, std::size_t begin, std::size_t end, const std::uint32_t* left, const std::uint32_t* total, double least,
                     double* best);

}  // namespace emotion::trees
