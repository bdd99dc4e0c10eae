// Exact nearest neighbours of rows among rows, by Euclidean distance.
//
// Definition: for each query the k rows with the smallest (squared distance, row number), the query itself left out. The squared distance is
// the sum of the squared differences in float64, in a fixed order, so neither blocks, nor threads, nor the instruction set change a bit.
// How: brute force in two stages. Rows are centred, scaled by a power of two and packed as float32; dot products of blocks give a lower bound
// of every squared distance, with the rounding of float32 bounded by (columns + 32) 2^-24 of the two squared norms. Only pairs whose bound does
// not exceed the k-th best distance so far get the float64 sum. Where most rows are queries every pair of blocks serves both its sides.
// Complexity O(queries x rows x columns), half of it where rows are queries. Memory: rows x columns floats, queries x k pairs.
// NaN policy: none may occur. Infinite distances (overflow) are ordered by row number. Threads: pairs of blocks in any order; the result
// is the one set of k smallest, whatever the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::sampling {

struct Neighbours {
    std::size_t k = 0;                     // at most the number of other rows
    std::vector<std::int32_t> row;         // queries x k: row numbers of x, nearest first
    std::vector<double> squared_distance;  // queries x k

    [[nodiscard]] std::span<const std::int32_t> of(std::size_t query) const { return std::span(row).subspan(query * k, k); }
};

// rows: distinct row numbers of x, ascending: what is searched. queries: positions within `rows`, ascending.
template <class T>
Neighbours nearest_neighbours(MatrixView<const T> x, std::span<const std::int32_t> rows, std::span<const std::int32_t> queries, std::size_t k,
                              Parallel& parallel, StopToken& stop);

}  // namespace emotion::sampling
