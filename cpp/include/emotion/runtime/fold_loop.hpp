// Cross-validation in one call: every fold fitted and its test rows predicted, without a copy of the matrix a fold.
//
// Definition: for every fold the result equals, bit for bit, fitting the steps on the copied rows x[train] one after another and predicting
// x[test]. Steps read rows by index; what they learn is a few numbers a column. A forest sees rank codes of the whole matrix, built once,
// through one table a column of the fold's transformed values. Some cases need scratch of the fold's size: a logistic regression and boosting (whose
// bins are the fold's own) get their transformed training rows, made once where several follow equal steps, and a forest behind an imputer gets rank codes of its own where training rows
// have missing values. A step that makes synthetic rows (SMOTE) turns the fold's rows into a matrix of their own, which the steps behind it and
// the classifier then read.
// Folds in flight are bounded: two for forests (their trees fill the threads), for others as many as scratch_bytes allows.
// Labels are codes of the global class list. A class absent from a training part is fitted as if it did not exist and has probability 0.
// Complexity: the sum of the fits. NaN policy: as the steps'. Determinism: equal bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/linear/logistic_regression.hpp"
#include "emotion/preprocessing/simple_imputer.hpp"
#include "emotion/runtime/pipeline_plan.hpp"
#include "emotion/sampling/random_over_sampler.hpp"
#include "emotion/sampling/random_under_sampler.hpp"
#include "emotion/sampling/smote.hpp"
#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest.hpp"
#include "emotion/trees/forest_sizes.hpp"

namespace emotion::runtime {

inline constexpr std::size_t scratch_bytes = std::size_t{256} << 20;

struct ScalerSpec {
    bool with_mean = true;
    bool with_std = true;

    friend bool operator==(const ScalerSpec&, const ScalerSpec&) = default;
};

struct SelectorSpec {
    std::optional<std::size_t> k;  // absent: all columns

    friend bool operator==(const SelectorSpec&, const SelectorSpec&) = default;
};

struct ForestSpec {
    trees::ForestOptions options;  // class_weights: one a global class
    trees::ForestSizes sizes;      // replace the options of their names in each fold

    friend bool operator==(const ForestSpec&, const ForestSpec&) = default;
};

struct BoostingSpec {
    trees::BoostingOptions options;  // class_weights: one a global class
    trees::ForestSizes sizes;        // replace the options of their names in each fold
    double validation_fraction = 0.1;
    bool ungrouped = false;          // where no groups are given, early stopping may hold out single rows

    friend bool operator==(const BoostingSpec&, const BoostingSpec&) = default;
};

using StepSpec = std::variant<ScalerSpec, preprocessing::ImputerOptions, SelectorSpec, sampling::OverSamplerOptions, sampling::UnderSamplerOptions,
                              sampling::SmoteOptions>;
using EstimatorSpec = std::variant<ForestSpec, linear::LogisticOptions, BoostingSpec>;  // class_weights: one a global class

// The name of the Python class, for messages.
[[nodiscard]] const char* class_name(const EstimatorSpec& spec);

struct PipelineSpec {
    std::vector<StepSpec> steps;
    EstimatorSpec estimator;
};

template <class T>
struct LearningData {
    MatrixView<const T> x;
    std::span<const std::int32_t> labels;   // 0 … n_classes-1
    std::span<const double> weights;        // empty: all 1. Scaler and estimator use them
    std::size_t n_classes = 0;
    std::span<const std::int32_t> groups;   // codes >= 0, one a row; empty: not given. What early stopping holds out together
    std::span<const std::int32_t> speaker;  // the same for steps that stay inside a speaker
};

struct Fold {
    std::span<const std::int64_t> train;
    std::span<const std::int64_t> test;
    std::size_t spec = 0;  // which of the pipelines is fitted
    bool rest = false;     // the training rows are all rows but `test` (strictly increasing), in order: made when the fold runs; `train` is empty
};

// A pipeline fitted on some rows, and the global classes that its estimator knows, ascending.
struct FoldFit {
    FittedPipeline pipeline;
    std::vector<std::int32_t> classes;
    bool converged = true;
    const char* classifier = "";  // class_name of the estimator
};

// codes: of data.x; needed by forests, may be null otherwise.
template <class T>
FoldFit fit_fold(const LearningData<T>& data, const trees::RankCodes* codes, const PipelineSpec& spec, std::span<const std::int64_t> train,
                 Parallel& parallel, StopToken& stop);

struct FoldResults {
    std::vector<Matrix<double>> probability;  // a fold: test rows x n_classes
    std::vector<std::uint8_t> converged;      // a fold: 0 where the estimator stopped at max_iter
};

// The same folds may be fitted with several pipelines, such as one a seed: rank codes are shared by all. Advances `stop` by one a tree
// of forests, by one a round of boosting, by one a fold otherwise. Throws InvalidInputError for indices out of range, empty parts and steps that cannot be fitted on a
// training part.
template <class T>
FoldResults run_folds(const LearningData<T>& data, std::span<const PipelineSpec> specs, std::span<const Fold> folds, Parallel& parallel,
                      StopToken& stop);

}  // namespace emotion::runtime
