#include "emotion/calibration/isotonic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

// A row for sorting: the bits of x in an order that unsigned integers share, and what belongs to x.
struct Keyed {
    std::uint64_t key = 0;
    std::uint64_t payload = 0;   // the bits of y, or the number of the row where rows have weights
};

constexpr std::uint64_t sign_bit = 0x8000000000000000ULL;

std::uint64_t key_of(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);   // -0.0 becomes 0.0
    return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

double value_of(std::uint64_t key) { return std::bit_cast<double>((key & sign_bit) != 0 ? key & ~sign_bit : ~key); }

// A stable counting pass over one digit of the keys for each of the digits [first, n_digits); a digit that all rows share costs nothing.
void sort_digits(std::vector<Keyed>& rows, std::vector<Keyed>& spare, int first) {
    constexpr int bits = 11;
    constexpr int n_digits = 6;
    constexpr std::size_t radix = std::size_t{1} << bits;
    std::vector<std::uint32_t> counts(n_digits * radix, 0);
    for (const Keyed& row : rows) {
        for (int d = first; d < n_digits; ++d) {
            ++counts[static_cast<std::size_t>(d) * radix + ((row.key >> (bits * d)) & (radix - 1))];
        }
    }
    for (int d = first; d < n_digits; ++d) {
        std::uint32_t* const next = counts.data() + static_cast<std::size_t>(d) * radix;
        if (next[(rows[0].key >> (bits * d)) & (radix - 1)] == rows.size()) {
            continue;
        }
        std::exclusive_scan(next, next + radix, next, 0U);
        for (const Keyed& row : rows) {
            spare[next[(row.key >> (bits * d)) & (radix - 1)]++] = row;
        }
        rows.swap(spare);
    }
}

// Insertion sort of nearly sorted rows; false, with all rows still there, once that takes more than `budget` moves.
bool insert_sorted(std::vector<Keyed>& rows, std::size_t budget) {
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (rows[i - 1].key <= rows[i].key) {
            continue;
        }
        const Keyed row = rows[i];
        std::size_t at = i;
        for (; at > 0 && rows[at - 1].key > row.key; --at) {
            rows[at] = rows[at - 1];
        }
        rows[at] = row;
        budget -= std::min(budget, i - at);
        if (budget == 0) {
            return false;
        }
    }
    return true;
}

// Stable. Values that are spread differ in their first 33 bits: three passes and a few insertions. Values that crowd take all six.
void sort_keys(std::vector<Keyed>& rows) {
    constexpr std::size_t small = 256;
    if (rows.size() <= small) {
        std::stable_sort(rows.begin(), rows.end(), [](const Keyed& a, const Keyed& b) { return a.key < b.key; });
        return;
    }
    std::vector<Keyed> spare(rows.size());
    sort_digits(rows, spare, 3);
    if (!insert_sorted(rows, 2 * rows.size())) {
        sort_digits(rows, spare, 0);
    }
}

// The rows that have weight, by x, then in the order given.
std::vector<Keyed> sorted_rows(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
    std::vector<Keyed> rows;
    rows.reserve(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (weight.empty()) {
            rows.push_back({key_of(x[i]), std::bit_cast<std::uint64_t>(y[i])});
        } else if (weight[i] > 0) {
            rows.push_back({key_of(x[i]), i});
        }
    }
    sort_keys(rows);
    return rows;
}

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

// A run of pooled values. `value` is kept beside the sums so that a value on its own stays to the bit.
struct Block {
    double sum = 0;      // of weight * y
    double weight = 0;
    double value = 0;
    std::size_t begin = 0;   // first member
    std::size_t end = 0;     // behind the last
};

// Adds one value behind the others, and pools it with those that are not below it.
inline void push(std::vector<Block>& blocks, Block block) {
    std::size_t n = blocks.size();
    while (n > 0 && blocks[n - 1].value >= block.value) {
        --n;
        block.sum += blocks[n].sum;
        block.weight += blocks[n].weight;
        block.value = block.sum / block.weight;
        block.begin = blocks[n].begin;
    }
    blocks.resize(n);
    blocks.push_back(block);
}

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
    if (!weight.empty() && weight.size() != y.size()) {
        throw InvalidInputError("weight", "isotonic_regression", "as long as y, " + std::to_string(y.size()), std::to_string(weight.size()));
    }
    const double sign = increasing ? 1.0 : -1.0;
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double w = weight.empty() ? 1.0 : weight[i];
        push(blocks, {sign * y[i] * w, w, sign * y[i], i, i + 1});
    }
    for (const Block& block : blocks) {
        for (std::size_t i = block.begin; i < block.end; ++i) {
            y[i] = sign * block.value;
        }
    }
}

IsotonicMap fit_isotonic(std::span<const double> x, std::span<const double> y, std::span<const double> weight, const IsotonicOptions& options) {
    check_rows(x, y, weight);
    const std::vector<Keyed> rows = sorted_rows(x, y, weight);
    const double sign = options.increasing ? 1.0 : -1.0;
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < rows.size();) {
        const std::size_t first = i;
        double sum = 0;
        double total = 0;
        double value = 0;
        for (; i < rows.size() && rows[i].key == rows[first].key; ++i) {
            value = weight.empty() ? std::bit_cast<double>(rows[i].payload) : y[rows[i].payload];
            const double w = weight.empty() ? 1.0 : weight[rows[i].payload];
            sum += w * value;
            total += w;
        }
        push(blocks, {sign * sum, total, sign * (i == first + 1 ? value : sum / total), first, i});
    }
    IsotonicMap map;
    const auto add = [&](std::size_t row, double value) {
        const double corner = value_of(rows[row].key);
        const std::size_t n = map.x.size();
        if (n >= 2 && map.y[n - 2] == value && map.y[n - 1] == value) {  // the clipped ends may make runs of blocks
            map.x.back() = corner;
        } else if (n == 0 || map.x.back() < corner) {
            map.x.push_back(corner);
            map.y.push_back(value);
        }
    };
    for (const Block& block : blocks) {
        const double value = std::clamp(sign * block.value, options.y_min, options.y_max);
        add(block.begin, value);
        add(block.end - 1, value);
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
