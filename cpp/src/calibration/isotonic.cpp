#include "emotion/calibration/isotonic.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

struct Point {
    double x = 0;
    std::uint32_t row = 0;
};

bool before(const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.row < b.row); }

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

// The rows that have weight, by x, then by row: one scattering pass into about n cells, then a sort inside each.
std::vector<Point> sorted_points(std::span<const double> x, std::span<const double> weight) {
    std::vector<Point> points;
    points.reserve(x.size());
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (weight.empty() || weight[i] > 0) {
            points.push_back({x[i], static_cast<std::uint32_t>(i)});
            low = std::min(low, x[i]);
            high = std::max(high, x[i]);
        }
    }
    constexpr std::size_t small = 64;
    if (points.size() <= small) {
        std::sort(points.begin(), points.end(), before);
        return points;
    }
    const std::size_t n_cells = points.size() / 4;
    const Cells cells(low, high, n_cells);
    std::vector<std::uint32_t> start(n_cells + 1, 0);
    for (const Point& point : points) {
        ++start[cells.of(point.x) + 1];
    }
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<Point> sorted(points.size());
    std::vector<std::uint32_t> next(start.begin(), start.end() - 1);
    for (const Point& point : points) {
        sorted[next[cells.of(point.x)]++] = point;
    }
    for (std::size_t c = 0; c < n_cells; ++c) {
        std::sort(sorted.begin() + start[c], sorted.begin() + start[c + 1], before);
    }
    return sorted;
}

// A run of pooled values.
struct Block {
    double sum = 0;     // of weight * y
    double weight = 0;
    std::size_t count = 0;

    [[nodiscard]] double value() const { return sum / weight; }
};

void require(bool holds, const char* parameter, const char* caller, const char* rule, double value) {
    if (!holds) {
        throw InvalidInputError(parameter, caller, rule, std::to_string(value));
    }
}

void check_rows(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
    constexpr const char* caller = "fit_isotonic";
    if (y.size() != x.size() || (!weight.empty() && weight.size() != x.size())) {
        throw InvalidInputError("y and weight", caller, "as long as x, " + std::to_string(x.size()), "another length");
    }
    if (x.size() >= std::numeric_limits<std::uint32_t>::max()) {
        throw InvalidInputError("x", caller, "fewer than 2**32 - 1 rows", std::to_string(x.size()));
    }
    for (const double value : x) {
        require(std::isfinite(value), "x", caller, "finite", value);
    }
    for (const double value : y) {
        require(std::isfinite(value), "y", caller, "finite", value);
    }
    for (const double value : weight) {
        require(value >= 0.0 && value <= 1e300, "weight", caller, "finite and not negative", value);
    }
}

void check_corners(std::span<const double> x, std::span<const double> y, const char* caller) {
    if (x.empty() || y.size() != x.size()) {
        throw InvalidInputError("corners", caller, "at least one, with one y an x", std::to_string(x.size()));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        require(std::isfinite(x[i]) && (i == 0 || x[i - 1] < x[i]), "corners", caller, "finite, and rising in x", x[i]);
        require(std::isfinite(y[i]), "corners", caller, "finite", y[i]);
    }
}

struct Corners {
    std::span<const double> x;
    std::span<const double> y;
};

Corners corners_of(const IsotonicMaps& maps, std::size_t k) {
    const auto begin = static_cast<std::size_t>(maps.offsets[k]);
    const std::size_t n = static_cast<std::size_t>(maps.offsets[k + 1]) - begin;
    return {std::span(maps.x).subspan(begin, n), std::span(maps.y).subspan(begin, n)};
}

}  // namespace

void isotonic_regression(std::span<double> y, std::span<const double> weight, bool increasing) {
    const double sign = increasing ? 1.0 : -1.0;
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double w = weight.empty() ? 1.0 : weight[i];
        Block block{sign * y[i] * w, w, 1};
        while (!blocks.empty() && blocks.back().value() >= block.value()) {
            const Block& last = blocks.back();
            block = {last.sum + block.sum, last.weight + block.weight, last.count + block.count};
            blocks.pop_back();
        }
        blocks.push_back(block);
    }
    std::size_t i = 0;
    for (const Block& block : blocks) {
        const std::size_t end = i + block.count;
        if (block.count > 1) {  // a value on its own stays to the bit
            std::fill(y.begin() + static_cast<std::ptrdiff_t>(i), y.begin() + static_cast<std::ptrdiff_t>(end), sign * block.value());
        }
        i = end;
    }
}

IsotonicMap fit_isotonic(std::span<const double> x, std::span<const double> y, std::span<const double> weight, const IsotonicOptions& options) {
    check_rows(x, y, weight);
    const std::vector<Point> points = sorted_points(x, weight);
    std::vector<double> at;
    std::vector<double> mean;
    std::vector<double> total;
    for (std::size_t i = 0; i < points.size();) {
        double sum = 0;
        double sum_weight = 0;
        const std::size_t first = i;
        for (; i < points.size() && points[i].x == points[first].x; ++i) {
            const double w = weight.empty() ? 1.0 : weight[points[i].row];
            sum += w * y[points[i].row];
            sum_weight += w;
        }
        at.push_back(points[first].x);
        mean.push_back(i == first + 1 ? y[points[first].row] : sum / sum_weight);
        total.push_back(sum_weight);
    }
    isotonic_regression(mean, total, options.increasing);
    IsotonicMap map;
    for (std::size_t i = 0; i < at.size(); ++i) {
        mean[i] = std::clamp(mean[i], options.y_min, options.y_max);
    }
    for (std::size_t i = 0; i < at.size(); ++i) {
        const bool inside = i > 0 && i + 1 < at.size() && mean[i - 1] == mean[i] && mean[i] == mean[i + 1];
        if (!inside) {
            map.x.push_back(at[i]);
            map.y.push_back(mean[i]);
        }
    }
    return map;
}

