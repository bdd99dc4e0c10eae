// How unlike the training rows a row is, and from where on no answer should be given.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/views.hpp"

namespace emotion::calibration {

// A single column adds at most this to the mean: one broken column, or one with a heavy tail, does not decide alone.
inline constexpr double max_column_distance = 10.0;

// The place and the width of each training column.
struct ColumnRanges {
    std::vector<double> center;  // finite
    std::vector<double> scale;   // finite and > 0
};

// Center: the median of the column. Scale: 1.4826 times the median distance from it, which is the deviation of a normal column (Rousseeuw &
// Croux, "Alternatives to the median absolute deviation", JASA 1993); where that is 0, the mean distance times sqrt(pi / 2), which is the
// deviation of a normal column too; at least 1e-6 |center| and 1e-12, so that any real departure from a constant column counts in full.
// NaN values are left out; a column of NaN alone has center 0 and scale 1. Infinite values are an InvalidInputError, as is a matrix without rows.
// O(rows x cols) on average; columns in parallel; equal bits for any number of threads and any order of the rows up to the rounding of the mean.
template <class T>
[[nodiscard]] ColumnRanges fit_column_ranges(MatrixView<const T> x, Parallel& parallel);

// out[r] = mean over the columns c of row r that are not NaN of min(|x_rc - center_c| / scale_c, max_column_distance); infinity for a row of
// NaN alone. Sums run in column order. O(rows x cols); rows in parallel; equal bits for any number of threads.
template <class T>
void column_distances(MatrixView<const T> x, const ColumnRanges& ranges, std::span<double> out, Parallel& parallel);

}  // namespace emotion::calibration
