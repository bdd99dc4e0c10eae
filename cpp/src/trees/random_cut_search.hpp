// Splits at random cuts, for extremely randomized trees. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "emotion/core/rng.hpp"
#include "cut_counts.hpp"
#include "search_base.hpp"
#include "weighted_items.hpp"

namespace emotion::trees {

// A uniform cut between two values, rounded down to float32: low <= cut < high. Infinite ends count as the largest float.
inline float random_cut(float low, float high, RandomStream& stream) {
    constexpr double largest = std::numeric_limits<float>::max();
    const double from = std::max(static_cast<double>(low), -largest);
    const double to = std::min(static_cast<double>(high), largest);
    const double exact = from + stream.uniform() * (to - from);
    auto cut = static_cast<float>(exact);
    if (static_cast<double>(cut) > exact) {
        cut = std::nextafter(cut, -std::numeric_limits<float>::infinity());
    }
    if (cut >= high) {
        cut = std::nextafter(high, -std::numeric_limits<float>::infinity());
    }
    return std::max(cut, low);
}

// One cut a column, uniform between its least and its largest value in the node; NaN goes to a side drawn at random, to the right where
// all values are equal. Cut and side are pure functions of (seed, tree, path, column), so they do not depend on places or other columns.
// Two passes over the node's values: their ends, then the class counts left of the cut. Without weights all sums are integers: up to eight
// classes are bytes of one word, added without a branch; otherwise sums run in the order of places. O(places) a column, no sort.
class RandomCutSearch final : public SplitSearch {
public:
    RandomCutSearch(const TrainingPlan& plan, Criterion criterion)
        : plan_(plan), criterion_(criterion), columns_(plan.values().n_columns()), left_(plan.n_classes), sides_(2 * plan.n_classes) {
        release();
    }

    void start_tree(const std::vector<std::uint32_t>& copies, const std::vector<double>& class_factor) override {
        release();
        rows_.clear();
        std::uint32_t most = 1;
        items_.start_tree(plan_, copies, class_factor, [&](std::size_t i) {
            rows_.push_back(static_cast<std::uint32_t>(i));
            most = std::max(most, copies[i]);
        });
        // So many places cannot overflow a byte.
        by_words_ = !plan_.weighted && plan_.n_classes <= packed_classes && most <= packed_copies;
        places_a_word_ = packed_copies / most;
        spare_rows_.resize(rows_.size());
        values_.resize(rows_.size() + padding);
        words_.resize(rows_.size());
    }

    [[nodiscard]] std::size_t size() const override { return rows_.size(); }
    [[nodiscard]] const Split& best() const override { return best_; }

    void compact(std::size_t begin, std::size_t end) override {
        constexpr std::size_t tile = 16;
        const std::size_t m = end - begin;
        copy_.resize(m * columns_.size());
        for (std::size_t first = 0; first < m; first += tile) {
            const std::size_t count = std::min(tile, m - first);
            const float* sources[tile];
            for (std::size_t k = 0; k < count; ++k) {
                sources[k] = plan_.values().row(rows_[begin + first + k]);
                rows_[begin + first + k] = static_cast<std::uint32_t>(first + k);
            }
            for (std::size_t j = 0; j < columns_.size(); ++j) {
                for (std::size_t k = 0; k < count; ++k) {
                    copy_[j * m + first + k] = sources[k][j];
                }
            }
        }
        for (std::size_t j = 0; j < columns_.size(); ++j) {
            columns_[j] = copy_.data() + j * m;
        }
    }

    void release() override {
        for (std::size_t j = 0; j < columns_.size(); ++j) {
            columns_[j] = plan_.values().column(j);
        }
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) override { items_.sums(begin, end, out); }

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        begin_ = begin;
        end_ = end;
        best_ = Split{};
        node_.start(sums, limits);
        if (by_words_) {
            for (std::size_t i = begin; i < end; ++i) {
                words_[i - begin] = std::uint64_t{items_.items[i].copies} << (8 * items_.items[i].label);
            }
        }
    }

    void prefetch(std::uint32_t feature) const override {
        const float* const column = columns_[feature];
        const std::size_t end = std::min(end_, begin_ + prefetched_places);
        for (std::size_t i = begin_; i < end; ++i) {
            __builtin_prefetch(column + rows_[i]);
        }
    }

