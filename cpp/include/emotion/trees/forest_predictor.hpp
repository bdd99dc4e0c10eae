// A forest laid out for prediction: an immutable plan, built once, safe to share between threads.
//
// Layout: the nodes of a tree in pre-order, 8 bytes each (16 where a tree or the matrix is too large): the left child is the next node,
// the right child lies `skip` nodes further. A leaf has a threshold of NaN and skip 0, so a walk that steps on stays there, and several
// rows or trees can walk side by side without branches; the payload bits of that NaN name the class of a leaf whose rows are all of one class, as
// in fully grown trees, and number the other leaves, whose shares are kept apart.
//
// Determinism: the class shares of the leaves are added in the order of the trees, for one row as for many. NaN: goes where the node says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

class ForestPredictor {
public:
    // The forest must be valid (see validate); it may be dropped afterwards. O(nodes * classes).
    explicit ForestPredictor(const Forest& forest);

    [[nodiscard]] std::size_t n_classes() const { return n_classes_; }
    [[nodiscard]] std::size_t n_features() const { return n_features_; }

    // One row of n_features values, serial, without allocation; out has n_classes places.
    void predict_row(const float* x, double* out) const;
    // As trees::predict_proba.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    // Adds the leaf of one tree to sums; for votes of single trees.
    void add_tree(std::size_t tree, const float* x, double* sums) const;

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
    void lay_out(const Forest& forest, std::vector<Node>& nodes);
    template <class Node, bool with_missing>
    void row(const std::vector<Node>& nodes, const float* x, double* sums) const;
    template <class Node, bool with_missing>
    void block(const std::vector<Node>& nodes, const float* x, std::size_t n, double* sums) const;
    template <class Node, bool with_missing>
    [[nodiscard]] const Node& leaf_of(const std::vector<Node>& nodes, std::size_t tree, const float* x) const;
    template <class Node>
    void add_leaf(std::size_t tree, const Node& leaf, double* sums) const;

    std::size_t n_classes_ = 0;
    std::size_t n_features_ = 0;
    bool wide_ = false;
    std::vector<std::uint32_t> root_;          // one a tree, into the nodes
    std::vector<std::uint32_t> first_leaf_;    // one a tree, into leaf_value_
    std::vector<Narrow> narrow_nodes_;
    std::vector<Wide> wide_nodes_;
    std::vector<std::uint8_t> missing_left_;
    std::vector<double> leaf_value_;           // leaves of several classes x classes
};

}  // namespace emotion::trees
