#include "emotion/calibration/isotonic_maps.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>

#include "emotion/calibration/isotonic.hpp"
#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"
#include "isotonic_lookup.hpp"
#include "pooled_blocks.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

constexpr std::size_t block_rows = 4096;

using Keys = std::vector<std::uint64_t>;

// The bits of a probability, which rise with it and of which the first is never set, and the target behind them.
std::uint64_t key_of(double p, bool target) { return std::bit_cast<std::uint64_t>(p + 0.0) << 1 | (target ? 1U : 0U); }

double value_of(std::uint64_t key) { return std::bit_cast<double>(key >> 1); }

// Sorts by counting the two halves of the first 22 binary digits, then by insertion; by comparisons where probabilities crowd.
class KeySorter {
public:
    explicit KeySorter(std::size_t n) : spare_(n), counts_(2 * radix) {}

    void operator()(Keys& keys) {
        if (keys.size() < radix) {
            std::sort(keys.begin(), keys.end());
            return;
        }
        std::fill(counts_.begin(), counts_.end(), 0U);
        for (const std::uint64_t key : keys) {
            const std::uint32_t c = cell(key);
            ++counts_[c & (radix - 1)];
            ++counts_[radix + (c >> bits)];
        }
        for (int half = 0; half < 2; ++half) {
            std::uint32_t* const next = counts_.data() + half * radix;
            std::exclusive_scan(next, next + radix, next, 0U);
            for (const std::uint64_t key : keys) {
                spare_[next[(cell(key) >> (half * bits)) & (radix - 1)]++] = key;
            }
            keys.swap(spare_);
        }
        insert(keys);
    }

private:
    static constexpr unsigned bits = 11;
    static constexpr std::uint32_t radix = 1U << bits;

    static std::uint32_t cell(std::uint64_t key) {
        constexpr double scale = radix * radix;
        return std::min(static_cast<std::uint32_t>(static_cast<std::int32_t>(value_of(key) * scale)), radix * radix - 1);
    }

    // Nearly sorted keys; where that takes many moves the rest is sorted by comparisons.
    static void insert(Keys& keys) {
        std::size_t budget = 2 * keys.size();
        for (std::size_t i = 1; i < keys.size(); ++i) {
            const std::uint64_t key = keys[i];
            if (keys[i - 1] <= key) {
                continue;
            }
            std::size_t at = i;
            for (; at > 0 && keys[at - 1] > key; --at) {
                keys[at] = keys[at - 1];
            }
            keys[at] = key;
            budget -= std::min(budget, i - at);
            if (budget == 0) {
                std::sort(keys.begin(), keys.end());
                return;
            }
        }
    }

    Keys spare_;
    std::vector<std::uint32_t> counts_;
};

// The blocks of sorted keys.
void pool(const Keys& keys, std::vector<Block>& blocks) {
    blocks.clear();
    for (std::size_t i = 0; i < keys.size();) {
        // Points whose value does not rise belong together: ones, then zeros. Ties, exact or nearly, are one point, whatever it holds.
        const std::size_t first = i;
        std::size_t last = i;
        std::size_t ones = 0;
        bool falling = false;
        while (i < keys.size()) {
            std::size_t end = i + 1;
            std::size_t tied = keys[i] & 1U;
            for (const double from = value_of(keys[i]); end < keys.size() && one_point(from, value_of(keys[end]), false); ++end) {
                tied += keys[end] & 1U;
            }
            const bool all_ones = tied == end - i;
            if (falling && tied != 0) {
                break;
            }
            falling = !all_ones;
            ones += tied;
            last = i;
            i = end;
        }
        const auto sum = static_cast<double>(ones);
        const auto rows = static_cast<double>(i - first);
        push(blocks, {sum, rows, sum / rows, keys[first], keys[last]});
    }
}

