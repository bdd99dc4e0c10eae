#include "binned_items.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "binned_rows.hpp"
#include "emotion/core/clones.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t columns_a_task = 4;   // of a matrix, read together

Bins bins_of(const std::vector<float>& distinct, const std::vector<double>& mass) {
    Bins bins;
    if (distinct.empty()) {
        return bins;
    }
    bins.smallest.push_back(distinct.front());
    for (const std::size_t end : bin_ends(mass, BinnedItems::max_bins)) {
        bins.largest.push_back(distinct[end]);
        bins.smallest.push_back(distinct[end + 1]);
    }
    bins.largest.push_back(distinct.back());
    return bins;
}

// The bits of a float as an integer that orders as the float does, and back. -0 and 0 are one value; NaN must not get here.
std::uint32_t ordered(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value == 0.0F ? 0.0F : value);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
float value_of(std::uint32_t key) { return std::bit_cast<float>((key >> 31) != 0 ? key & 0x7FFFFFFFU : ~key); }

// Least-significant-digit radix sort, 11 bits a pass. Returns where the sorted keys are: in the scratch memory, after three passes.
std::span<const std::uint32_t> radix_sort(std::span<std::uint32_t> keys, std::span<std::uint32_t> scratch) {
    constexpr int bits = 11;
    constexpr std::uint32_t mask = (1U << bits) - 1;
    std::array<std::array<std::uint32_t, mask + 1>, 3> starts{};
    for (const std::uint32_t key : keys) {
        ++starts[0][key & mask];
        ++starts[1][key >> bits & mask];
        ++starts[2][key >> (2 * bits)];
    }
    std::span<std::uint32_t> from = keys;
    std::span<std::uint32_t> to = scratch.first(keys.size());
    for (std::size_t pass = 0; pass < 3; ++pass) {
        std::uint32_t sum = 0;
        for (std::uint32_t& count : starts[pass]) {
            sum += std::exchange(count, sum);
        }
        for (const std::uint32_t key : from) {
            to[starts[pass][key >> (bits * static_cast<int>(pass)) & mask]++] = key;
        }
        std::swap(from, to);
    }
    return from;
}

Bins bins_of_sorted(std::span<const std::uint32_t> keys) {
    std::vector<float> distinct;
    std::vector<double> mass;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (i == 0 || keys[i] != keys[i - 1]) {
            distinct.push_back(value_of(keys[i]));
            mass.push_back(0);
        }
        mass.back() += 1;
    }
    return bins_of(distinct, mass);
}

// bins[i]: how many of the ascending upper[0 … 255) are below values[i]. Sixteen searches run side by side, without branches.
EMOTION_CLONES __attribute__((optimize("O3")))
void find_bins(const float* upper, const float* values, std::size_t n, std::uint8_t* bins) {
    constexpr std::size_t side_by_side = 16;
    for (std::size_t first = 0; first < n; first += side_by_side) {
        const std::size_t count = n - first < side_by_side ? n - first : side_by_side;
        float own[side_by_side] = {};
        std::uint32_t at[side_by_side] = {};
        for (std::size_t k = 0; k < count; ++k) {
            own[k] = values[first + k];
        }
        for (std::uint32_t step = 128; step > 0; step /= 2) {
            for (std::size_t k = 0; k < side_by_side; ++k) {
                at[k] += step & -static_cast<std::uint32_t>(upper[at[k] + step - 1] < own[k]);
            }
        }
        for (std::size_t k = 0; k < count; ++k) {
            bins[first + k] = static_cast<std::uint8_t>(at[k]);
        }
    }
}

// The bins of values without NaN: the first whose largest value is not below the value, the last for values past it.
class BinFinder {
public:
    explicit BinFinder(const std::vector<float>& largest) {
        upper_.fill(std::numeric_limits<float>::infinity());
        std::copy(largest.begin(), largest.empty() ? largest.end() : largest.end() - 1, upper_.begin());
    }
    void find(const float* values, std::size_t n, std::uint8_t* bins) const { find_bins(upper_.data(), values, n, bins); }

private:
    std::array<float, 256> upper_;   // of all bins but the last, then infinity
};

}  // namespace

BinnedItems::BinnedItems(std::size_t n_items, std::size_t n_columns)
    : bins(n_columns), n_items_(n_items), columns_(n_items * n_columns), rows_(n_items * n_columns) {}

