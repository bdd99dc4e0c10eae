// Values of an isotonic map: a table of equal cells finds the corners around a value without a search.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace emotion::calibration {

// Cuts [low, high] into equal cells, monotone in x whatever the rounding.
class Cells {
public:
    Cells(double low, double high, std::size_t n) : low_(low), n_(n) {
        const double width = high / static_cast<double>(n) - low / static_cast<double>(n);  // no overflow for the widest range
        scale_ = width > 0 && std::isfinite(1.0 / width) ? 1.0 / width : 0.0;
    }
    [[nodiscard]] std::size_t of(double x) const {
        const double at = (x - low_) * scale_;
        return at >= static_cast<double>(n_ - 1) ? n_ - 1 : at > 0 ? static_cast<std::size_t>(at) : 0;
    }

private:
    double low_;
    double scale_ = 0;
    std::size_t n_;
};

// The piecewise linear function between corners that check_corners() accepts; it does not own them. Level outside; NaN stays NaN.
class IsotonicLookup {
public:
    // n_values: about how many values will be asked for, which bounds the table.
    IsotonicLookup(std::span<const double> corner_x, std::span<const double> corner_y, std::size_t n_values)
        : x_(corner_x), y_(corner_y), cells_(corner_x.front(), corner_x.back(), n_cells(corner_x.size(), n_values)), first_(n_cells(corner_x.size(), n_values) + 1, 0) {
        // first_[c]: the number of corners in earlier cells; the corner that follows a value is sought inside the value's own cell.
        for (const double corner : corner_x) {
            ++first_[cells_.of(corner) + 1];
        }
        std::partial_sum(first_.begin(), first_.end(), first_.begin());
    }

    [[nodiscard]] double operator()(double value) const {
        if (!(value > x_.front())) {
            return std::isnan(value) ? value : y_.front();
        }
        if (value >= x_.back()) {
            return y_.back();
        }
        const double* const corners = x_.data();
        const std::size_t cell = cells_.of(value);
        const auto right = static_cast<std::size_t>(std::upper_bound(corners + first_[cell], corners + first_[cell + 1], value) - corners);
        if (y_[right - 1] == y_[right]) {  // most values, where many rows made the map
            return y_[right];
        }
        // Halves, so that the widest ranges do not overflow.
        const double share = (0.5 * value - 0.5 * corners[right - 1]) / (0.5 * corners[right] - 0.5 * corners[right - 1]);
        return (1.0 - share) * y_[right - 1] + share * y_[right];
    }

private:
    static std::size_t n_cells(std::size_t n_corners, std::size_t n_values) { return std::min(2 * n_corners, 4 * n_values + 1); }

    std::span<const double> x_;
    std::span<const double> y_;
    Cells cells_;
    std::vector<std::uint32_t> first_;
};

}  // namespace emotion::calibration
