// Isotonic regression: the monotone step function nearest to the data. Its use as a calibration map: isotonic_maps.hpp.
//
// Definition: of all non-decreasing f, the one that minimises sum_i w_i (y_i - f(x_i))^2. Rows whose x lie closer together than numbers of their type
// are told apart in decimal digits (1e-15, or 1e-6 of float32, from the smallest of them on, as in scikit-learn) are one point: at the smallest x, with
// their weighted mean and total weight. So a value's last bits, which an order of additions decides, make no step. Rows of weight 0 do not count.
// Source: Barlow, Bartholomew, Bremner & Brunk, "Statistical Inference under Order Restrictions", 1972 (pool adjacent violators). Blocks keep sums, not
// running means, so that a block's value is rounded once. NaN and infinity are an InvalidInputError. Complexity: pooling O(n); sorting O(n) for spread
// values, O(n log n) at worst.
// Serial; deterministic: the order of the rows changes nothing but the rounding of sums over ties.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace emotion::calibration {

// Whether x, not below `first`, is one point with it; single: both came from float32, and their difference is taken there.
[[nodiscard]] inline bool one_point(double first, double x, bool single) {
    return single ? static_cast<float>(x) - static_cast<float>(first) < 1e-6F : x - first < 1e-15;
}

// Pools adjacent violators in place. weight: empty, or one positive number a value.
void isotonic_regression(std::span<double> y, std::span<const double> weight, bool increasing);

// Corners of the fitted function, x increasing: between them it is linear, outside it stays at the ends. Points inside a run of equal y are left out.
struct IsotonicMap {
    std::vector<double> x;
    std::vector<double> y;
};

struct IsotonicOptions {
    bool increasing = true;
    bool single = false;                                       // x came from float32
    double y_min = -std::numeric_limits<double>::infinity();  // values are clipped to [y_min, y_max]
    double y_max = std::numeric_limits<double>::infinity();
};

// weight: empty, or one number >= 0 a row. A map without corners if no row has weight.
[[nodiscard]] IsotonicMap fit_isotonic(std::span<const double> x, std::span<const double> y, std::span<const double> weight, const IsotonicOptions& options);

// out[i] = f(x[i]), clipped at the ends; NaN stays NaN. In place is allowed. O(n) for spread corners, O(n log corners) at worst.
// Throws InvalidInputError unless there is a corner, x increases, and both are finite.
void apply_isotonic(std::span<const double> corner_x, std::span<const double> corner_y, std::span<const double> x, std::span<double> out);

// Throws InvalidInputError naming `caller` unless there is a corner, one y an x, x increases, and both are finite.
void check_corners(std::span<const double> x, std::span<const double> y, const char* caller);

}  // namespace emotion::calibration
