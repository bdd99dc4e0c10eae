#include "boosting_tree.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "gradient_splits.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t histograms_bytes = std::size_t{256} << 20;   // of all that wait; beyond, nodes add up their rows again
constexpr std::uint32_t ahead = 32;                                // rows whose codes are asked for before they are read

struct Open {
    std::size_t node = 0;
    Sums sums;
    GradientSplit split;
    std::unique_ptr<Histogram> histogram;
};

class Grower {
public:
    Grower(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes, StopToken& stop)
        : data_(data), binned_(*data.binned), options_(options), stop_(stop), splits_(data, options, tree_number, parallel, split_nodes, stop) {}

    GradientTree grow() {
        tree_.rows = data_.drawn;
        buffer_.resize(tree_.rows.size());
        GradientTree::Node root;
        root.end = static_cast<std::uint32_t>(tree_.rows.size());
        tree_.nodes.push_back(root);
        if (may_split(0)) {
            Open open{0, splits_.sums(tree_.rows), {}, nullptr};
            if (!few_rows(0)) {
                open.histogram = take();
                splits_.accumulate(tree_.rows, *open.histogram);
            }
            search_and_push(std::move(open));
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
    [[nodiscard]] std::size_t size(std::size_t node) const { return tree_.nodes[node].end - tree_.nodes[node].begin; }
    [[nodiscard]] std::span<const std::uint32_t> rows(std::size_t node) const { return {tree_.rows.data() + tree_.nodes[node].begin, size(node)}; }
    [[nodiscard]] bool may_split(std::size_t node) const {
        const auto n = static_cast<double>(size(node));
        return n >= options_.min_samples_split && n >= 2 * std::ceil(options_.min_samples_leaf) &&
               (options_.max_depth < 0 || tree_.nodes[node].depth < options_.max_depth);
    }

    // Such nodes are searched without a histogram.
    [[nodiscard]] bool few_rows(std::size_t node) const { return size(node) <= most_sorted; }

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

    void search_and_push(Open&& open) {
        open.split = splits_.best(open.node, rows(open.node), open.sums, open.histogram.get());
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
        Open first{small, splits_.sums(rows(small)), {}, nullptr};
        Open second{large, {}, {}, nullptr};
        second.sums = {open.sums.g - first.sums.g, open.sums.h - first.sums.h, open.sums.n - first.sums.n};
        const bool open_small = small == left ? split_left : split_right;
        const bool open_large = small == left ? split_right : split_left;
        const bool needs_large = open_large && !few_rows(large);
        const bool by_subtraction = needs_large && open.histogram != nullptr;
        if ((open_small || by_subtraction) && !few_rows(small)) {
            first.histogram = take();
            splits_.accumulate(rows(small), *first.histogram);
        }
        if (by_subtraction) {
            second.histogram = std::move(open.histogram);
            if (first.histogram != nullptr) {
                splits_.subtract_child(*second.histogram, *first.histogram);
            } else {
                splits_.subtract_rows(*second.histogram, rows(small));
            }
        } else if (needs_large) {
            second.histogram = take();
            splits_.accumulate(rows(large), *second.histogram);
        }
        give(std::move(open.histogram));
        if (open_large) {
            search_and_push(std::move(second));
        }
        if (open_small) {
            search_and_push(std::move(first));
        } else {
            give(std::move(first.histogram));
        }
    }

    std::uint32_t partition(std::size_t node, const GradientSplit& split) {
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
    StopToken& stop_;
    GradientSplits splits_;
    GradientTree tree_;
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
