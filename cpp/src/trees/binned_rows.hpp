// The columns of one boosting fit as codes of one byte, row by row, with edges from the training rows alone.
//
// Columns with a single value are left out; the others are ordered by their number of bins and padded to blocks of eight, so that a
// block's histogram has as many bins as its widest column. The code past a block's bins stands for NaN.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::trees {

inline constexpr std::size_t lanes = 8;   // columns a block

struct BinnedRows {
    // training: position -> counts for the edges; rows elsewhere are only encoded. weights: empty or one a position.
    BinnedRows(MatrixView<const float> x, std::span<const std::int32_t> rows, std::span<const std::uint8_t> held_out, std::span<const double> weights,
               int max_bins, Parallel& parallel, StopToken& stop);

    [[nodiscard]] std::size_t n_blocks() const { return stride / lanes; }
    [[nodiscard]] const std::uint8_t* row(std::size_t position) const { return codes.data() + position * stride; }

    std::size_t n_positions = 0;
    std::size_t stride = 0;                        // bytes a row: a multiple of 8
    std::vector<std::int32_t> column;              // place -> column of the matrix; -1: padding
    std::vector<std::vector<float>> edges;         // place -> upper ends of all bins but the last
    std::vector<std::uint8_t> has_missing;         // place -> NaN in a training row
    std::vector<std::int32_t> block_bins;          // without NaN's
    std::vector<std::uint8_t> block_missing;       // some column of the block has NaN in a training row
    std::vector<std::size_t> block_offset;         // in bins, NaN's included; the last is their sum
    std::vector<std::uint8_t> codes;
};

// The last value of each bin but the last, as places in mass: a bin a value where they are at most max_bins, else bins of nearly equal mass.
std::vector<std::size_t> bin_ends(std::span<const double> mass, int max_bins);

// Upper ends of the bins: halfway between distinct values where they are at most max_bins, else between bins of nearly equal weight.
// values: sorted, without NaN. weights: one a value, or empty.
std::vector<float> bin_edges(std::span<const float> values, std::span<const double> weights, int max_bins);

}  // namespace emotion::trees
