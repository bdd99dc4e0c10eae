// A fitted pipeline as plain data: steps that change columns, then one classifier. The fold loop fits it, a model file holds it.
//
// Definition: predict_proba(x) = estimator(step_n(… step_1(x))). Each step rounds once to the type of x (float32 or float64), as the Python
// classes do; trees then see float32. Complexity: O(rows columns) for the steps beside the estimator's own.
// NaN policy: as each step's; a NaN that reaches a logistic regression gives NaN probabilities, callers refuse it before.
// Determinism: every row's result depends on that row alone. Threads: blocks of rows; const and safe to share between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/linear/logistic_regression.hpp"
#include "emotion/preprocessing/select_k_best.hpp"
#include "emotion/preprocessing/simple_imputer.hpp"
#include "emotion/preprocessing/standard_scaler.hpp"
#include "emotion/trees/boosting.hpp"
#include "emotion/trees/boosting_predictor.hpp"
#include "emotion/trees/forest.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::runtime {

// Keeps these columns, in this order.
struct ColumnSelection {
    std::vector<std::int32_t> columns;
};

using FittedStep = std::variant<preprocessing::StandardScaler, preprocessing::SimpleImputer, ColumnSelection>;
using FittedEstimator = std::variant<trees::Forest, linear::LogisticModel, trees::Boosting>;

struct FittedPipeline {
    std::size_t n_features_in = 0;
    std::vector<FittedStep> steps;  // samplers act in fit only and are absent
    FittedEstimator estimator;

    [[nodiscard]] std::size_t n_classes() const;
    // Columns that the estimator sees.
    [[nodiscard]] std::size_t n_features_out() const;
    // input_columns()[j]: the input column from which the estimator's column j is made.
    [[nodiscard]] std::vector<std::int32_t> input_columns() const;

    // The rows as they leave the first `count` steps. Serial.
    [[nodiscard]] Matrix<float> after_steps(MatrixView<const float> x, std::size_t count) const;

    // Throws ModelFormatError unless all sizes agree, indices are in range and scales are positive and finite: afterwards the functions
    // below stay inside their arrays for any x with n_features_in columns.
    void validate() const;
    // The same of the steps alone; returns the number of columns that they leave.
    std::size_t validate_steps() const;

    // The caller's name of the first step or classifier that refuses NaN in x, or nullptr where NaN is filled before or goes down trees.
    // `classifier` names the estimator's function.
    [[nodiscard]] const char* refuses_missing(const char* classifier) const;

    // out: rows x n_features_out(), the estimator's input columns. Serial.
    void transform(MatrixView<const float> x, MatrixView<float> out) const;
    void transform(MatrixView<const double> x, MatrixView<double> out) const;

    // As a PipelinePredictor that serves one call.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    void predict_proba(MatrixView<const double> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
};

// A pipeline laid out for many predictions: immutable, safe to share between threads. The pipeline must outlive it.
class PipelinePredictor {
public:
    explicit PipelinePredictor(const FittedPipeline& pipeline);

    // Serial. out: rows x n_classes(). Throws InvalidInputError if x has another number of columns.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out) const;
    void predict_proba(MatrixView<const double> x, MatrixView<double> out) const;
    // The same by blocks of rows.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    void predict_proba(MatrixView<const double> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;

    // Serial. out: rows x 1 margin of two classes, rows x classes of more. Only of linear models and boosting.
    void decision_function(MatrixView<const float> x, MatrixView<double> out) const;
    void decision_function(MatrixView<const double> x, MatrixView<double> out) const;

    // The predictor of a boosting model, which also gives margins; nullptr for other classifiers.
    [[nodiscard]] const trees::BoostingPredictor* boosting() const { return std::get_if<trees::BoostingPredictor>(&trees_); }

private:
    template <class T>
    void predict_block(MatrixView<const T> x, MatrixView<double> out) const;
    template <class T>
    void score_block(MatrixView<const T> x, MatrixView<double> out) const;
    // The rows as they reach the classifier.
    template <class T>
    [[nodiscard]] Matrix<T> prepared(MatrixView<const T> x) const;

    const FittedPipeline* pipeline_;
    std::variant<std::monostate, trees::ForestPredictor, trees::BoostingPredictor> trees_;  // monostate: the pipeline's linear model serves
};

}  // namespace emotion::runtime
