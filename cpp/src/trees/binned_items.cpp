#include "binned_items.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "binned_rows.hpp"

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

// Least-significant-digit radix sort, 11 bits a pass.
void radix_sort(std::vector<std::uint32_t>& keys, std::vector<std::uint32_t>& scratch) {
    constexpr int bits = 11;
    constexpr std::uint32_t mask = (1U << bits) - 1;
    scratch.resize(keys.size());
    for (int shift = 0; shift < 32; shift += bits) {
        std::array<std::uint32_t, mask + 1> start{};
        for (const std::uint32_t key : keys) {
            ++start[(key >> shift) & mask];
        }
        std::uint32_t sum = 0;
        for (std::uint32_t& count : start) {
            sum += std::exchange(count, sum);
        }
        for (const std::uint32_t key : keys) {
            scratch[start[(key >> shift) & mask]++] = key;
        }
        keys.swap(scratch);
    }
}

Bins bins_of_sorted(const std::vector<std::uint32_t>& keys) {
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

// The first bin whose largest value is not below the value; the last for values past it. No branch depends on the values.
std::uint8_t bin_of(const float* largest, std::size_t n, float value) {
    std::size_t at = 0;
    for (std::size_t step = std::bit_floor(n); step > 0; step /= 2) {
        const std::size_t next = at + step;
        at = next < n && largest[next - 1] < value ? next : at;
    }
    return static_cast<std::uint8_t>(at);
}

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
            for (std::size_t code = 0; code < values.size() && !largest.empty(); ++code) {
                bin[code] = bin_of(largest.data(), largest.size(), values[code]);
            }
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
        std::array<std::vector<std::uint32_t>, columns_a_task> keys;
        std::vector<std::uint32_t> scratch;
        for (std::size_t p = 0; p < data.rows.size(); ++p) {
            if (data.weights.empty() || data.weights[p] > 0) {
                const float* const row = data.x.row(static_cast<std::size_t>(data.rows[p])).data();
                for (std::size_t j = begin; j < end; ++j) {
                    if (!std::isnan(row[j])) {
                        keys[j - begin].push_back(ordered(row[j]));
                    }
                }
            }
        }
        for (std::size_t j = begin; j < end; ++j) {
            stop.check();
            radix_sort(keys[j - begin], scratch);
            bins[j] = bins_of_sorted(keys[j - begin]);
            keys[j - begin] = {};
        }
        for (std::size_t i = 0; i < n_items_; ++i) {
            const float* const row = data.x.row(item_row[i]).data();
            for (std::size_t j = begin; j < end; ++j) {
                const std::vector<float>& largest = bins[j].largest;
                const bool has_bin = !largest.empty() && !std::isnan(row[j]);
                columns_[j * n_items_ + i] = has_bin ? bin_of(largest.data(), largest.size(), row[j]) : static_cast<std::uint8_t>(largest.size());
            }
        }
    });
    copy_rows(parallel, stop);
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
