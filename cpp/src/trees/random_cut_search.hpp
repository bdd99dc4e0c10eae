// Splits at random cuts, for extremely randomized trees. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"
#include "weighted_search.hpp"

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
// all values are equal. Cut and side are pure functions of (seed, tree, path, column), so they do not depend on codes, places or other
// columns. Sums run in the order of places; without weights they are integers. O(places) a column, no sort.
class RandomCutSearch final : public WeightedSearch {
public:
    using WeightedSearch::WeightedSearch;

    bool try_column(std::uint32_t feature) override {
        const Column& column = columns_[feature];
        codes_.resize(end_ - begin_);
        std::uint32_t low = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t high = 0;      // of the values
        std::uint32_t largest = 0;   // NaN counted
        for_codes(column, begin_, end_, [&](std::uint32_t code, std::size_t i) {
            codes_[i - begin_] = code;
            low = std::min(low, code);
            largest = std::max(largest, code);
            high = code == column.missing_code ? high : std::max(high, code);
        });
        if (low == largest) {
            return false;
        }
        Split split;
        split.found = true;
        split.feature = feature;
        split.missing_in_node = largest == column.missing_code;
        split.only_missing_right = low == high;
        split.left_code = low;
        if (!split.only_missing_right) {
            RandomStream stream(limits_.key.seed, Purpose::node_cuts, limits_.key.tree, mix64(limits_.key.path ^ mix64(feature + std::uint64_t{1})));
            split.cut = random_cut(column.values[low], column.values[high], stream);
            split.left_code = last_left(column, low, high, split.cut);
            split.missing_left = split.missing_in_node && stream.below(2) == 1;
        }
        split.right_code = split.left_code + 1;
        add_left(split, column.missing_code);
        if (enough_copies() && improves()) {
            best_ = split;
        }
        return true;
    }

private:
    // A code that parts the node's values as the cut does. In small nodes their few values are read at once, where a search in the whole
    // table would wait for one after the other.
    [[nodiscard]] std::uint32_t last_left(const Column& column, std::uint32_t low, std::uint32_t high, float cut) const {
        constexpr std::size_t few = 64;
        if (codes_.size() > few) {
            return static_cast<std::uint32_t>(std::upper_bound(column.values + low, column.values + high, cut) - column.values) - 1;
        }
        std::uint32_t last = low;
        for (const std::uint32_t code : codes_) {
            const bool is_left = column.values[std::min(code, high)] <= cut;   // NaN has no value, and the largest is right of the cut
            last = std::max(last, is_left ? code : low);
        }
        return last;
    }

    // Sides are as good as random: no branch depends on them.
    void add_left(const Split& split, std::uint32_t missing_code) {
        const std::size_t k = left_.size();
        sides_.assign(2 * k, 0.0);
        std::uint64_t copies = 0;
        const Item* const items = items_.data() + begin_;
        const std::uint32_t left_code = split.left_code;
        const std::uint32_t missing_left = split.missing_left ? 1 : 0;
        for (std::size_t i = 0; i < codes_.size(); ++i) {
            const std::uint32_t code = codes_[i];
            const std::uint32_t is_left = static_cast<std::uint32_t>(code <= left_code) | (missing_left & static_cast<std::uint32_t>(code == missing_code));
            sides_[is_left * k + items[i].label] += items[i].weight;
            copies += std::uint64_t{is_left} * items[i].copies;
        }
        std::copy_n(sides_.begin() + static_cast<std::ptrdiff_t>(k), k, left_.begin());
        left_copies_ = static_cast<double>(copies);
    }

    std::vector<std::uint32_t> codes_;   // of the column tried, one a place of the node
    std::vector<double> sides_;          // weights by side (right, left) and class
};

}  // namespace emotion::trees
