// A tree as the linear program that tree_walk runs: what happens at each node, in order, for eight rows at once.
//
// Of two children the one whose walk needs more memory comes first, so that results wait on a short stack; a leaf is never first unless both
// children are leaves. A node's terms are the outputs that occur among the leaves under it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::explain {

// The fitted arrays of a forest or a boosting model. Tree t adds value[i * width …] to `width` outputs from output (t * width) % n_outputs on.
struct TreeArrays {
    std::size_t n_features = 0;
    std::size_t n_outputs = 0;
    std::size_t width = 0;
    std::span<const std::int64_t> tree_offsets;
    std::span<const std::int32_t> feature;
    std::span<const float> threshold;
    std::span<const std::int32_t> left;
    std::span<const std::int32_t> right;
    std::span<const std::uint8_t> missing_left;
    std::span<const double> cover;
    std::span<const double> value;
    std::span<const double> baseline;   // empty: zeros
    double scale = 1;                   // of the sum over trees

    [[nodiscard]] std::size_t n_trees() const { return tree_offsets.empty() ? 0 : tree_offsets.size() - 1; }
    [[nodiscard]] std::size_t first_output(std::size_t tree) const { return width == n_outputs ? 0 : tree % n_outputs; }
};

TreeArrays arrays_of(const trees::Forest& forest);
TreeArrays arrays_of(const trees::Boosting& boosting);

enum class Event : std::uint32_t {
    enter,   // condition; products of the first child's edge
    second,  // products of the second child's edge
    leave,   // results of both children are known
    pair,    // enter and leave of a node with two leaves
};

// How an output occurs under the two children.
enum class TermKind : std::uint32_t {
    leaf_leaf,     // two constants follow: first, second
    inner_leaf,    // one constant follows: second
    inner_none,
    inner_inner,
    none_inner,
    none_leaf,     // one constant follows: second
};

struct Term {
    std::uint32_t output;
    TermKind kind;
};

struct NodeStep {
    double share = 1;          // cumulative share of cover of the first child over all conditions on this column on the path
    double parent_share = 1;   // of the node itself: 1 where the column is new on the path
    float threshold = 0;
    std::uint32_t feature = 0;
    std::uint32_t level = 0;
    std::int32_t parent_level = -1;  // level of the nearest ancestor with the same column, or -1
    std::uint32_t slot = 0;          // the stack place of the first child's result and of the node's own; the second's is the next
    std::uint32_t n_terms = 0;
    bool first_is_right = false;
    bool missing_first = false;
    bool constants = false;          // has a leaf for a child
};

struct TreeProgram {
    std::size_t steps = 0;        // where the tree begins, in each of the model's arrays
    std::size_t events = 0;
    std::size_t n_events = 0;
    std::size_t terms = 0;
    std::size_t constants = 0;
    std::size_t points = 1;       // of the quadrature
};

struct Program {
    std::vector<TreeProgram> trees;
    std::vector<NodeStep> steps;         // in the order of their `enter`
    std::vector<std::uint32_t> events;   // step of the tree * 4 + Event
    std::vector<Term> terms;             // in the order of `leave`
    std::vector<double> constants;
    std::vector<double> base;            // n_outputs: the outputs where no column is known
    std::size_t n_features = 0;
    std::size_t n_outputs = 0;
    std::int64_t implied = -1;           // an output left out of all terms, because all outputs sum to a constant
    std::size_t levels = 0;              // largest of all trees
    std::size_t slots = 1;
    std::size_t points = 1;
    double scale = 1;
};

// Throws InvalidInputError where a tree is deeper than 4,096 levels or the memory of a walk would be out of proportion. O(nodes outputs).
Program compile(const TreeArrays& trees);

}  // namespace emotion::explain
