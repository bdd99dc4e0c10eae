// Growing one tree, depth first or best first.
#pragma once

#include <cstdint>
#include <vector>

#include "emotion/core/rng.hpp"
#include "split_search.hpp"

namespace emotion::trees {

// The node arrays of one tree, as in Forest.
struct Tree {
    std::vector<std::int32_t> feature;
    std::vector<float> threshold;
    std::vector<std::int32_t> left;
    std::vector<std::int32_t> right;
    std::vector<std::uint8_t> missing_left;
    std::vector<double> cover;
    std::vector<double> impurity;
    std::vector<double> value;
};

// Reused from tree to tree by one thread. The candidate columns of a node come from a stream keyed by the tree and the path from the
// root to the node, so they do not depend on the order in which nodes are grown.
class Grower {
public:
    Grower(const TrainingPlan& plan, const ForestOptions& options);
    // `search` has started the tree.
    Tree grow(SplitSearch& search, std::size_t tree, StopToken& stop);

private:
    struct Node {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::int32_t parent = -1;
        bool is_right = false;
        int depth = 0;
        std::uint64_t path = 1;
        std::size_t n_constants = 0;   // of the list of columns known to be constant in the parent
    };
    // A node whose split is known, waiting in the best-first queue.
    struct Candidate {
        double improvement = 0;
        std::int32_t index = 0;
        std::size_t middle = 0;
        Node node;
    };

    std::int32_t add_node(const Node& node);
    [[nodiscard]] bool must_be_leaf(const Node& node) const;
    // Finds the best split and moves the items; false if the node stays a leaf.
    bool split(const Node& node, std::int32_t index, std::size_t& middle, double& improvement);
    void draw_columns(const Node& node);
    void set_split(std::int32_t index, const Split& split, std::size_t n_left, std::size_t n_right);
    [[nodiscard]] Node child(const Node& parent, std::int32_t index, std::size_t begin, std::size_t end, bool is_right) const;
    [[nodiscard]] std::size_t compact_limit() const;
    void keep_compact(const Node& node);
    void grow_depth_first(const Node& root);
    void grow_best_first(const Node& root);

    const TrainingPlan& plan_;
    const ForestOptions& options_;
    std::size_t max_features_;
    SplitSearch* search_ = nullptr;
    StopToken* stop_ = nullptr;
    Tree tree_;
    std::size_t tree_index_ = 0;
    double root_weight_ = 0;
    double min_weight_leaf_ = 0;
    NodeSums sums_;
    NodeSums left_sums_;
    NodeSums right_sums_;
    std::vector<std::uint32_t> columns_;        // a permutation; the identity between nodes
    std::vector<std::uint32_t> swaps_;
    std::vector<std::uint32_t> constants_;      // columns known to be constant on the way from the root to the node
    std::vector<std::uint8_t> is_constant_;
    std::vector<Node> stack_;
    std::size_t most_shares_;         // class shares of one tree that fit in memory
    std::size_t compact_limit_ = 0;   // nodes of at most so many places are copied together; 0: none
    std::size_t compact_end_ = 0;     // of the places copied now; 0: none
};

// The largest float not above the midpoint, so that left <= threshold < right holds in float32.
float threshold_between(float left, float right);

}  // namespace emotion::trees