    bool try_column(std::uint32_t feature) override {
        const std::size_t n = end_ - begin_;
        const float* const column = columns_[feature];
        const std::uint32_t* const rows = rows_.data() + begin_;
        float* const values = values_.data();
        for (std::size_t i = 0; i < n; ++i) {
            values[i] = column[rows[i]];
        }
        const ValueRange range = value_range(values, n);
        if (!(range.low < range.high) && (!range.missing || !(range.low <= range.high))) {
            return false;   // one value, or nothing but NaN
        }
        Split split;
        split.found = true;
        split.feature = feature;
        split.missing_in_node = range.missing;
        split.only_missing_right = range.low == range.high;
        float cut = range.high;
        if (!split.only_missing_right) {
            RandomStream stream(node_.limits.key.seed, Purpose::node_cuts, node_.limits.key.tree, mix64(node_.limits.key.path ^ mix64(feature + std::uint64_t{1})));
            cut = split.cut = random_cut(range.low, range.high, stream);
            split.missing_left = split.missing_in_node && stream.below(2) == 1;
        }
        by_words_ ? count_left(cut, split.missing_left, n) : add_left(cut, split.missing_left, n);
        if (node_.enough_copies(left_copies_) && node_.improves(left_, criterion_)) {
            best_ = split;
        }
        return true;
    }

    std::size_t apply(const Split& split, std::size_t begin, std::size_t end) override {
        const float* const column = columns_[split.feature];
        const float cut = split.only_missing_right ? std::numeric_limits<float>::infinity() : split.cut;
        std::size_t left = begin;
        std::size_t right = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const std::uint32_t row = rows_[i];
            const WeightedItem item = items_.items[i];
            const std::size_t is_left = goes_left(column[row], cut, split.missing_left);
            rows_[left] = row;
            items_.items[left] = item;
            spare_rows_[right] = row;
            items_.spare[right] = item;
            left += is_left;
            right += 1 - is_left;
        }
        std::copy_n(spare_rows_.begin(), right, rows_.begin() + static_cast<std::ptrdiff_t>(left));
        std::copy_n(items_.spare.begin(), right, items_.items.begin() + static_cast<std::ptrdiff_t>(left));
        return left;
    }

private:
    static std::size_t goes_left(float value, float cut, bool missing_left) {
        return static_cast<std::size_t>(value <= cut) | (static_cast<std::size_t>(missing_left) & static_cast<std::size_t>(value != value));
    }

    void count_left(float cut, bool missing_left, std::size_t n) {
        std::uint64_t counts[packed_classes] = {};
        for (std::size_t first = 0; first < n; first += places_a_word_) {
            const std::size_t count = std::min(places_a_word_, n - first);
            const std::uint64_t word = words_left(values_.data() + first, words_.data() + first, count, cut, missing_left);
            for (std::size_t c = 0; c < packed_classes; ++c) {
                counts[c] += word >> (8 * c) & 0xFF;
            }
        }
        std::uint64_t copies = 0;
        for (std::size_t c = 0; c < left_.size(); ++c) {
            left_[c] = static_cast<double>(counts[c]);
            copies += counts[c];
        }
        left_copies_ = static_cast<double>(copies);
    }

    // Sides are as good as random: no branch depends on them.
    void add_left(float cut, bool missing_left, std::size_t n) {
        const std::size_t k = left_.size();
        std::fill(sides_.begin(), sides_.end(), 0.0);
        std::uint64_t copies = 0;
        const WeightedItem* const items = items_.items.data() + begin_;
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t is_left = goes_left(values_[i], cut, missing_left);
            sides_[is_left * k + items[i].label] += items[i].weight;
            copies += is_left * items[i].copies;
        }
        std::transform(sides_.begin() + static_cast<std::ptrdiff_t>(k), sides_.end(), items_.factor.begin(), left_.begin(), std::multiplies<>());
        left_copies_ = static_cast<double>(copies);
    }

    const TrainingPlan& plan_;
    Criterion criterion_;
    std::vector<const float*> columns_;   // of the plan, or of copy_
    std::vector<float> copy_;
    std::vector<std::uint32_t> rows_;
    std::vector<std::uint32_t> spare_rows_;
    WeightedItems items_;
    std::vector<float> values_;           // of the column tried, one a place of the node
    std::vector<std::uint64_t> words_;    // copies of a place of the node, in the byte of its class
    std::vector<double> left_;            // weights left of the cut, class weights included
    std::vector<double> sides_;           // weights by side (right, left) and class
    WeightedNode node_;
    Split best_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t places_a_word_ = 1;
    bool by_words_ = false;
    double left_copies_ = 0;
};

}  // namespace emotion::trees
