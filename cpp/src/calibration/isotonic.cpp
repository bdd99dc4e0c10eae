#include "emotion/calibration/isotonic.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

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
    for (std::size_t c = 0; c < n_cells; ++c) {
        start[c + 1] += start[c];
    }
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

void apply_isotonic(const IsotonicMap& map, std::span<const double> x, std::span<double> out) {
    constexpr const char* caller = "apply_isotonic";
    if (map.x.empty() || map.y.size() != map.x.size()) {
        throw InvalidInputError("map", caller, "of at least one corner, with one y an x", std::to_string(map.x.size()));
    }
    if (out.size() != x.size()) {
        throw InvalidInputError("out", caller, "as long as x", std::to_string(out.size()));
    }
    // first[c]: the number of corners in earlier cells; the corner that follows a value is sought inside the value's own cell.
    const std::size_t n_cells = 2 * map.x.size();
    const Cells cells(map.x.front(), map.x.back(), n_cells);
    std::vector<std::uint32_t> first(n_cells + 1, 0);
    for (const double corner : map.x) {
        ++first[cells.of(corner) + 1];
    }
    for (std::size_t c = 0; c < n_cells; ++c) {
        first[c + 1] += first[c];
    }
    const double* const corners = map.x.data();
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double value = x[i];
        if (!(value > map.x.front())) {
            out[i] = std::isnan(value) ? value : map.y.front();
            continue;
        }
        if (value >= map.x.back()) {
            out[i] = map.y.back();
            continue;
        }
        const std::size_t cell = cells.of(value);
        const auto right = static_cast<std::size_t>(std::upper_bound(corners + first[cell], corners + first[cell + 1], value) - corners);
        const double share = (value - map.x[right - 1]) / (map.x[right] - map.x[right - 1]);
        out[i] = map.y[right - 1] + share * (map.y[right] - map.y[right - 1]);
    }
}

std::vector<IsotonicMap> fit_isotonic_maps(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight) {
    check_training_rows(proba, y, weight, "fit_isotonic_maps");
    std::vector<IsotonicMap> maps;
    std::vector<double> column(proba.rows);
    std::vector<double> target(proba.rows);
    for (std::size_t k = 0; k < proba.cols; ++k) {
        for (std::size_t i = 0; i < proba.rows; ++i) {
            column[i] = proba(i, k);
            target[i] = static_cast<std::size_t>(y[i]) == k ? 1.0 : 0.0;
        }
        maps.push_back(fit_isotonic(column, target, weight, {}));
    }
    return maps;
}

void apply_isotonic_maps(MatrixView<const double> proba, std::span<const IsotonicMap> maps, MatrixView<double> out) {
    if (maps.size() != proba.cols || out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("maps and out", "apply_isotonic_maps", "of the width of proba, " + std::to_string(proba.cols), "another shape");
    }
    std::vector<double> column(proba.rows);
    for (std::size_t k = 0; k < proba.cols; ++k) {
        for (std::size_t i = 0; i < proba.rows; ++i) {
            column[i] = proba(i, k);
        }
        if (!maps[k].x.empty()) {
            apply_isotonic(maps[k], column, column);
        }
        for (std::size_t i = 0; i < proba.rows; ++i) {
            out(i, k) = column[i];
        }
    }
    for (std::size_t i = 0; i < out.rows; ++i) {
        double sum = 0;
        for (const double v : out.row(i)) {
            sum += v;  // NaN if any value is
        }
        for (double& v : out.row(i)) {
            v = std::isnan(sum) ? sum : sum > 0 ? v / sum : 1.0 / static_cast<double>(out.cols);
        }
    }
}

}  // namespace emotion::calibration
