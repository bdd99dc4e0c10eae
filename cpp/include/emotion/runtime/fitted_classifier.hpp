// A fitted classifier of a model file: a pipeline, or classifiers joined by a vote, a stack or one a label, and the calibration of what it says.
//
// Definition: x -> steps -> classifier -> calibration; members take the columns that the steps leave. A soft vote is sum_m w_m p_m / sum_m w_m over its
// members' calibrated probabilities, added in their order (ensemble/_voting.py); a hard vote the share of the weight of the members whose first largest
// probability is the class's. A stack is last(p_1, p_2, …, the columns themselves with passthrough), of two classes the probability of the second alone, or a
// member's margins in place of its probabilities (ensemble/_stacking.py). One a label: member k of two classes, the rest and label k, says p_k by itself;
// classes against each other have these scaled to add up to 1 where they are not all 0 (multilabel.py). Members of votes and stacks know all classes.
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

enum class Joint { none, vote, stack, labels };

struct FittedClassifier {
    FittedPipeline pipeline;                // of joined classifiers: the steps before them, and a forest without trees that holds the numbers of classes and columns
    CalibrationSpec calibration;
    Joint joint = Joint::none;
    std::vector<FittedClassifier> members;  // of joined classifiers; none otherwise
    std::vector<double> weights;            // of a vote, one a member: finite, not negative, their sum positive
    bool hard = false;
    std::vector<FittedClassifier> last;     // of a stack: the one that reads what the members say
    std::vector<bool> says_margin;          // of a stack, one a member
    bool passthrough = false;
    bool scaled = false;                    // of one a label: classes against each other
    bool by_margin = false;                 // of these: the class is that of the largest margin, of a single member the second where its margin is above 0
    std::optional<bool> constant;           // of two classes: whether it always names the second; its pipeline has no trees

    [[nodiscard]] bool is_vote() const { return joint == Joint::vote; }
    // As FittedPipeline::refuses_missing.
    [[nodiscard]] const char* refuses_missing(const char* classifier) const;
    // Whether the output is a sum of contributions of single columns: any pipeline before its calibration, or a soft vote of pipelines that end
    // in forests and are not calibrated, whose probability is the mean of theirs.
    [[nodiscard]] bool is_additive() const;
    // Whether it has margins: linear models, boosting and constants that are not calibrated, and stacks that end in one.
    [[nodiscard]] bool has_margin() const;
    // Columns of a stack that its last classifier sees.
    [[nodiscard]] std::size_t stacked_columns() const;
};

// A classifier laid out for many predictions: immutable, safe to share between threads. The classifier must outlive it and stay in its place.
class ClassifierPredictor {
public:
    explicit ClassifierPredictor(const FittedClassifier& classifier);

    // out: rows x classes, calibrated. Throws InvalidInputError if x has another number of columns.
    void predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    // The same before the calibration of the classifier itself; members are calibrated.
    void predict_raw(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    // Of one classifier a label: the margin of each, rows x members.
    void label_margins(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;

    // The predictor of a pipeline; nullptr for joined classifiers.
    [[nodiscard]] const PipelinePredictor* pipeline() const { return pipeline_ ? &*pipeline_ : nullptr; }

private:
    // Serial. T: float of the input's columns, double of what members of a stack say.
    template <class T>
    void raw(MatrixView<const T> x, MatrixView<double> out) const;
    template <class T>
    void calibrated(MatrixView<const T> x, MatrixView<double> out) const;
    template <class T>
    void margins(MatrixView<const T> x, MatrixView<double> out) const;
    template <class T>
    void vote(MatrixView<const T> z, MatrixView<double> out) const;
    template <class T>
    [[nodiscard]] Matrix<double> stacked(MatrixView<const T> z) const;
    template <class T>
    void each_label(MatrixView<const T> z, MatrixView<double> out) const;
    template <class Work>
    void blocks(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop, Work&& work) const;

    const FittedClassifier* classifier_;
    std::optional<PipelinePredictor> pipeline_;
    std::vector<ClassifierPredictor> members_;
    std::vector<ClassifierPredictor> last_;
};

}  // namespace emotion::runtime