BinnedItems::BinnedItems(const TrainingSet& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop)
    : BinnedItems(item_row.size(), data.columns.size()) {
    parallel.blocks(bins.size(), 1, [&](std::size_t begin, std::size_t) {
        stop.check();
        const auto source = static_cast<std::size_t>(data.columns[begin]);
        const std::vector<float>& values = data.values[begin];
        const auto fill = [&](const auto codes) {
            std::vector<std::uint32_t> counts(values.size() + 1, 0);
            for (std::size_t p = 0; p < data.rows.size(); ++p) {
                counts[codes[static_cast<std::size_t>(data.rows[p])]] += data.weights.empty() || data.weights[p] > 0 ? 1 : 0;
            }
            std::vector<float> distinct;
            std::vector<double> mass;
            for (std::size_t code = 0; code < values.size(); ++code) {
                if (counts[code] > 0) {
                    if (distinct.empty() || distinct.back() < values[code]) {
                        distinct.push_back(values[code]);
                        mass.push_back(0);
                    }
                    mass.back() += counts[code];
                }
            }
            bins[begin] = bins_of(distinct, mass);
            const std::vector<float>& largest = bins[begin].largest;
            std::vector<std::uint8_t> bin(values.size() + 1, static_cast<std::uint8_t>(largest.size()));
            BinFinder(largest).find(values.data(), values.size(), bin.data());
            std::uint8_t* const out = columns_.data() + begin * n_items_;
            for (std::size_t i = 0; i < n_items_; ++i) {
                out[i] = bin[codes[item_row[i]]];
            }
        };
        if (data.codes->is_wide()) {
            fill(data.codes->wide(source));
        } else {
            fill(data.codes->narrow(source));
        }
    });
    copy_rows(parallel, stop);
}

BinnedItems::BinnedItems(const LabelledRows& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop)
    : BinnedItems(item_row.size(), data.x.cols) {
    parallel.blocks(bins.size(), columns_a_task, [&](std::size_t begin, std::size_t end) {
        std::vector<std::uint32_t> keys(data.rows.size() * (end - begin));
        std::vector<std::uint32_t> scratch(data.rows.size());
        std::array<std::size_t, columns_a_task> counts{};
        for (std::size_t p = 0; p < data.rows.size(); ++p) {
            if (data.weights.empty() || data.weights[p] > 0) {
                const float* const row = data.x.row(static_cast<std::size_t>(data.rows[p])).data();
                for (std::size_t j = begin; j < end; ++j) {
                    keys[(j - begin) * data.rows.size() + counts[j - begin]] = ordered(row[j]);
                    counts[j - begin] += std::isnan(row[j]) ? 0 : 1;
                }
            }
        }
        for (std::size_t j = begin; j < end; ++j) {
            stop.check();
            bins[j] = bins_of_sorted(radix_sort(std::span(keys).subspan((j - begin) * data.rows.size(), counts[j - begin]), scratch));
        }
        encode(data, item_row, begin, end);
    });
    copy_rows(parallel, stop);
}

void BinnedItems::encode(const LabelledRows& data, std::span<const std::uint32_t> item_row, std::size_t begin, std::size_t end) {
    constexpr std::size_t tile = 1024;
    std::vector<BinFinder> finders;
    for (std::size_t j = begin; j < end; ++j) {
        finders.emplace_back(bins[j].largest);
    }
    std::vector<float> values(tile * (end - begin));
    for (std::size_t first = 0; first < n_items_; first += tile) {
        const std::size_t count = std::min(tile, n_items_ - first);
        for (std::size_t i = 0; i < count; ++i) {
            const float* const row = data.x.row(item_row[first + i]).data();
            for (std::size_t j = begin; j < end; ++j) {
                values[(j - begin) * tile + i] = row[j];
            }
        }
        for (std::size_t j = begin; j < end; ++j) {
            const float* const from = values.data() + (j - begin) * tile;
            std::uint8_t* const to = columns_.data() + j * n_items_ + first;
            finders[j - begin].find(from, count, to);
            for (std::size_t i = 0; i < count; ++i) {
                to[i] = std::isnan(from[i]) ? static_cast<std::uint8_t>(bins[j].largest.size()) : to[i];
            }
        }
    }
}

void BinnedItems::copy_rows(Parallel& parallel, StopToken& stop) {
    constexpr std::size_t tile = 64;
    const std::size_t d = bins.size();
    parallel.blocks(n_items_, 4096, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t i0 = begin; i0 < end; i0 += tile) {
            for (std::size_t j = 0; j < d; ++j) {
                const std::uint8_t* const from = columns_.data() + j * n_items_;
                for (std::size_t i = i0; i < std::min(end, i0 + tile); ++i) {
                    rows_[i * d + j] = from[i];
                }
            }
        }
    });
}

}  // namespace emotion::trees
