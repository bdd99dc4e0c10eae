// Gradient boosting of classification trees under the multinomial deviance: Friedman, "Greedy function approximation: a gradient boosting
// machine", Annals of Statistics 29 (2001), algorithm 6, with Newton leaves as in Chen & Guestrin, "XGBoost", KDD 2016, equation 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace emotion::trees {

// A fitted model. Two classes have one output (the log-odds of the second), more have one output a class. The margin of a row is the
// baseline plus, in tree order, the values of the leaves it reaches; probabilities are the logistic function or the softmax of the margins.
//
// leaf_width is 1 (tree t adds to output t % n_outputs()) or n_outputs() (every tree adds to all outputs). Values include the learning rate.
struct Boosting {
    std::size_t n_classes = 0;
    std::size_t n_features = 0;
    std::size_t leaf_width = 1;
    std::vector<double> baseline;             // n_outputs()
    std::vector<std::int64_t> tree_offsets;   // n_trees + 1, into the node arrays
    std::vector<std::int32_t> feature;        // -1: leaf
    std::vector<float> threshold;             // x <= threshold goes left
    std::vector<std::int32_t> left;           // relative to the tree's first node; -1 in leaves
    std::vector<std::int32_t> right;
    std::vector<std::uint8_t> missing_left;   // where NaN goes
    std::vector<double> cover;                // weighted training rows that reached the node
    std::vector<double> gain;                 // decrease of the loss by the split, 0 in leaves
    std::vector<double> value;                // nodes x leaf_width; also inner nodes hold what they would add as leaves

    [[nodiscard]] std::size_t n_outputs() const { return n_classes == 2 ? 1 : n_classes; }
    [[nodiscard]] std::size_t trees_per_round() const { return n_outputs() / leaf_width; }
    [[nodiscard]] std::size_t n_trees() const { return tree_offsets.empty() ? 0 : tree_offsets.size() - 1; }
    [[nodiscard]] std::size_t n_rounds() const { return n_trees() / trees_per_round(); }
    [[nodiscard]] std::size_t n_nodes() const { return feature.size(); }
};

// Throws ModelFormatError unless every index is in range and every child comes after its parent: then prediction terminates and stays inside the arrays.
void validate(const Boosting& model);

}  // namespace emotion::trees
