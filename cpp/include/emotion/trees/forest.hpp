// Random forests and extremely randomized trees for classification; definitions as in scikit-learn.
//
// Sources: Breiman, "Random forests", Machine Learning 45 (2001); Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine
// Learning 63 (2006).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/rank_codes.hpp"

namespace emotion::trees {

enum class Splitter { best, random_cut };   // random_cut: one uniform cut a candidate column, the best of them splits
enum class Criterion { gini, entropy };
enum class ClassWeight { none, balanced, balanced_subsample, given };

// Fits of more positions search for the best split among at most 255 bins a column (docs/adr/0012).
inline constexpr std::size_t most_exact_positions = 20'000;

struct ForestOptions {
    int n_estimators = 100;
    Splitter splitter = Splitter::best;
    Criterion criterion = Criterion::gini;
    int max_depth = -1;               // -1: no limit
    double min_samples_split = 2;     // in copies of rows, as a count
    double min_samples_leaf = 1;      // in copies of rows, as a count
    double min_weight_fraction_leaf = 0;
    std::size_t max_features = 0;     // candidate columns a node; 0: all. Columns constant in the node are drawn past, as in scikit-learn
    int max_leaf_nodes = -1;
    double min_impurity_decrease = 0;
    bool bootstrap = true;
    std::size_t max_samples = 0;      // draws a tree; 0: as many as positions
    ClassWeight class_weight = ClassWeight::none;
    std::vector<double> class_weights;  // for `given`, one a class
    std::size_t exact_positions = most_exact_positions;   // with more, best splits lie between bins; random cuts are exact at any size
    std::size_t first_tree = 0;         // the number of the first tree: a fit of trees 10 … 19 continues one of 0 … 9
    std::uint64_t seed = 0;

    friend bool operator==(const ForestOptions&, const ForestOptions&) = default;
};

// The nodes of all trees, concatenated; a structure of arrays that is also what a model file holds.
struct Forest {
    std::size_t n_classes = 0;
    std::size_t n_features = 0;
    std::vector<std::int64_t> tree_offsets;   // n_trees + 1, into the node arrays
    std::vector<std::int32_t> feature;        // -1: leaf
    std::vector<float> threshold;             // x <= threshold goes left
    std::vector<std::int32_t> left;           // relative to the tree's first node; -1 in leaves
    std::vector<std::int32_t> right;
    std::vector<std::uint8_t> missing_left;   // where NaN goes
    std::vector<double> cover;                // weighted training rows that reached the node
    std::vector<double> impurity;
    std::vector<double> value;                // nodes x n_classes: class shares in the node, each row sums to 1

    [[nodiscard]] std::size_t n_trees() const { return tree_offsets.empty() ? 0 : tree_offsets.size() - 1; }
    [[nodiscard]] std::size_t n_nodes() const { return feature.size(); }
};

// What one fit sees: positions 0 … n-1 of a (sub)set of the encoded matrix, after the steps before the forest. A sampler's copies are
// further positions with the same row, so weights, bootstrap and out-of-bag behave as if rows had been copied.
struct TrainingSet {
    const RankCodes* codes = nullptr;
    std::span<const std::int32_t> columns;            // the forest's feature j is column columns[j] of codes
    std::span<const std::vector<float>> values;       // values[j][code]: what the forest sees; non-decreasing in code (a scaler may merge neighbours)
    std::span<const std::int32_t> rows;               // position -> row of codes
    std::span<const std::int32_t> labels;             // position -> class 0 … n_classes-1; classes may be absent
    std::span<const double> weights;                  // position -> sample weight; empty: all 1
    std::size_t n_classes = 0;
};

// Votes of the trees in whose bootstrap a row has no copy.
struct OutOfBag {
    Matrix<double> probability;         // positions x n_classes; rows never out of bag are NaN
};

// Deterministic in (TrainingSet, options): streams are keyed by seed, tree and node, positions are positions of the training set.
// Checks `stop` at least at every node, and advances it by one a tree.
Forest fit_forest(const TrainingSet& data, const ForestOptions& options, Parallel& parallel, StopToken& stop, OutOfBag* out_of_bag = nullptr);

// Labelled rows of a matrix that is encoded for this fit alone. rows[p]: the row of position p; labels and weights as in TrainingSet.
struct LabelledRows {
    MatrixView<const float> x;
    std::span<const std::int32_t> rows;
    std::span<const std::int32_t> labels;
    std::span<const double> weights;
    std::size_t n_classes = 0;
};
Forest fit_forest(const LabelledRows& data, const ForestOptions& options, Parallel& parallel, StopToken& stop, OutOfBag* out_of_bag = nullptr);

// out(r, c): mean over the trees, added in tree order, of the class shares of the leaf of row r.
void predict_proba(const Forest& forest, MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop);

// Mean decrease in impurity, normalised to sum 1 (all zero where nothing was split).
std::vector<double> feature_importances(const Forest& forest);

// The public class that grows such forests, for messages.
constexpr const char* class_name(const ForestOptions& options) {
    return options.splitter == Splitter::best ? "RandomForestClassifier" : "ExtraTreesClassifier";
}

// Throws ModelFormatError unless every index is in range and every child comes after its parent: then prediction terminates and stays inside the arrays.
void validate(const Forest& forest);

}  // namespace emotion::trees
