// The values of the training items, as random cuts read them: float32, column by column, and row by row where they do not fit the cache.
//
// -0 is stored as 0. NaN stays NaN. Equal bits for any number of threads; O(items) a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

class ItemValues {
public:
    ItemValues() = default;
    // item_row: item -> row of the matrix.
    ItemValues(const TrainingSet& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop);
    ItemValues(const LabelledRows& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop);

    [[nodiscard]] std::size_t n_columns() const { return n_columns_; }
    [[nodiscard]] const float* column(std::size_t j) const { return columns_.data() + j * n_items_; }
    [[nodiscard]] bool has_rows() const { return !rows_.empty(); }
    [[nodiscard]] const float* row(std::size_t item) const { return rows_.data() + item * n_columns_; }

private:
    void copy_rows(Parallel& parallel, StopToken& stop);

    std::size_t n_items_ = 0;
    std::size_t n_columns_ = 0;
    std::vector<float> columns_;
    std::vector<float> rows_;
};

}  // namespace emotion::trees
