#include "gradient_splits.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t scratch_words = 256 * lanes;
constexpr std::size_t parallel_work = 200'000;   // codes of a node from which its blocks are shared among threads

// The largest value becomes largest_quantum, or less where the sum of all, rounded, would not stay below 2**31.
double unit(double most, double sum, std::size_t n) {
    constexpr double limit = 2147483000.0;
    const auto rows = static_cast<double>(n);
    const double fit = std::max(limit / rows, (limit - rows / 2) * most / sum);
    return most > 0 ? most / std::min<double>(largest_quantum, std::floor(fit)) : 1;
}

bool better(const GradientSplit& a, const GradientSplit& b) { return b.place < 0 || a.gain > b.gain || (a.gain == b.gain && a.column < b.column); }

}  // namespace

struct GradientSplits::Node {
    Rows rows;
    const Sums& sums;
    Chosen chosen;          // places of the columns that it may split on; empty: all
    ScanRules rules;

    [[nodiscard]] bool any_chosen(std::size_t b) const {
        const auto begin = chosen.begin() + static_cast<std::ptrdiff_t>(chosen.empty() ? 0 : b * lanes);
        return chosen.empty() || std::any_of(begin, begin + lanes, [](std::uint8_t drawn) { return drawn != 0; });
    }
};

GradientSplits::GradientSplits(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes,
                               StopToken& stop)
    : data_(data), binned_(*data.binned), options_(options), tree_number_(tree_number), parallel_(parallel), split_nodes_(split_nodes), stop_(stop) {
    quantise();
}

