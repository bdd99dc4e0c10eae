#include "binned_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "emotion/core/clones.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t rows_for_edges = 200'000;   // of larger fits every k-th row counts

// The float32 nearest to halfway that still separates the two.
float halfway(float low, float high) {
    const auto middle = static_cast<float>(0.5 * (static_cast<double>(low) + static_cast<double>(high)));
    return middle >= low && middle < high ? middle : low;
}

struct Column {
    std::vector<float> edges;
    bool missing = false;
};

// Three counting passes over keys that order as the values do; std::sort where they are few.
void sort_values(std::vector<float>& values, std::vector<std::uint32_t>& keys, std::vector<std::uint32_t>& other) {
    constexpr std::size_t few = 2048;
    constexpr std::uint32_t sign = 0x8000'0000U;
    if (values.size() < few) {
        std::sort(values.begin(), values.end());
        return;
    }
    keys.resize(values.size());
    other.resize(values.size());
    std::array<std::array<std::uint32_t, 2048>, 3> start{};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(values[i]);
        keys[i] = bits ^ ((bits & sign) != 0 ? ~0U : sign);
        for (std::size_t pass = 0; pass < 3; ++pass) {
            ++start[pass][keys[i] >> (11 * pass) & 2047U];
        }
    }
    for (std::size_t pass = 0; pass < 3; ++pass) {
        std::exclusive_scan(start[pass].begin(), start[pass].end(), start[pass].begin(), 0U);
        for (const std::uint32_t key : keys) {
            other[start[pass][key >> (11 * pass) & 2047U]++] = key;
        }
        keys.swap(other);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = std::bit_cast<float>(keys[i] ^ ((keys[i] & sign) != 0 ? sign : ~0U));
    }
}

// The edges of some neighbouring columns, which share the lines of the matrix that are read.
struct ColumnGroup {
    static constexpr std::size_t width = 8;

    void read(MatrixView<const float> x, std::span<const std::int32_t> rows, std::span<const std::uint32_t> training, std::span<const double> weights,
              std::size_t step, std::size_t first, std::size_t n, const StopToken& stop) {
        for (std::size_t c = 0; c < n; ++c) {
            missing[c] = false;
            values[c].clear();
            pairs[c].clear();
        }
        for (std::size_t i = 0; i < training.size(); ++i) {
            if (i % 8192 == 0) {
                stop.check();
            }
            const float* const row = x.data + static_cast<std::size_t>(rows[training[i]]) * x.cols + first;
            const bool counts = i % step == 0;
            for (std::size_t c = 0; c < n; ++c) {
                if (std::isnan(row[c])) {
                    missing[c] = true;
                } else if (counts && weights.empty()) {
                    values[c].push_back(row[c]);
                } else if (counts) {
                    pairs[c].emplace_back(row[c], weights[training[i]]);
                }
            }
        }
    }

    std::vector<float> edges(std::size_t c, int max_bins) {
        sort_values(values[c], keys, other_keys);
        std::sort(pairs[c].begin(), pairs[c].end());
        value_weights.clear();
        for (const auto& [value, weight] : pairs[c]) {
            values[c].push_back(value);
            value_weights.push_back(weight);
        }
        return bin_edges(values[c], value_weights, max_bins);
    }

    std::array<bool, width> missing{};
    std::array<std::vector<float>, width> values;
    std::array<std::vector<std::pair<float, double>>, width> pairs;
    std::vector<double> value_weights;
    std::vector<std::uint32_t> keys;
    std::vector<std::uint32_t> other_keys;
};

constexpr std::size_t tile_rows = 64;   // rows encoded at a time, column by column, so that their values stay in the first-level cache

// The edges padded with infinity to 255, and the number of them below each value: eight steps for any number of edges.
struct Codebook {
    explicit Codebook(const std::vector<float>& edges) {
        ends.fill(std::numeric_limits<float>::infinity());
        std::copy(edges.begin(), edges.end(), ends.begin());
        for (first_step = 1; first_step <= edges.size(); first_step *= 2) {
        }
    }
    std::array<float, 256> ends{};
    std::uint32_t first_step = 1;
};

// No branch depends on a value, so that several searches are under way at a time.
EMOTION_CLONES __attribute__((optimize("O3")))
void encode(const float* ends, std::uint32_t first_step, const float* values, std::size_t n, std::uint32_t missing_code, std::uint32_t* codes) {
    for (std::size_t i = 0; i < n; ++i) {
        codes[i] = 0;
    }
    for (std::uint32_t step = first_step / 2; step > 0; step /= 2) {
        for (std::size_t i = 0; i < n; ++i) {
            codes[i] += step & (0U - static_cast<std::uint32_t>(ends[codes[i] + step - 1] < values[i]));
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        codes[i] = values[i] != values[i] ? missing_code : codes[i];
    }
}

}  // namespace

