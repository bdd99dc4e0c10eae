// Filling of missing values (NaN) by one value a column: mean, median, most frequent value or a constant.
//
// Definitions as in scikit-learn: the median of an even count is the mean of the middle two; among equally frequent values the smallest
// wins. A column without any value is dropped, or kept and filled with 0 (`keep_empty_features`); a constant fills it in either case when
// kept. Complexity O(rows columns), medians and modes O(rows log rows) a column. NaN policy: NaN is what is filled; infinities are values.
// Determinism: means are summed in row order, block after block; threads over columns, equal bits for any number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/views.hpp"

namespace emotion::preprocessing {

enum class ImputeStrategy { mean, median, most_frequent, constant };

struct ImputerOptions {
    ImputeStrategy strategy = ImputeStrategy::mean;
    double fill_value = 0;
    bool keep_empty_features = false;

    friend bool operator==(const ImputerOptions&, const ImputerOptions&) = default;
};

// statistics: one value an input column; NaN marks a column that the transform drops.
struct SimpleImputer {
    std::vector<double> statistics;

    // Input columns that are kept, ascending.
    [[nodiscard]] std::vector<std::int32_t> kept_columns() const;
    // out has one column a kept column.
    template <class T>
    void transform(MatrixView<const T> x, MatrixView<T> out) const;
};

// Statistics of one column whose values (NaN included) are given in row order; the buffer is reordered.
template <class T>
[[nodiscard]] double impute_statistic(std::span<T> column, const ImputerOptions& options);

template <class T>
[[nodiscard]] SimpleImputer fit_imputer(MatrixView<const T> x, const ImputerOptions& options, Parallel& parallel);

}  // namespace emotion::preprocessing