void GradientSplits::quantise() {
    double most_g = 0;
    double most_h = 0;
    double sum_g = 0;
    double sum_h = 0;
    double all_weight = 0;
    for (const std::uint32_t row : data_.drawn) {
        most_g = std::max(most_g, std::abs(data_.g[row]));
        most_h = std::max(most_h, data_.h[row]);
        sum_g += std::abs(data_.g[row]);
        sum_h += data_.h[row];
        all_weight += data_.weight->empty() ? 1.0 : (*data_.weight)[row];
    }
    unit_g_ = unit(most_g, sum_g, data_.drawn.size());
    unit_h_ = unit(most_h, sum_h, data_.drawn.size());
    words_.resize(data_.g.size());
    for (const std::uint32_t row : data_.drawn) {
        words_[row] = packed(static_cast<std::int32_t>(std::nearbyint(data_.g[row] / unit_g_)), static_cast<std::int32_t>(std::nearbyint(data_.h[row] / unit_h_)));
    }
    rules_.l2 = static_cast<float>(options_.l2_regularization / unit_h_);
    rules_.min_rows = static_cast<std::int32_t>(std::min(2147483000.0, std::ceil(options_.min_samples_leaf)));
    rules_.min_h = static_cast<std::int32_t>(std::clamp(std::ceil(1e-3 / unit_h_), 1.0, 2147483000.0));
    least_gain_ = std::max(0.0, options_.min_impurity_decrease * all_weight);
    if (options_.min_weight_fraction_leaf > 0) {
        const double resolution = 1'000'000'000.0 / all_weight;
        weights_.resize(data_.g.size());
        for (const std::uint32_t row : data_.drawn) {
            weights_[row] = static_cast<std::int32_t>(std::nearbyint(resolution * (data_.weight->empty() ? 1.0 : (*data_.weight)[row])));
        }
        rules_.min_weight = static_cast<std::int32_t>(std::floor((options_.min_weight_fraction_leaf * (1 - 1e-6)) * 1'000'000'000.0));
    }
}

Sums GradientSplits::sums(Rows rows) const {
    Sums sums;
    for (const std::uint32_t row : rows) {
        const std::uint64_t word = words_[row];
        sums.g += static_cast<std::int64_t>(word >> 38) - (largest_quantum + 1);
        sums.h += static_cast<std::int64_t>(word >> 13 & 0x1FFFFFF);
    }
    sums.n = static_cast<std::int64_t>(rows.size());
    return sums;
}

void GradientSplits::for_blocks(std::size_t work, const std::function<void(std::size_t)>& fn) {
    if (split_nodes_ && work >= parallel_work) {
        parallel_.each(binned_.n_blocks(), fn);
    } else {
        for (std::size_t b = 0; b < binned_.n_blocks(); ++b) {
            fn(b);
        }
    }
}

// Chunk by chunk, so that the rows' codes stay in the cache for all blocks.
void GradientSplits::accumulate(Rows rows, Histogram& histogram) {
    std::array<std::uint64_t, chunk_rows> words;
    for (std::size_t begin = 0; begin < rows.size(); begin += chunk_rows) {
        stop_.check();
        const Rows chunk = rows.subspan(begin, std::min(chunk_rows, rows.size() - begin));
        std::transform(chunk.begin(), chunk.end(), words.begin(), [&](std::uint32_t row) { return words_[row]; });
        for_blocks(rows.size() * binned_.stride, [&](std::size_t b) {
            add_chunk(b, chunk, words.data(), histogram.data() + binned_.block_offset[b] * bin_words, begin == 0);
        });
    }
}

void GradientSplits::add_chunk(std::size_t b, Rows rows, const std::uint64_t* words, std::int32_t* histogram, bool set) const {
    static thread_local std::array<std::uint64_t, scratch_words> scratch{};
    add_rows(binned_.codes.data() + b * lanes, binned_.stride, rows.data(), rows.size(), words, scratch.data());
    spread(scratch.data(), n_bins(b), histogram, set);
}

void GradientSplits::subtract_child(Histogram& parent, const Histogram& child) {
    for_blocks(parent.size() / 4, [&](std::size_t b) {
        const std::size_t from = binned_.block_offset[b] * bin_words;
        subtract(parent.data() + from, child.data() + from, n_bins(b) * bin_words);
    });
}

void GradientSplits::subtract_rows(Histogram& parent, Rows rows) const {
    const FewWords words = words_of(rows);
    for (std::size_t b = 0; b < binned_.n_blocks(); ++b) {
        take_rows(binned_.codes.data() + b * lanes, binned_.stride, rows.data(), rows.size(), words.data(),
                  parent.data() + binned_.block_offset[b] * bin_words);
    }
}

GradientSplits::FewWords GradientSplits::words_of(Rows rows) const {
    FewWords words;
    std::transform(rows.begin(), rows.end(), words.begin(), [&](std::uint32_t row) { return words_[row]; });
    return words;
}

GradientSplit GradientSplits::best(std::size_t number, Rows rows, const Sums& sums, const Histogram* histogram) {
    Node node{rows, sums, draw_columns(number), rules_};
    const double range = static_cast<double>(std::max<std::int64_t>(1, sums.n)) * largest_quantum;
    node.rules.scale_h = std::ldexp(1.0F, -std::ilogb(range + node.rules.l2));
    std::vector<GradientSplit> of_block(binned_.n_blocks());
    if (histogram == nullptr) {
        search_rows(node, of_block);
    } else {
        for_blocks(rows.size() * binned_.stride, [&](std::size_t b) {
            if (node.any_chosen(b)) {
                of_block[b] = best_of(node, b, scan(node, b, histogram->data() + binned_.block_offset[b] * bin_words));
            }
        });
    }
    GradientSplit split;
    for (const GradientSplit& one : of_block) {
        if (one.place >= 0 && better(one, split)) {
            split = one;
        }
    }
    if (split.place >= 0) {
        finish(node, histogram, split);
    }
    return split;
}

// The columns sorted, or where NaN or weights matter, a histogram of one block.
void GradientSplits::search_rows(const Node& node, std::vector<GradientSplit>& best) const {
    const FewWords words = words_of(node.rows);
    alignas(64) std::array<std::uint16_t, most_sorted * sorted_lanes> keys;
    std::array<std::int32_t, 256 * bin_words> histogram;
    for (std::size_t first = 0; first < binned_.n_blocks(); first += 2) {
        const std::size_t end = std::min(first + 2, binned_.n_blocks());
        bool sorted = false;
        for (std::size_t b = first; b < end; ++b) {
            if (!node.any_chosen(b)) {
                continue;
            }
            LaneSplits found;
            if (binned_.block_missing[b] != 0 || node.rules.min_weight > 0) {
                add_chunk(b, node.rows, words.data(), histogram.data(), true);
                found = scan(node, b, histogram.data());
            } else {
                if (!sorted) {
                    sort_codes(binned_.codes.data() + first * lanes, binned_.stride, node.rows.data(), node.rows.size(), (end - first) * lanes, keys.data());
                    sorted = true;
                }
                scan_sorted(keys.data() + (b - first) * lanes, node.rows.size(), words.data(), node.sums, node.rules, found);
            }
            best[b] = best_of(node, b, found);
        }
    }
}

// histogram: of the block.
LaneSplits GradientSplits::scan(const Node& node, std::size_t b, const std::int32_t* histogram) const {
    ScanRules rules = node.rules;
    Histogram weight;
    if (rules.min_weight > 0) {
        weight.assign(n_bins(b) * lanes, 0);
        for (const std::uint32_t row : node.rows) {
            rules.weight_sum += weights_[row];
            for (std::size_t l = 0; l < lanes; ++l) {
                weight[binned_.row(row)[b * lanes + l] * lanes + l] += weights_[row];
            }
        }
        rules.weight = weight.data();
    }
    LaneSplits found;
    scan_block(histogram, binned_.block_bins[b], binned_.block_missing[b] != 0, node.sums, rules, found);
    return found;
}

GradientSplit GradientSplits::best_of(const Node& node, std::size_t b, const LaneSplits& found) const {
    GradientSplit best;
    const double to_gain = 0.5 * unit_g_ * unit_g_ / unit_h_ * static_cast<double>(node.rules.scale_h);
    const double own = score(node.sums);
    for (std::size_t l = 0; l < lanes; ++l) {
        const std::size_t place = b * lanes + l;
        if (found.bin[l] < 0 || binned_.column[place] < 0 || (!node.chosen.empty() && node.chosen[place] == 0)) {
            continue;
        }
        const double gross = to_gain * static_cast<double>(found.numerator[l]) / static_cast<double>(found.denominator[l]);
        const GradientSplit split{gross - own, static_cast<std::int32_t>(place), binned_.column[place], found.bin[l], found.missing_left[l] != 0};
        if (split.gain > 1e-6 * gross && split.gain >= least_gain_ && better(split, best)) {
            best = split;
        }
    }
    return best;
}

double GradientSplits::score(const Sums& sums) const {
    const double g = static_cast<double>(sums.g) * unit_g_;
    const double h = static_cast<double>(sums.h) * unit_h_ + options_.l2_regularization;
    return h > 0 ? 0.5 * g * g / h : 0;
}

// Moves the split to the middle of the empty bins that follow it, and sends NaN to the larger child where the node has none.
void GradientSplits::finish(const Node& node, const Histogram* histogram, GradientSplit& split) const {
    const auto place = static_cast<std::size_t>(split.place);
    const std::size_t b = place / lanes;
    std::array<std::int32_t, 256> counts{};
    if (histogram == nullptr) {
        for (const std::uint32_t row : node.rows) {
            ++counts[binned_.row(row)[place]];
        }
    } else {
        const std::int32_t* const from = histogram->data() + binned_.block_offset[b] * bin_words + 16 + place % lanes;
        for (std::size_t i = 0; i < n_bins(b); ++i) {
            counts[i] = from[i * bin_words];
        }
    }
    const auto last = static_cast<std::int32_t>(binned_.edges[place].size());
    std::int32_t next = split.bin + 1;
    while (next <= last && counts[static_cast<std::size_t>(next)] == 0) {
        ++next;
    }
    if (next <= last) {
        split.bin += (next - 1 - split.bin) / 2;
    }
    const bool any_missing = binned_.block_missing[b] != 0 && counts[static_cast<std::size_t>(binned_.block_bins[b])] > 0;
    if (!any_missing) {
        const std::int64_t left = std::accumulate(counts.begin(), counts.begin() + split.bin + 1, std::int64_t{0});
        split.missing_left = left > node.sums.n - left;
    }
}

GradientSplits::Chosen GradientSplits::draw_columns(std::size_t node) const {
    const auto real = static_cast<std::size_t>(std::count_if(binned_.column.begin(), binned_.column.end(), [](std::int32_t c) { return c >= 0; }));
    if (options_.max_features == 0 || options_.max_features >= real) {
        return {};
    }
    std::vector<std::size_t> order(real);
    std::iota(order.begin(), order.end(), 0);
    RandomStream stream(options_.seed, Purpose::boosting_columns, tree_number_, node);
    Chosen chosen(binned_.stride, 0);
    for (std::size_t i = 0; i < options_.max_features; ++i) {
        std::swap(order[i], order[i + stream.below(real - i)]);
        chosen[order[i]] = 1;
    }
    return chosen;
}

}  // namespace emotion::trees
