// The columns of a large forest fit as bins, one byte an item.
//
// Definition: the distinct values of a column among the training positions, counted as often as positions have them, are parted into at
// most 255 bins of nearly equal counts (bin_ends); a column of at most 255 distinct values has a bin for each of them. Positions of
// weight 0 do not count. A split lies between two bins, halfway between the largest training value of the lower and the smallest of
// the upper.
// NaN policy: NaN gets the code past the last bin. Deterministic for any number of threads; depends on training positions alone, so
// copies of a row act as copied rows. O(positions) a column from rank codes, plus a radix sort from a matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

// The training values that bound each bin of a column, ascending.
struct Bins {
    std::vector<float> smallest;
    std::vector<float> largest;
};

class BinnedItems {
public:
    static constexpr int max_bins = 255;

    BinnedItems() = default;
    // item_row: item -> row of the matrix. Both give the same bins for the same values.
    BinnedItems(const TrainingSet& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop);
    BinnedItems(const LabelledRows& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop);

    [[nodiscard]] std::size_t n_columns() const { return bins.size(); }
    [[nodiscard]] const std::uint8_t* column(std::size_t j) const { return columns_.data() + j * n_items_; }
    [[nodiscard]] const std::uint8_t* row(std::size_t item) const { return rows_.data() + item * bins.size(); }

    std::vector<Bins> bins;   // one a column

private:
    BinnedItems(std::size_t n_items, std::size_t n_columns);
    void encode(const LabelledRows& data, std::span<const std::uint32_t> item_row, std::size_t begin, std::size_t end);
    void copy_rows(Parallel& parallel, StopToken& stop);

    std::size_t n_items_ = 0;
    std::vector<std::uint8_t> columns_;   // column-major: column after column
    std::vector<std::uint8_t> rows_;      // row-major: what a small node copies
};

}  // namespace emotion::trees
