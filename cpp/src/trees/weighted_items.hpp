// The items of one tree with their weights, in node order. Internal to the searches that sum weights.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "split_search.hpp"

namespace emotion::trees {

struct WeightedItem {
    double weight;
    std::uint32_t label;
    std::uint32_t copies;
};

// Sums run in the order of places; class weights are multiplied in after the sum.
struct WeightedItems {
    // Takes the items drawn by a tree that have a weight, and calls take(item) for each in order.
    template <class Take>
    void start_tree(const TrainingPlan& plan, const std::vector<std::uint32_t>& copies, const std::vector<double>& class_factor, Take&& take) {
        items.clear();
        factor = class_factor;
        for (std::size_t i = 0; i < copies.size(); ++i) {
            const double weight = copies[i] * (plan.item_weight.empty() ? 1.0 : plan.item_weight[i]);
            if (weight > 0) {
                items.push_back({weight, plan.item_class[i], copies[i]});
                take(i);
            }
        }
        spare.resize(items.size());
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) const {
        std::fill(out.classes.begin(), out.classes.end(), 0.0);
        double copies = 0;
        for (std::size_t i = begin; i < end; ++i) {
            out.classes[items[i].label] += items[i].weight;
            copies += items[i].copies;
        }
        out.weight = 0;
        std::size_t present = 0;
        for (std::size_t c = 0; c < out.classes.size(); ++c) {
            present += out.classes[c] > 0 ? 1 : 0;
            out.classes[c] *= factor[c];
            out.weight += out.classes[c];
        }
        out.copies = copies;
        out.pure = present <= 1;
    }

    std::vector<WeightedItem> items;
    std::vector<WeightedItem> spare;   // of the right child while places are parted
    std::vector<double> factor;        // weight of each class
};

// The node whose split is sought, and the best score there so far.
struct WeightedNode {
    void start(const NodeSums& of_node, const SplitLimits& its_limits) {
        sums = &of_node;
        limits = its_limits;
        best_score = -std::numeric_limits<double>::infinity();
    }

    [[nodiscard]] bool enough_copies(double left) const { return left >= limits.min_samples_leaf && sums->copies - left >= limits.min_samples_leaf; }

    // Whether a split with these weights left of it is the best so far; earlier ones win ties.
    bool improves(const std::vector<double>& left, Criterion criterion) {
        const double score = split_score(left, *sums, limits.min_weight_leaf, criterion);
        if (score > best_score) {
            best_score = score;
            return true;
        }
        return false;
    }

    const NodeSums* sums = nullptr;
    SplitLimits limits;
    double best_score = 0;
};

}  // namespace emotion::trees