void apply_isotonic(std::span<const double> corner_x, std::span<const double> corner_y, std::span<const double> x, std::span<double> out) {
    constexpr const char* caller = "apply_isotonic";
    check_corners(corner_x, corner_y, caller);
    if (out.size() != x.size()) {
        throw InvalidInputError("out", caller, "as long as x", std::to_string(out.size()));
    }
    // first[c]: the number of corners in earlier cells; the corner that follows a value is sought inside the value's own cell.
    const std::size_t n_cells = std::min(2 * corner_x.size(), 4 * x.size() + 1);
    const Cells cells(corner_x.front(), corner_x.back(), n_cells);
    std::vector<std::uint32_t> first(n_cells + 1, 0);
    for (const double corner : corner_x) {
        ++first[cells.of(corner) + 1];
    }
    std::partial_sum(first.begin(), first.end(), first.begin());
    const double* const corners = corner_x.data();
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double value = x[i];
        if (!(value > corner_x.front())) {
            out[i] = std::isnan(value) ? value : corner_y.front();
        } else if (value >= corner_x.back()) {
            out[i] = corner_y.back();
        } else {
            const std::size_t cell = cells.of(value);
            const auto right = static_cast<std::size_t>(std::upper_bound(corners + first[cell], corners + first[cell + 1], value) - corners);
            // Halves, so that the widest ranges do not overflow.
            const double share = (0.5 * value - 0.5 * corners[right - 1]) / (0.5 * corners[right] - 0.5 * corners[right - 1]);
            out[i] = (1.0 - share) * corner_y[right - 1] + share * corner_y[right];
        }
    }
}

IsotonicMaps fit_isotonic_maps(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight) {
    check_training_rows(proba, y, weight, "fit_isotonic_maps");
    IsotonicMaps maps{{0}, {}, {}};
    std::vector<double> column(proba.rows);
    std::vector<double> target(proba.rows);
    for (std::size_t k = 0; k < proba.cols; ++k) {
        for (std::size_t i = 0; i < proba.rows; ++i) {
            column[i] = proba(i, k);
            target[i] = static_cast<std::size_t>(y[i]) == k ? 1.0 : 0.0;
        }
        const IsotonicMap map = fit_isotonic(column, target, weight, {});
        maps.x.insert(maps.x.end(), map.x.begin(), map.x.end());
        maps.y.insert(maps.y.end(), map.y.begin(), map.y.end());
        maps.offsets.push_back(static_cast<std::int64_t>(maps.x.size()));
    }
    return maps;
}

void apply_isotonic_maps(MatrixView<const double> proba, const IsotonicMaps& maps, MatrixView<double> out) {
    validate(maps, proba.cols, "apply_isotonic_maps");
    if (out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("out", "apply_isotonic_maps", "of the shape of proba", "another shape");
    }
    std::vector<double> column(proba.rows);
    for (std::size_t k = 0; k < proba.cols; ++k) {
        for (std::size_t i = 0; i < proba.rows; ++i) {
            column[i] = proba(i, k);
        }
        const Corners corners = corners_of(maps, k);
        if (!corners.x.empty()) {
            apply_isotonic(corners.x, corners.y, column, column);
        }
        for (std::size_t i = 0; i < proba.rows; ++i) {
            out(i, k) = std::isnan(column[i]) ? column[i] : std::max(column[i], probability_floor);
        }
    }
    for (std::size_t i = 0; i < out.rows; ++i) {
        double sum = 0;
        for (const double v : out.row(i)) {
            sum += v;  // NaN if any value is
        }
        for (double& v : out.row(i)) {
            v = std::isnan(sum) ? sum : v / sum;
        }
    }
}

void validate(const IsotonicMaps& maps, std::size_t n_classes, const char* caller) {
    const bool ordered = maps.offsets.size() == n_classes + 1 && maps.offsets.front() == 0 && std::is_sorted(maps.offsets.begin(), maps.offsets.end()) &&
                         static_cast<std::size_t>(maps.offsets.back()) == maps.x.size() && maps.y.size() == maps.x.size();
    if (!ordered) {
        throw InvalidInputError("maps", caller, "of " + std::to_string(n_classes) + " classes, whose offsets rise to the number of corners", "others");
    }
    for (std::size_t k = 0; k < n_classes; ++k) {
        const Corners corners = corners_of(maps, k);
        if (!corners.x.empty()) {
            check_corners(corners.x, corners.y, caller);
        }
    }
    for (const double value : maps.y) {
        require(value >= 0.0 && value <= 1.0, "maps", caller, "of values from 0 to 1", value);
    }
}

}  // namespace emotion::calibration
