#include "emotion/calibration/isotonic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"
#include "isotonic_lookup.hpp"
#include "pooled_blocks.hpp"
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

void check_corners(std::span<const double> x, std::span<const double> y, const char* caller) {
    if (x.empty() || y.size() != x.size()) {
        throw InvalidInputError("corners", caller, "at least one, with one y an x", std::to_string(x.size()));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        require(std::isfinite(x[i]) && (i == 0 || x[i - 1] < x[i]), "corners", caller, "finite, and rising in x", x[i]);
        require(std::isfinite(y[i]), "corners", caller, "finite", y[i]);
    }
}

void isotonic_regression(std::span<double> y, std::span<const double> weight, bool increasing) {
    if (!weight.empty() && weight.size() != y.size()) {
        throw InvalidInputError("weight", "isotonic_regression", "as long as y, " + std::to_string(y.size()), std::to_string(weight.size()));
    }
    const double sign = increasing ? 1.0 : -1.0;
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double w = weight.empty() ? 1.0 : weight[i];
        push(blocks, {sign * y[i] * w, w, sign * y[i], i, i});
    }
    for (const Block& block : blocks) {
        for (std::size_t i = block.first; i <= block.last; ++i) {
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
        const double from = value_of(rows[first].key);
        for (; i < rows.size() && one_point(from, value_of(rows[i].key), options.single); ++i) {
            value = weight.empty() ? std::bit_cast<double>(rows[i].payload) : y[rows[i].payload];
            const double w = weight.empty() ? 1.0 : weight[rows[i].payload];
            sum += w * value;
            total += w;
        }
        push(blocks, {sign * sum, total, sign * (i == first + 1 ? value : sum / total), first, first});
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
        add(block.first, value);
        add(block.last, value);
    }
    return map;
}

void apply_isotonic(std::span<const double> corner_x, std::span<const double> corner_y, std::span<const double> x, std::span<double> out) {
    constexpr const char* caller = "apply_isotonic";
    check_corners(corner_x, corner_y, caller);
    if (out.size() != x.size()) {
        throw InvalidInputError("out", caller, "as long as x", std::to_string(out.size()));
    }
    const IsotonicLookup lookup(corner_x, corner_y, x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        out[i] = lookup(x[i]);
    }
}

}  // namespace emotion::calibration
