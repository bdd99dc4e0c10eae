#include "emotion/calibration/out_of_distribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::calibration {
namespace {

constexpr double normal_deviation = 1.4826022185056018;  // 1 / the third quartile of the standard normal distribution
constexpr double relative_floor = 1e-6;
constexpr double absolute_floor = 1e-12;
constexpr std::size_t columns_a_task = 16;
constexpr std::size_t rows_a_task = 256;

// The median; reorders the values. Halves are added separately, so that the mean of two large values does not overflow.
double median(std::span<double> values) {
    const std::size_t half = values.size() / 2;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(half);
    std::nth_element(values.begin(), middle, values.end());
    const double upper = *middle;
    return values.size() % 2 == 1 ? upper : 0.5 * *std::max_element(values.begin(), middle) + 0.5 * upper;
}

double width(std::span<double> values, double center) {
    for (double& value : values) {
        value = std::abs(value - center);
    }
    double scale = normal_deviation * median(values);
    if (scale == 0) {
        std::sort(values.begin(), values.end());  // the mean does not depend on the order of the rows
        double sum = 0;
        for (const double value : values) {
            sum += value / static_cast<double>(values.size());
        }
        scale = std::sqrt(std::numbers::pi / 2) * sum;
    }
    return std::max({scale, relative_floor * std::abs(center), absolute_floor});
}

}  // namespace

template <class T>
ColumnRanges fit_column_ranges(MatrixView<const T> x, Parallel& parallel) {
    if (x.rows == 0) {
        throw InvalidInputError("X", "fit_column_ranges", "at least one row", "none");
    }
    ColumnRanges ranges{std::vector<double>(x.cols, 0.0), std::vector<double>(x.cols, 1.0)};
    parallel.blocks(x.cols, columns_a_task, [&](std::size_t begin, std::size_t end) {
        std::vector<double> values;
        values.reserve(x.rows);
        for (std::size_t c = begin; c < end; ++c) {
            values.clear();
            for (std::size_t r = 0; r < x.rows; ++r) {
                const auto value = static_cast<double>(x(r, c));
                if (std::isinf(value)) {
                    throw InvalidInputError("X", "fit_column_ranges", "free of infinity", "infinity in column " + std::to_string(c));
                }
                if (!std::isnan(value)) {
                    values.push_back(value);
                }
            }
            if (!values.empty()) {
                ranges.center[c] = median(values);
                ranges.scale[c] = std::min(width(values, ranges.center[c]), std::numeric_limits<double>::max());
            }
        }
    });
    return ranges;
}

template <class T>
void column_distances(MatrixView<const T> x, const ColumnRanges& ranges, std::span<double> out, Parallel& parallel) {
    if (ranges.center.size() != x.cols || ranges.scale.size() != x.cols || out.size() != x.rows) {
        throw InvalidInputError("X", "column_distances", "a matrix of " + std::to_string(ranges.center.size()) + " columns and a row for each result",
                                std::to_string(x.rows) + " x " + std::to_string(x.cols));
    }
    parallel.blocks(x.rows, rows_a_task, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
            const T* const row = x.data + r * x.cols;
            double sum = 0;
            std::size_t known = 0;
            for (std::size_t c = 0; c < x.cols; ++c) {
                const double distance = std::abs(static_cast<double>(row[c]) - ranges.center[c]) / ranges.scale[c];
                if (!std::isnan(distance)) {
                    sum += std::min(distance, max_column_distance);
                    ++known;
                }
            }
            out[r] = known > 0 ? sum / static_cast<double>(known) : std::numeric_limits<double>::infinity();
        }
    });
}

template ColumnRanges fit_column_ranges<float>(MatrixView<const float>, Parallel&);
template ColumnRanges fit_column_ranges<double>(MatrixView<const double>, Parallel&);
template void column_distances<float>(MatrixView<const float>, const ColumnRanges&, std::span<double>, Parallel&);
template void column_distances<double>(MatrixView<const double>, const ColumnRanges&, std::span<double>, Parallel&);

}  // namespace emotion::calibration
