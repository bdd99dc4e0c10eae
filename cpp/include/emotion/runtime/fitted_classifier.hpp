// A fitted classifier of a model file: a pipeline or a vote of classifiers, and the calibration of what it says.
//
// Definition: x -> steps -> classifier -> calibration. A soft vote is sum_m w_m p_m / sum_m w_m over its members' calibrated probabilities,
// added in their order (ensemble/_voting.py); a hard vote the share of the weight of the members whose first largest probability is the
// class's. Members have the same classes and take the columns that the steps leave.
// Complexity: the sum over the members. NaN policy: as the pipelines'; a row with a NaN probability gets NaN. Determinism: a row's result depends
// on that row alone; equal bits for any number of threads and any batch. Threads: const member functions may run at the same time.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "emotion/calibration/isotonic_maps.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/runtime/pipeline_plan.hpp"

namespace emotion::runtime {

enum class CalibrationKind { none, temperature, sigmoid, isotonic };

struct CalibrationSpec {
    CalibrationKind kind = CalibrationKind::none;
    double temperature = 1;  // > 0
    std::vector<double> a;   // sigmoid: one a class
    std::vector<double> b;
    calibration::IsotonicMaps isotonic;
    std::vector<double> trained_priors;  // one a class: the prior correction before the map, which may be none; empty: no correction
    std::vector<double> target_priors;

    [[nodiscard]] bool changes_nothing() const { return kind == CalibrationKind::none && trained_priors.empty(); }
};

// In place.
void calibrate(MatrixView<double> probability, const CalibrationSpec& spec);

struct FittedClassifier {
    FittedPipeline pipeline;                // of a vote: the steps before it, and a forest without trees that holds the numbers of classes and columns
    CalibrationSpec calibration;
    std::vector<FittedClassifier> members;  // of a vote; none otherwise
    std::vector<double> weights;            // one a member: finite, not negative, their sum positive
    bool hard = false;

    [[nodiscard]] bool is_vote() const { return !members.empty(); }
    // As FittedPipeline::refuses_missing.
    [[nodiscard]] const char* refuses_missing(const char* classifier) const;
    // Whether the output is a sum of contributions of single columns: any pipeline before its calibration, or a soft vote of pipelines that end
    // in forests and are not calibrated, whose probability is the mean of theirs.
    [[nodiscard]] bool is_additive() const;
};

// A classifier laid out for many predictions: immutable, safe to share between threads. The classifier must outlive it and stay in its place.
class ClassifierPredictor {
public:
    explicit ClassifierPredictor(const FittedClassifier& classifier);

    // out: rows x classes, calibrated. Throws InvalidInputError if x has another number of columns.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    // The same before the calibration of the classifier itself; members of a vote are calibrated.
    void predict_raw(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;

    // The predictor of a pipeline; nullptr for votes.
    [[nodiscard]] const PipelinePredictor* pipeline() const { return pipeline_ ? &*pipeline_ : nullptr; }

private:
    void vote(MatrixView<const float> x, MatrixView<double> out) const;
    void predict_serial(MatrixView<const float> x, MatrixView<double> out) const;

    const FittedClassifier* classifier_;
    std::optional<PipelinePredictor> pipeline_;
    std::vector<ClassifierPredictor> members_;
};

}  // namespace emotion::runtime
