// A boosting model laid out for prediction: an immutable plan, built once, safe to share between threads.
//
// Layout: the nodes of a tree in pre-order, 8 bytes each (16 where a tree or the matrix is too large): the left child is the next node, the
// right child lies `skip` nodes further, and the top bit of `skip` sends NaN to the left. A leaf has a threshold of NaN and skip 0, so a walk
// that steps on stays there, and several rows or trees can walk side by side without branches; the payload bits of that NaN number the leaf.
//
// Determinism: margins are added in the order of the trees, for one row as for many. NaN: goes where the node says. O(trees * depth) a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/boosting.hpp"

namespace emotion::trees {

class BoostingPredictor {
public:
    // The model must be valid (see validate); it may be dropped afterwards. O(nodes * leaf_width).
    explicit BoostingPredictor(const Boosting& model);

    [[nodiscard]] std::size_t n_classes() const { return n_classes_; }
    [[nodiscard]] std::size_t n_features() const { return n_features_; }
    [[nodiscard]] std::size_t n_outputs() const { return baseline_.size(); }
    [[nodiscard]] std::size_t n_trees() const { return root_.size(); }

    // One row of n_features values, serial, without allocation; n_classes and n_outputs places.
    void predict_row(const float* x, double* probability) const;
    void decision_row(const float* x, double* margins) const;

    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    void decision_function(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    // Adds the trees begin … end - 1 to margins, in their order: from the baseline on, all trees in pieces give the bits of decision_function.
    void add_trees(std::size_t begin, std::size_t end, MatrixView<const float> x, MatrixView<double> margins, Parallel& parallel, StopToken& stop) const;
    // out(r, t): the node, counted from the first of tree t, where row r ends.
    void apply(MatrixView<const float> x, MatrixView<std::int32_t> out, Parallel& parallel, StopToken& stop) const;
    // margins (n_outputs) -> probabilities (n_classes).
    void probabilities(const double* margins, double* out) const;

private:
    struct Narrow {
        std::uint32_t threshold;   // bits of a float
        std::uint16_t feature;
        std::uint16_t skip;
    };
    struct Wide {
        std::uint32_t threshold;
        std::uint32_t feature;
        std::uint32_t skip;
        std::uint32_t leaf;
    };
    static_assert(sizeof(Narrow) == 8 && sizeof(Wide) == 16);

    template <class Node>
    void lay_out(const Boosting& model, std::vector<Node>& nodes);
    // Walks trees begin … end - 1 side by side and calls add(tree, leaf) in their order.
    template <class Node, class Add>
    void walk_row(const std::vector<Node>& nodes, std::size_t begin, std::size_t end, const float* x, const Add& add) const;
    // Walks n rows side by side through each tree and calls add(tree, row, leaf), trees in their order.
    template <class Node, class Add>
    void walk_block(const std::vector<Node>& nodes, std::size_t begin, std::size_t end, const float* x, std::size_t n, const Add& add) const;
    void add_leaf(std::size_t tree, std::uint32_t leaf, double* margins) const;
    void add_block(std::size_t begin, std::size_t end, const float* x, std::size_t n, double* margins) const;

    std::size_t n_classes_ = 0;
    std::size_t n_features_ = 0;
    std::size_t leaf_width_ = 1;
    bool wide_ = false;
    std::vector<double> baseline_;
    std::vector<std::uint32_t> root_;          // one a tree, into the nodes
    std::vector<std::uint32_t> first_leaf_;    // one a tree, into the leaves
    std::vector<std::uint32_t> output_;        // one a tree: the first output it adds to
    std::vector<Narrow> narrow_nodes_;
    std::vector<Wide> wide_nodes_;
    std::vector<std::int32_t> leaf_node_;      // the leaf's node in the model's tree
    std::vector<double> leaf_value_;           // leaves x leaf_width
};

}  // namespace emotion::trees
