// Splits by sums of weights. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "search_base.hpp"

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
        items_.clear();
        factor_ = class_factor;
        for (std::size_t i = 0; i < copies.size(); ++i) {
            const double weight = copies[i] * (plan_.item_weight.empty() ? 1.0 : plan_.item_weight[i]);
            if (weight > 0) {
                rows_.push_back(plan_.code_row(i));
                items_.push_back({weight, plan_.item_class[i], copies[i]});
            }
        }
        spare_rows_.resize(rows_.size());
        spare_items_.resize(items_.size());
        sorter_.reserve(rows_.size());
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) override {
        std::fill(out.classes.begin(), out.classes.end(), 0.0);
        double copies = 0;
        for (std::size_t i = begin; i < end; ++i) {
            out.classes[items_[i].label] += items_[i].weight;
            copies += items_[i].copies;
        }
        out.weight = 0;
        std::size_t present = 0;
        for (std::size_t c = 0; c < out.classes.size(); ++c) {
            present += out.classes[c] > 0 ? 1 : 0;
            out.classes[c] *= factor_[c];
            out.weight += out.classes[c];
        }
        out.copies = copies;
        out.pure = present <= 1;
    }

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        begin_ = begin;
        end_ = end;
        best_ = Split{};
        best_score_ = -std::numeric_limits<double>::infinity();
        sums_ = &sums;
        limits_ = limits;
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
            const Item item = items_[i];
            rows_[left] = row;
            items_[left] = item;
            spare_rows_[right] = row;
            spare_items_[right] = item;
        });
        std::copy_n(spare_rows_.begin(), end - middle, rows_.begin() + static_cast<std::ptrdiff_t>(middle));
        std::copy_n(spare_items_.begin(), end - middle, items_.begin() + static_cast<std::ptrdiff_t>(middle));
        return middle;
    }

private:
    struct Item {
        double weight;
        std::uint32_t label;
        std::uint32_t copies;
    };

    // The place goes left; counted from the node's first.
    void move(std::size_t place) {
        const Item& item = items_[begin_ + place];
        left_[item.label] += item.weight;
        left_copies_ += item.copies;
    }

    [[nodiscard]] bool enough_copies() const {
        return left_copies_ >= limits_.min_samples_leaf && sums_->copies - left_copies_ >= limits_.min_samples_leaf;
    }

    void scan(std::uint32_t feature, std::size_t end, bool missing_left) {
        const std::uint64_t* const sorted = sorter_.sorted();
        for (std::size_t i = 0; i < end; ++i) {
            move(sorted[i] & place_mask);
            if ((sorted[i] >> 32) == (sorted[i + 1] >> 32) || !enough_copies()) {
                continue;
            }
            if (improves()) {
                record(feature, i, missing_left);
            }
        }
    }

    bool improves() {
        for (std::size_t c = 0; c < left_.size(); ++c) {
            scaled_[c] = left_[c] * factor_[c];
        }
        const double score = split_score(scaled_, *sums_, limits_.min_weight_leaf, criterion_);
        if (score > best_score_) {
            best_score_ = score;
            return true;
        }
        return false;
    }

    static constexpr std::uint64_t place_mask = 0xFFFFFFFFU;
    Criterion criterion_;
    const NodeSums* sums_ = nullptr;
    SplitLimits limits_;
    std::vector<Item> items_;
    std::vector<Item> spare_items_;
    std::vector<double> factor_;
    std::vector<double> left_;
    std::vector<double> scaled_;   // left_ times the class weights
    double left_copies_ = 0;
    double best_score_ = 0;
};

}  // namespace emotion::trees
