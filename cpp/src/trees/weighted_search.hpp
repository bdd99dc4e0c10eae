// Splits by sums of weights. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "search_base.hpp"
#include "weighted_items.hpp"

namespace emotion::trees {

// Sample weights and class weights. Key: code | place in the node. A boundary costs O(classes).
class WeightedSearch final : public SearchBase<std::uint64_t> {
public:
    WeightedSearch(const TrainingPlan& plan, Criterion criterion) : SearchBase(plan), criterion_(criterion), left_(plan.n_classes), scaled_(plan.n_classes) {
        payload_bits_ = 32;
    }

    void start_tree(const std::vector<std::uint32_t>& copies, const std::vector<double>& class_factor) override {
        release();
        rows_.clear();
        items_.start_tree(plan_, copies, class_factor, [&](std::size_t i) { rows_.push_back(plan_.code_row(i)); });
        spare_rows_.resize(rows_.size());
        sorter_.reserve(rows_.size());
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) override { items_.sums(begin, end, out); }

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        begin_ = begin;
        end_ = end;
        best_ = Split{};
        node_.start(sums, limits);
    }

    bool try_column(std::uint32_t feature) override {
        const std::size_t begin = begin_;
        if (!sort_column(columns_[feature], [begin](std::size_t i) { return static_cast<std::uint64_t>(i - begin); })) {
            return false;
        }
        const std::size_t n = end_ - begin_;
        std::fill(left_.begin(), left_.end(), 0.0);
        left_copies_ = 0;
        if (n_present_ == n) {
            scan(feature, n - 1, false);
            return true;
        }
        scan(feature, n_present_, false);
        std::fill(left_.begin(), left_.end(), 0.0);
        left_copies_ = 0;
        for (std::size_t i = n_present_; i < n; ++i) {
            move(sorter_.sorted()[i] & place_mask);
        }
        scan(feature, n_present_ - 1, true);
        return true;
    }

    std::size_t apply(const Split& split, std::size_t begin, std::size_t end) override {
        const std::size_t middle = partition(split, begin, end, [&](std::size_t i, std::size_t left, std::size_t right) {
            const std::uint32_t row = rows_[i];
            const WeightedItem item = items_.items[i];
            rows_[left] = row;
            items_.items[left] = item;
            spare_rows_[right] = row;
            items_.spare[right] = item;
        });
        std::copy_n(spare_rows_.begin(), end - middle, rows_.begin() + static_cast<std::ptrdiff_t>(middle));
        std::copy_n(items_.spare.begin(), end - middle, items_.items.begin() + static_cast<std::ptrdiff_t>(middle));
        return middle;
    }

private:
    // The place goes left; counted from the node's first.
    void move(std::size_t place) {
        const WeightedItem& item = items_.items[begin_ + place];
        left_[item.label] += item.weight;
        left_copies_ += item.copies;
    }

    void scan(std::uint32_t feature, std::size_t end, bool missing_left) {
        const std::uint64_t* const sorted = sorter_.sorted();
        for (std::size_t i = 0; i < end; ++i) {
            move(sorted[i] & place_mask);
            if ((sorted[i] >> 32) == (sorted[i + 1] >> 32) || !node_.enough_copies(left_copies_)) {
                continue;
            }
            if (improves()) {
                record(feature, i, missing_left);
            }
        }
    }

    bool improves() {
        for (std::size_t c = 0; c < left_.size(); ++c) {
            scaled_[c] = left_[c] * items_.factor[c];
        }
        return node_.improves(scaled_, criterion_);
    }

    static constexpr std::uint64_t place_mask = 0xFFFFFFFFU;
    Criterion criterion_;
    WeightedNode node_;
    WeightedItems items_;
    std::vector<double> left_;
    std::vector<double> scaled_;   // left_ times the class weights
    double left_copies_ = 0;
};

}  // namespace emotion::trees
