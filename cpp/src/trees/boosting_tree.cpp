#include "boosting_tree.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t scratch_words = 256 * lanes;
constexpr std::size_t histograms_bytes = std::size_t{256} << 20;   // of all that wait; beyond, nodes add up their rows again
constexpr std::uint32_t ahead = 32;                                // rows whose codes are asked for before they are read
constexpr std::size_t parallel_work = 200'000;                     // codes of a node from which its blocks are shared among threads

struct Split {
    double gain = 0;
    std::int32_t place = -1;
    std::int32_t column = -1;
    std::int32_t bin = -1;
    bool missing_left = false;
};

struct Open {
    std::size_t node = 0;
    Sums sums;
    Split split;
    std::unique_ptr<Histogram> histogram;
};

class Grower {
public:
    Grower(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes, StopToken& stop)
        : data_(data), binned_(*data.binned), options_(options), tree_number_(tree_number), parallel_(parallel), split_nodes_(split_nodes), stop_(stop) {
        quantise();
    }

    GradientTree grow() {
        tree_.rows = data_.drawn;
        buffer_.resize(tree_.rows.size());
        GradientTree::Node root;
        root.end = static_cast<std::uint32_t>(tree_.rows.size());
        tree_.nodes.push_back(root);
        Sums sums;
        for (const std::uint32_t row : tree_.rows) {
            add(sums, row);
        }
        if (may_split(0)) {
            Open open{0, sums, {}, take()};
            accumulate(0, *open.histogram);
            search(open);
            push(std::move(open));
        }
        std::size_t n_leaves = 1;
        while (!open_.empty() && (options_.max_leaf_nodes < 0 || n_leaves < static_cast<std::size_t>(options_.max_leaf_nodes))) {
            stop_.check();
            Open open = pop();
            ++n_leaves;
            const bool last = options_.max_leaf_nodes >= 0 && n_leaves == static_cast<std::size_t>(options_.max_leaf_nodes);
            split(std::move(open), !last);
        }
        give_back();
        sum_leaves();
        return std::move(tree_);
    }

private:
    void quantise() {
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

    // The largest value becomes largest_quantum, or less where the sum of all, rounded, would not stay below 2**31.
    static double unit(double most, double sum, std::size_t n) {
        constexpr double limit = 2147483000.0;
        const auto rows = static_cast<double>(n);
        const double fit = std::max(limit / rows, (limit - rows / 2) * most / sum);
        return most > 0 ? most / std::min<double>(largest_quantum, std::floor(fit)) : 1;
    }

    void add(Sums& sums, std::uint32_t row) const {
        const std::uint64_t word = words_[row];
        sums.g += static_cast<std::int64_t>(word >> 38) - (largest_quantum + 1);
        sums.h += static_cast<std::int64_t>(word >> 13 & 0x1FFFFFF);
        ++sums.n;
    }

    [[nodiscard]] std::size_t size(std::size_t node) const { return tree_.nodes[node].end - tree_.nodes[node].begin; }
    [[nodiscard]] bool may_split(std::size_t node) const {
        const auto n = static_cast<double>(size(node));
        return n >= options_.min_samples_split && n >= 2 * std::ceil(options_.min_samples_leaf) &&
               (options_.max_depth < 0 || tree_.nodes[node].depth < options_.max_depth);
    }

    std::unique_ptr<Histogram> take() {
        if (!free_.empty()) {
            auto histogram = std::move(free_.back());
            free_.pop_back();
            return histogram;
        }
        const std::size_t words = binned_.block_offset.back() * bin_words;
        return data_.pool != nullptr ? data_.pool->take(words) : std::make_unique<Histogram>(words);
    }
    void give(std::unique_ptr<Histogram> histogram) {
        if (histogram != nullptr) {
            free_.push_back(std::move(histogram));
        }
    }
    void give_back() {
        for (Open& open : open_) {
            give(std::move(open.histogram));
        }
        for (auto& histogram : free_) {
            if (data_.pool != nullptr) {
                data_.pool->give(std::move(histogram));
            }
        }
        free_.clear();
    }

    void push(Open&& open) {
        if (open.split.place < 0) {
            give(std::move(open.histogram));
            return;
        }
        const std::size_t bytes = binned_.block_offset.back() * bin_words * sizeof(std::int32_t);
        if (open_.size() * bytes > histograms_bytes) {
            give(std::move(open.histogram));
        }
        open_.push_back(std::move(open));
        if (options_.max_leaf_nodes >= 0) {
            std::push_heap(open_.begin(), open_.end(), worse);
        }
    }
    // Equal gains: the node made first.
    static bool worse(const Open& a, const Open& b) { return a.split.gain != b.split.gain ? a.split.gain < b.split.gain : a.node > b.node; }
    Open pop() {
        if (options_.max_leaf_nodes >= 0) {
            std::pop_heap(open_.begin(), open_.end(), worse);
        }
        Open open = std::move(open_.back());
        open_.pop_back();
        return open;
    }

    void for_blocks(std::size_t work, const std::function<void(std::size_t)>& fn) {
        if (split_nodes_ && work >= parallel_work) {
            parallel_.each(binned_.n_blocks(), fn);
        } else {
            for (std::size_t b = 0; b < binned_.n_blocks(); ++b) {
                fn(b);
            }
        }
    }

    // The node's histogram from its rows, chunk by chunk, so that the rows' codes stay in the cache for all blocks.
    void accumulate(std::size_t node, Histogram& histogram) {
        const std::uint32_t* const rows = tree_.rows.data() + tree_.nodes[node].begin;
        const std::size_t n = size(node);
        std::array<std::uint64_t, chunk_rows> words;
        for (std::size_t begin = 0; begin < n; begin += chunk_rows) {
            stop_.check();
            const std::size_t m = std::min(chunk_rows, n - begin);
            for (std::size_t i = 0; i < m; ++i) {
                words[i] = words_[rows[begin + i]];
            }
            for_blocks(n * binned_.stride, [&](std::size_t b) {
                static thread_local std::array<std::uint64_t, scratch_words> scratch{};
                add_rows(binned_.codes.data() + b * lanes, binned_.stride, rows + begin, m, words.data(), scratch.data());
                const std::size_t bins = binned_.block_offset[b + 1] - binned_.block_offset[b];
                spread(scratch.data(), bins, histogram.data() + binned_.block_offset[b] * bin_words, begin == 0);
            });
        }
    }

    void search(Open& open) {
        const std::size_t node = open.node;
        ScanRules rules = rules_;
        const double range = static_cast<double>(std::max<std::int64_t>(1, open.sums.n)) * largest_quantum;
        rules.scale_g = std::ldexp(1.0F, -std::ilogb(range));
        rules.scale_h = std::ldexp(1.0F, -std::ilogb(range + rules.l2));
        const std::vector<std::uint8_t> chosen = draw_columns(node);
        std::vector<Split> best(binned_.n_blocks());
        for_blocks(size(node) * binned_.stride, [&](std::size_t b) { best[b] = search_block(open, b, rules, chosen); });
        open.split = Split{};
        for (const Split& split : best) {
            if (split.place >= 0 && better(split, open.split)) {
                open.split = split;
            }
        }
        if (open.split.place >= 0) {
            finish_split(open);
        }
    }

    static bool better(const Split& a, const Split& b) { return b.place < 0 || a.gain > b.gain || (a.gain == b.gain && a.column < b.column); }

    Split search_block(const Open& open, std::size_t b, ScanRules rules, const std::vector<std::uint8_t>& chosen) const {
        Split best;
        if (!chosen.empty() && std::all_of(chosen.begin() + static_cast<std::ptrdiff_t>(b * lanes), chosen.begin() + static_cast<std::ptrdiff_t>((b + 1) * lanes),
                                           [](std::uint8_t drawn) { return drawn == 0; })) {
            return best;
        }
        Histogram weight;
        if (rules.min_weight > 0) {
            weight.assign((binned_.block_offset[b + 1] - binned_.block_offset[b]) * lanes, 0);
            for (std::uint32_t i = tree_.nodes[open.node].begin; i < tree_.nodes[open.node].end; ++i) {
                const std::uint32_t row = tree_.rows[i];
                rules.weight_sum += weights_[row];
                for (std::size_t l = 0; l < lanes; ++l) {
                    weight[binned_.row(row)[b * lanes + l] * lanes + l] += weights_[row];
                }
            }
            rules.weight = weight.data();
        }
        LaneSplits found;
        scan_block(open.histogram->data() + binned_.block_offset[b] * bin_words, binned_.block_bins[b], binned_.block_missing[b] != 0, open.sums, rules, found);
        const double to_gain = 0.5 * unit_g_ * unit_g_ / unit_h_ * static_cast<double>(rules.scale_h) / (static_cast<double>(rules.scale_g) * rules.scale_g);
        const double own = score(open.sums);
        for (std::size_t l = 0; l < lanes; ++l) {
            const std::size_t place = b * lanes + l;
            if (found.bin[l] < 0 || binned_.column[place] < 0 || (!chosen.empty() && chosen[place] == 0)) {
                continue;
            }
            const double gross = to_gain * static_cast<double>(found.numerator[l]) / static_cast<double>(found.denominator[l]);
            const Split split{gross - own, static_cast<std::int32_t>(place), binned_.column[place], found.bin[l], found.missing_left[l] != 0};
            if (split.gain > 1e-6 * gross && split.gain >= least_gain_ && better(split, best)) {
                best = split;
            }
        }
        return best;
    }

    [[nodiscard]] double score(const Sums& sums) const {
        const double g = static_cast<double>(sums.g) * unit_g_;
        const double h = static_cast<double>(sums.h) * unit_h_ + options_.l2_regularization;
        return h > 0 ? 0.5 * g * g / h : 0;
    }

    // Moves the split to the middle of the empty bins that follow it, and sends NaN to the larger child where the node has none.
    void finish_split(Open& open) const {
        Split& split = open.split;
        const auto place = static_cast<std::size_t>(split.place);
        const std::size_t b = place / lanes;
        const std::int32_t* const counts = open.histogram->data() + binned_.block_offset[b] * bin_words + 16 + place % lanes;
        const auto last = static_cast<std::int32_t>(binned_.edges[place].size());
        std::int32_t next = split.bin + 1;
        while (next <= last && counts[static_cast<std::size_t>(next) * bin_words] == 0) {
            ++next;
        }
        if (next <= last) {
            split.bin += (next - 1 - split.bin) / 2;
        }
        const bool any_missing = binned_.block_missing[b] != 0 && counts[static_cast<std::size_t>(binned_.block_bins[b]) * bin_words] > 0;
        if (!any_missing) {
            std::int64_t left = 0;
            for (std::int32_t i = 0; i <= split.bin; ++i) {
                left += counts[static_cast<std::size_t>(i) * bin_words];
            }
            split.missing_left = left > open.sums.n - left;
        }
    }

    // Places of the columns that a node may split on; empty: all.
    [[nodiscard]] std::vector<std::uint8_t> draw_columns(std::size_t node) const {
        const auto real = static_cast<std::size_t>(std::count_if(binned_.column.begin(), binned_.column.end(), [](std::int32_t c) { return c >= 0; }));
        if (options_.max_features == 0 || options_.max_features >= real) {
            return {};
        }
        std::vector<std::size_t> order(real);
        std::iota(order.begin(), order.end(), 0);
        RandomStream stream(options_.seed, Purpose::boosting_columns, tree_number_, node);
        std::vector<std::uint8_t> chosen(binned_.stride, 0);
        for (std::size_t i = 0; i < options_.max_features; ++i) {
            std::swap(order[i], order[i + stream.below(real - i)]);
            chosen[order[i]] = 1;
        }
        return chosen;
    }

    void split(Open&& open, bool go_on) {
        const std::size_t node = open.node;
        const std::size_t left = tree_.nodes.size();
        const std::size_t right = left + 1;
        tree_.nodes.resize(left + 2);
        const std::uint32_t middle = partition(node, open.split);
        GradientTree::Node& parent = tree_.nodes[node];
        parent.place = open.split.place;
        parent.bin = open.split.bin;
        parent.missing_left = open.split.missing_left;
        parent.left = static_cast<std::int32_t>(left);
        tree_.nodes[left].begin = parent.begin;
        tree_.nodes[left].end = tree_.nodes[right].begin = middle;
        tree_.nodes[right].end = parent.end;
        tree_.nodes[left].depth = tree_.nodes[right].depth = parent.depth + 1;
        const bool split_left = go_on && may_split(left);
        const bool split_right = go_on && may_split(right);
        if (!split_left && !split_right) {
            give(std::move(open.histogram));
            return;
        }
        const std::size_t small = size(left) <= size(right) ? left : right;
        const std::size_t large = small == left ? right : left;
        Open first{small, {}, {}, nullptr};
        Open second{large, {}, {}, nullptr};
        for (std::uint32_t i = tree_.nodes[small].begin; i < tree_.nodes[small].end; ++i) {
            add(first.sums, tree_.rows[i]);
        }
        second.sums = {open.sums.g - first.sums.g, open.sums.h - first.sums.h, open.sums.n - first.sums.n};
        const bool open_small = small == left ? split_left : split_right;
        const bool open_large = small == left ? split_right : split_left;
        const bool by_subtraction = open_large && open.histogram != nullptr;
        if (open_small || by_subtraction) {
            first.histogram = take();
            accumulate(small, *first.histogram);
        }
        if (by_subtraction) {
            second.histogram = std::move(open.histogram);
            for_blocks(size(node) * binned_.stride, [&](std::size_t b) {
                const std::size_t from = binned_.block_offset[b] * bin_words;
                subtract(second.histogram->data() + from, first.histogram->data() + from, (binned_.block_offset[b + 1] - binned_.block_offset[b]) * bin_words);
            });
        } else if (open_large) {
            second.histogram = take();
            accumulate(large, *second.histogram);
        }
        give(std::move(open.histogram));
        if (open_large) {
            search(second);
            push(std::move(second));
        }
        if (open_small) {
            search(first);
            push(std::move(first));
        } else {
            give(std::move(first.histogram));
        }
    }

    std::uint32_t partition(std::size_t node, const Split& split) {
        const std::uint32_t begin = tree_.nodes[node].begin;
        const std::uint32_t end = tree_.nodes[node].end;
        const auto place = static_cast<std::size_t>(split.place);
        const std::int32_t missing_code = binned_.block_bins[place / lanes];
        const std::uint8_t* const codes = binned_.codes.data() + place;
        std::uint32_t left = begin;
        std::uint32_t right = 0;
        for (std::uint32_t i = begin; i < end; ++i) {
            __builtin_prefetch(codes + tree_.rows[std::min(i + ahead, end - 1)] * binned_.stride);
            const std::uint32_t row = tree_.rows[i];
            const std::int32_t code = codes[row * binned_.stride];
            const bool to_left = code == missing_code ? split.missing_left : code <= split.bin;
            tree_.rows[left] = row;
            buffer_[right] = row;
            left += to_left ? 1U : 0U;
            right += to_left ? 0U : 1U;
        }
        std::copy_n(buffer_.begin(), right, tree_.rows.begin() + left);
        return left;
    }

    void sum_leaves() {
        for (std::size_t i = tree_.nodes.size(); i-- > 0;) {
            GradientTree::Node& node = tree_.nodes[i];
            if (node.place >= 0) {
                const auto& left = tree_.nodes[static_cast<std::size_t>(node.left)];
                const auto& right = tree_.nodes[static_cast<std::size_t>(node.left) + 1];
                node.g = left.g + right.g;
                node.h = left.h + right.h;
                node.weight = left.weight + right.weight;
                continue;
            }
            for (std::uint32_t r = node.begin; r < node.end; ++r) {
                const std::uint32_t row = tree_.rows[r];
                node.g += data_.g[row];
                node.h += data_.h[row];
                node.weight += data_.weight->empty() ? 1.0 : (*data_.weight)[row];
            }
        }
    }

    const GradientRows& data_;
    const BinnedRows& binned_;
    const BoostingOptions& options_;
    std::uint64_t tree_number_;
    Parallel& parallel_;
    bool split_nodes_;
    StopToken& stop_;
    GradientTree tree_;
    ScanRules rules_;
    double unit_g_ = 1;
    double unit_h_ = 1;
    double least_gain_ = 0;
    std::vector<std::uint64_t> words_;
    std::vector<std::int32_t> weights_;
    std::vector<std::uint32_t> buffer_;
    std::vector<Open> open_;
    std::vector<std::unique_ptr<Histogram>> free_;
};

}  // namespace

std::size_t GradientTree::leaf_of(const std::uint8_t* codes, const BinnedRows& binned) const {
    std::size_t i = 0;
    while (nodes[i].place >= 0) {
        const Node& node = nodes[i];
        const auto place = static_cast<std::size_t>(node.place);
        const std::int32_t code = codes[place];
        const bool left = code == binned.block_bins[place / lanes] ? node.missing_left : code <= node.bin;
        i = static_cast<std::size_t>(node.left) + (left ? 0 : 1);
    }
    return i;
}

GradientTree grow_tree(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes,
                       StopToken& stop) {
    return Grower(data, options, tree_number, parallel, split_nodes, stop).grow();
}

}  // namespace emotion::trees
