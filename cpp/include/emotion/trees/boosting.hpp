// Gradient boosting of classification trees under the multinomial deviance: Friedman, "Greedy function approximation: a gradient boosting
// machine", Annals of Statistics 29 (2001), algorithm 6, with Newton leaves as in Chen & Guestrin, "XGBoost", KDD 2016, equation 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/trees/forest.hpp"

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

struct BoostingOptions {
    int n_estimators = 100;           // rounds in all, those of a continued model included
    double learning_rate = 0.1;
    int max_depth = 3;                // -1: no limit
    int max_leaf_nodes = -1;          // -1: no limit; else the best split first
    double min_samples_split = 2;     // rows, as a count
    double min_samples_leaf = 1;
    double min_weight_fraction_leaf = 0;
    double min_impurity_decrease = 0; // of the loss a unit of weight
    double l2_regularization = 0;
    std::size_t max_features = 0;     // columns drawn at a node; 0: all
    double subsample = 1;             // share of the rows of a round, drawn without replacement
    int max_bins = 255;               // 2 to 255
    ClassWeight class_weight = ClassWeight::none;  // none, balanced or given
    std::vector<double> class_weights;
    bool zero_init = false;           // else the log of the class shares
    int n_iter_no_change = 0;         // 0: no early stopping
    double tol = 1e-4;
    std::uint64_t seed = 0;

    friend bool operator==(const BoostingOptions&, const BoostingOptions&) = default;
};

// Mean log loss (twice it for two classes: the deviance, as in scikit-learn) after each round that was fitted in this call.
struct BoostingTrace {
    std::vector<double> train;        // over the rows that the round drew
    std::vector<double> validation;   // over the holdout, where there is one
    std::vector<double> out_of_bag;   // over the rows that the round left out, where subsample < 1
    std::vector<double> out_of_bag_before;  // the same rows before the round
};

struct BinnedRows;

// The columns of some rows as bins, made once for several fits of the same rows, labels and sample weights. Immutable: fits may share it at a time.
class BoostingBins {
public:
    BoostingBins(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options, Parallel& parallel, StopToken& stop);

    // Whether a fit of the same rows with this holdout and these options has these bins: they depend on the holdout, max_bins and class weights alone.
    [[nodiscard]] bool serves(std::span<const std::uint8_t> validation, const BoostingOptions& options) const;
    [[nodiscard]] const std::shared_ptr<const BinnedRows>& rows() const { return rows_; }

private:
    std::vector<std::uint8_t> validation_;
    int max_bins_ = 0;
    ClassWeight class_weight_ = ClassWeight::none;
    std::vector<double> class_weights_;
    std::shared_ptr<const BinnedRows> rows_;
};

// Fits rounds of trees by Newton steps: in each round one tree an output on the gradients p - y and second derivatives p (1 - p) of the log
// loss, leaves -learning_rate * G / (H + l2), splits by the largest decrease of the second-order loss.
//
// Columns become at most max_bins codes whose edges lie halfway between neighbouring values of the training rows: exact splits where a
// column has no more distinct values, bins of nearly equal weight beyond. Rows with a weight of 0 are left out.
// validation: position -> 1 where the row belongs to the holdout, which trains nothing; empty: no holdout. With it and n_iter_no_change,
// fitting ends when the holdout's loss has not fallen by tol in so many rounds.
// `previous` is continued where given; the result equals one fit of all rounds. `bins`: null, or bins of the same rows that serve this fit: the
// result is the same without the work of binning. NaN has a bin of its own and goes to the better side, or,
// where a node saw none, to the child with more rows.
//
// Sums over rows are sums of integers (gradients in 13 bits and a sign), so they do not depend on their order: equal bits for any number
// of threads. Leaf values are float64 sums in the order of rows. O(rounds * outputs * rows * columns * depth / 2). `stop` is checked at
// least every 4,096 rows and advanced by one a round.
Boosting fit_boosting(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options, Parallel& parallel,
                      StopToken& stop, const Boosting* previous = nullptr, BoostingTrace* trace = nullptr, const BoostingBins* bins = nullptr);

// Total decrease of the loss by the splits on each column, normalised to sum 1 (all zero where nothing was split).
std::vector<double> feature_importances(const Boosting& model);

// Throws ModelFormatError unless every index is in range and every child comes after its parent: then prediction terminates and stays inside the arrays.
void validate(const Boosting& model);

}  // namespace emotion::trees