std::vector<std::size_t> bin_ends(std::span<const double> mass, int max_bins) {
    std::vector<std::size_t> ends;
    const auto most = static_cast<std::size_t>(max_bins);
    double left = std::accumulate(mass.begin(), mass.end(), 0.0);
    double bin = 0;
    for (std::size_t i = 0; i + 1 < mass.size() && ends.size() + 1 < most; ++i) {
        bin += mass[i];
        const bool all_fit = mass.size() - i <= most - ends.size();   // every further value can have a bin
        const double target = left / static_cast<double>(most - ends.size());
        if (all_fit || bin + mass[i + 1] / 2 > target) {
            ends.push_back(i);
            left -= bin;
            bin = 0;
        }
    }
    return ends;
}

std::vector<float> bin_edges(std::span<const float> values, std::span<const double> weights, int max_bins) {
    std::vector<float> distinct;
    std::vector<double> mass;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i == 0 || values[i] > distinct.back()) {
            distinct.push_back(values[i]);
            mass.push_back(0);
        }
        mass.back() += weights.empty() ? 1.0 : weights[i];
    }
    std::vector<float> edges;
    for (const std::size_t end : bin_ends(mass, max_bins)) {
        edges.push_back(halfway(distinct[end], distinct[end + 1]));
    }
    return edges;
}

BinnedRows::BinnedRows(MatrixView<const float> x, std::span<const std::int32_t> rows, std::span<const std::uint8_t> held_out,
                       std::span<const double> weights, int max_bins, Parallel& parallel, StopToken& stop)
    : n_positions(rows.size()) {
    std::vector<std::uint32_t> training;
    for (std::size_t p = 0; p < rows.size(); ++p) {
        if (held_out.empty() || held_out[p] == 0) {
            training.push_back(static_cast<std::uint32_t>(p));
        }
    }
    const std::size_t step = (training.size() + rows_for_edges - 1) / rows_for_edges;
    std::vector<Column> all(x.cols);
    parallel.blocks(x.cols, ColumnGroup::width, [&](std::size_t begin, std::size_t end) {
        ColumnGroup group;
        group.read(x, rows, training, weights, step, begin, end - begin, stop);
        for (std::size_t c = begin; c < end; ++c) {
            stop.check();
            all[c].missing = group.missing[c - begin];
            all[c].edges = group.edges(c - begin, max_bins);
        }
    });
    std::vector<std::size_t> kept;
    for (std::size_t c = 0; c < x.cols; ++c) {
        if (!all[c].edges.empty() || all[c].missing) {
            kept.push_back(c);
        }
    }
    std::stable_sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) { return all[a].edges.size() > all[b].edges.size(); });
    stride = std::max<std::size_t>(1, (kept.size() + lanes - 1) / lanes) * lanes;
    column.assign(stride, -1);
    edges.resize(stride);
    has_missing.assign(stride, 0);
    block_offset.push_back(0);
    for (std::size_t place = 0; place < kept.size(); ++place) {
        column[place] = static_cast<std::int32_t>(kept[place]);
        edges[place] = std::move(all[kept[place]].edges);
        has_missing[place] = all[kept[place]].missing ? 1 : 0;
    }
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        std::size_t bins = 1;
        std::uint8_t missing = 0;
        for (std::size_t place = b * lanes; place < (b + 1) * lanes; ++place) {
            bins = std::max(bins, edges[place].size() + 1);
            missing |= has_missing[place];
        }
        block_bins.push_back(static_cast<std::int32_t>(bins));
        block_missing.push_back(missing);
        block_offset.push_back(block_offset.back() + bins + missing);
    }
    codes.assign(n_positions * stride, 0);
    std::vector<Codebook> books(edges.begin(), edges.begin() + static_cast<std::ptrdiff_t>(kept.size()));
    parallel.blocks(n_positions, 4096, [&](std::size_t begin, std::size_t end) {
        stop.check();
        std::array<float, tile_rows> values;
        std::array<std::uint32_t, tile_rows> found;
        for (std::size_t first = begin; first < end; first += tile_rows) {
            const std::size_t n = std::min(tile_rows, end - first);
            for (std::size_t place = 0; place < kept.size(); ++place) {
                for (std::size_t i = 0; i < n; ++i) {
                    values[i] = x(static_cast<std::size_t>(rows[first + i]), kept[place]);
                }
                encode(books[place].ends.data(), books[place].first_step, values.data(), n, static_cast<std::uint32_t>(block_bins[place / lanes]), found.data());
                for (std::size_t i = 0; i < n; ++i) {
                    codes[(first + i) * stride + place] = static_cast<std::uint8_t>(found[i]);
                }
            }
        }
    });
}

}  // namespace emotion::trees