void add_corners(const std::vector<Block>& blocks, IsotonicMaps& maps) {
    const std::size_t begin = maps.x.size();
    const auto add = [&](std::uint64_t key, double value) {
        const double corner = value_of(key);
        if (maps.x.size() == begin || maps.x.back() < corner) {
            maps.x.push_back(corner);
            maps.y.push_back(value);
        }
    };
    for (const Block& block : blocks) {
        add(block.first, block.value);
        add(block.last, block.value);
    }
}

// All columns' keys in one pass over the rows.
std::vector<Keys> keys_of(MatrixView<const double> proba, std::span<const std::int64_t> y) {
    std::vector<Keys> keys(proba.cols, Keys(proba.rows));
    for (std::size_t i = 0; i < proba.rows; ++i) {
        const auto row = proba.row(i);
        for (std::size_t k = 0; k < proba.cols; ++k) {
            keys[k][i] = key_of(row[k], static_cast<std::size_t>(y[i]) == k);
        }
    }
    return keys;
}

IsotonicMap fit_weighted(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, std::size_t k) {
    std::vector<double> column(proba.rows);
    std::vector<double> target(proba.rows);
    for (std::size_t i = 0; i < proba.rows; ++i) {
        column[i] = proba(i, k);
        target[i] = static_cast<std::size_t>(y[i]) == k ? 1.0 : 0.0;
    }
    return fit_isotonic(column, target, weight, {});
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

IsotonicMaps fit_isotonic_maps(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight) {
    check_training_rows(proba, y, weight, "fit_isotonic_maps");
    if (proba.rows >= std::numeric_limits<std::uint32_t>::max()) {
        throw InvalidInputError("proba", "fit_isotonic_maps", "fewer than 2**32 - 1 rows", std::to_string(proba.rows));
    }
    IsotonicMaps maps{{0}, {}, {}};
    if (!weight.empty()) {
        for (std::size_t k = 0; k < proba.cols; ++k) {
            const IsotonicMap map = fit_weighted(proba, y, weight, k);
            maps.x.insert(maps.x.end(), map.x.begin(), map.x.end());
            maps.y.insert(maps.y.end(), map.y.begin(), map.y.end());
            maps.offsets.push_back(static_cast<std::int64_t>(maps.x.size()));
        }
        return maps;
    }
    std::vector<Keys> keys = keys_of(proba, y);
    KeySorter sort(proba.rows);
    std::vector<Block> blocks;
    for (Keys& column : keys) {
        sort(column);
        pool(column, blocks);
        add_corners(blocks, maps);
        maps.offsets.push_back(static_cast<std::int64_t>(maps.x.size()));
    }
    return maps;
}

void apply_isotonic_maps(MatrixView<const double> proba, const IsotonicMaps& maps, MatrixView<double> out) {
    validate(maps, proba.cols, "apply_isotonic_maps");
    if (out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("out", "apply_isotonic_maps", "of the shape of proba", "another shape");
    }
    std::vector<std::optional<IsotonicLookup>> lookups(proba.cols);
    for (std::size_t k = 0; k < proba.cols; ++k) {
        const Corners corners = corners_of(maps, k);
        if (!corners.x.empty()) {
            lookups[k].emplace(corners.x, corners.y, proba.rows);
        }
    }
    for (std::size_t begin = 0; begin < proba.rows; begin += block_rows) {
        const std::size_t end = std::min(proba.rows, begin + block_rows);
        for (std::size_t k = 0; k < proba.cols; ++k) {  // a class at a time: its table stays in the cache
            for (std::size_t i = begin; i < end; ++i) {
                const double value = lookups[k] ? (*lookups[k])(proba(i, k)) : proba(i, k);
                out(i, k) = value < probability_floor ? probability_floor : value;  // NaN stays
            }
        }
        for (std::size_t i = begin; i < end; ++i) {
            double sum = 0;
            for (const double v : out.row(i)) {
                sum += v;  // NaN if any value is
            }
            for (double& v : out.row(i)) {
                v = std::isnan(sum) ? sum : v / sum;
            }
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
