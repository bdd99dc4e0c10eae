// Rank codes: every column of a matrix replaced by the ranks of its values among the column's distinct values.
//
// Built once, immutable, shared by all trees of all folds. Exact: a tree that compares codes and places thresholds at midpoints of
// training values in the node equals a tree grown on the values themselves. Complexity O(rows log rows) a column.
// NaN policy: NaN gets the code n_distinct(column), past every value. Infinities are ordinary values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::trees {

class RankCodes {
public:
    // Encodes all columns; equal bits for any number of threads.
    static RankCodes build(MatrixView<const float> x, Parallel& parallel, StopToken& stop);
    static RankCodes build(MatrixView<const double> x, Parallel& parallel, StopToken& stop);

    [[nodiscard]] std::size_t n_rows() const { return n_rows_; }
    [[nodiscard]] std::size_t n_features() const { return values_.size(); }
    // Column-major: the codes of one column, one a row.
    [[nodiscard]] std::span<const std::uint32_t> wide(std::size_t column) const;    // when is_wide()
    [[nodiscard]] std::span<const std::uint16_t> narrow(std::size_t column) const;  // otherwise
    [[nodiscard]] bool is_wide() const { return is_wide_; }  // some column has more than 65,535 distinct values (NaN counted)
    // Large matrices are also held row-major, so that a tree can copy the rows of a small node at the price of a few cache lines each.
    [[nodiscard]] bool has_rows() const { return !narrow_rows_.empty() || !wide_rows_.empty(); }
    [[nodiscard]] const std::uint32_t* wide_row(std::size_t row) const { return wide_rows_.data() + row * n_features(); }
    [[nodiscard]] const std::uint16_t* narrow_row(std::size_t row) const { return narrow_rows_.data() + row * n_features(); }
    // The distinct values of a column, ascending, without NaN. float32 input is widened exactly.
    [[nodiscard]] std::span<const double> values(std::size_t column) const { return values_[column]; }
    [[nodiscard]] std::size_t n_distinct(std::size_t column) const { return values_[column].size(); }
    [[nodiscard]] bool has_missing(std::size_t column) const { return has_missing_[column] != 0; }

private:
    template <class Float>
    static RankCodes encode_all(MatrixView<const Float> x, Parallel& parallel, StopToken& stop);

    std::size_t n_rows_ = 0;
    bool is_wide_ = false;
    std::vector<std::uint16_t> narrow_;
    std::vector<std::uint32_t> wide_;
    std::vector<std::uint16_t> narrow_rows_;
    std::vector<std::uint32_t> wide_rows_;
    std::vector<std::vector<double>> values_;
    std::vector<std::uint8_t> has_missing_;
};

}  // namespace emotion::trees
