#include "binned_rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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

std::size_t lower_code(const std::vector<float>& edges, float value) {
    const float* base = edges.data();
    std::size_t n = edges.size();
    while (n > 0) {
        const std::size_t half = n / 2;
        const bool right = base[half] < value;
        base += right ? half + 1 : 0;
        n = right ? n - half - 1 : half;
    }
    return static_cast<std::size_t>(base - edges.data());
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
    parallel.blocks(x.cols, 1, [&](std::size_t begin, std::size_t end) {
        std::vector<std::pair<float, double>> pairs;
        std::vector<float> values;
        std::vector<double> value_weights;
        for (std::size_t c = begin; c < end; ++c) {
            stop.check();
            values.clear();
            pairs.clear();
            for (std::size_t i = 0; i < training.size(); ++i) {
                const float value = x(static_cast<std::size_t>(rows[training[i]]), c);
                all[c].missing = all[c].missing || std::isnan(value);
                if (std::isnan(value) || i % step != 0) {
                    continue;
                }
                if (weights.empty()) {
                    values.push_back(value);
                } else {
                    pairs.emplace_back(value, weights[training[i]]);
                }
            }
            value_weights.clear();
            std::sort(values.begin(), values.end());
            std::sort(pairs.begin(), pairs.end());
            for (const auto& [value, weight] : pairs) {
                values.push_back(value);
                value_weights.push_back(weight);
            }
            all[c].edges = bin_edges(values, value_weights, max_bins);
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
    parallel.blocks(n_positions, 4096, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t place = 0; place < kept.size(); ++place) {
            const auto missing_code = static_cast<std::uint8_t>(block_bins[place / lanes]);
            for (std::size_t p = begin; p < end; ++p) {
                const float value = x(static_cast<std::size_t>(rows[p]), static_cast<std::size_t>(column[place]));
                codes[p * stride + place] = std::isnan(value) ? missing_code : static_cast<std::uint8_t>(lower_code(edges[place], value));
            }
        }
    });
}

}  // namespace emotion::trees
