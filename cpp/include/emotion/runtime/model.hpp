// A loaded model: from a clip, samples or feature rows to calibrated probabilities, a class, abstention and the features that drove it.
//
// Definition: row -> FittedClassifier (a pipeline or a vote, calibrated) -> class of the largest probability (the first among equals); abstained where that
// probability is below the threshold, or where the row is farther from the training rows than the file's out_of_distribution allows
// (calibration/out_of_distribution.hpp, on the input columns or what the first steps make of them). Contributions explain the estimator before calibration, in input columns: of a forest the exact
// path-dependent SHAP values of the class's probability (explain/tree_shap.hpp); of boosting those of the class's margin; of a logistic regression coef * (z - mean z of the
// background) on the class's margin, z being the estimator's inputs (Lundberg & Lee, "A unified approach to interpreting model
// predictions", NeurIPS 2017, section 4.2, linear SHAP with independent features). Margins of two classes: +margin for the second, -margin for the first.
// A soft vote of uncalibrated forests has the mean of its members' contributions; other joined classifiers are no sums, have none, and no top features.
// Models with label sets give each label the probability of its own classifier, and say beside the likeliest label which ones a row has. Of one
// classifier a class the class may be that of the largest margin instead, of which probabilities near 0 and 1 keep less (by_margin).
// Complexity: O(depth trees) a row, explanations O(leaves depth^2 trees). NaN policy: as the steps'; NaN that a step or the classifier
// refuses, and a row whose probabilities are not numbers, are an InvalidInputError. Determinism: a row's result depends on that row alone; equal bits for any number of threads and any batch.
// Threads: const member functions may run at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emotion/audio/functionals.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/explain/tree_shap.hpp"
#include "emotion/runtime/fitted_classifier.hpp"
#include "emotion/runtime/model_file.hpp"

namespace emotion::runtime {

// One row each. Rows without features (failed clips) have label -1, abstain, and hold NaN elsewhere.
struct Predictions {
    Predictions() = default;
    Predictions(std::size_t rows, std::size_t classes, std::size_t top_features);  // every row without features

    Matrix<double> probability;          // calibrated; rows x classes
    std::vector<std::int32_t> label;     // index into the classes
    std::vector<double> confidence;      // the label's probability
    std::vector<std::uint8_t> abstained;
    std::vector<std::uint8_t> out_of_distribution;  // abstained for being unlike the training rows
    Matrix<std::uint8_t> has_label;      // of models with label sets: rows x classes, 0 or 1; without columns otherwise
    // The input columns with the largest |contribution| to the label, largest first, the smaller column among equals; -1: none.
    Matrix<std::int32_t> top_column;     // rows x top_features
    Matrix<float> top_value;             // the column's value in the input
    Matrix<double> top_contribution;
};

struct ClipPredictions {
    Predictions predictions;
    std::vector<audio::ExtractStatus> status;        // one a clip
    std::vector<std::vector<std::string>> warnings;  // one list a clip: "code: text"
    std::vector<std::string> quality;                // one a clip: the reason that its quality gives, empty for none; a rule that drops then abstains
};

class Model {
public:
    // `contents` comes from a reader of model_file.hpp. ModelFormatError if its features cannot be computed by this version's audio room.
    explicit Model(ModelContents contents);
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] const ModelContents& contents() const { return contents_; }
    [[nodiscard]] std::size_t n_features() const { return contents_.feature_names.size(); }
    [[nodiscard]] std::size_t n_classes() const { return contents_.classes.size(); }

    // x: rows x n_features, C order; InvalidInputError naming `caller` otherwise.
    [[nodiscard]] Predictions predict(MatrixView<const float> x, std::size_t top_features, Parallel& parallel, StopToken& stop,
                                      const char* caller = "predict_features") const;
    // Clips in parallel, in order; a clip that fails leaves a row without features and its reason. Advances `stop` by one a clip.
    [[nodiscard]] ClipPredictions predict_clips(std::span<const audio::Source> sources, std::size_t top_features, Parallel& parallel,
                                                StopToken& stop) const;
    // Mono samples at any rate, treated as a float WAV file that holds them; one row.
    [[nodiscard]] ClipPredictions predict_samples(std::span<const float> samples, int sample_rate_hz, std::size_t top_features, Parallel& parallel,
                                                  StopToken& stop) const;

    // values: rows x n_features x n_classes, base: n_classes. base + the sum over the columns = the estimator's output (probability or margin).
    void explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;
    // The estimator's output before calibration, of which explain() speaks: rows x n_classes.
    void raw_output(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const;
    [[nodiscard]] const char* explained_output() const;  // "probability", "margin", or "none" of a vote that is no sum: explain() then throws

private:
    void check_rows(MatrixView<const float> x, const char* caller) const;
    void check_additive(const char* caller) const;
    void choose(MatrixView<const float> x, Predictions& result, Parallel& parallel, StopToken& stop, const char* caller) const;
    void choose_labels(MatrixView<const float> x, Predictions& result, Parallel& parallel, StopToken& stop) const;
    void abstain(MatrixView<const float> x, Predictions& result, Parallel& parallel) const;
    void explain_margins(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;
    void explain_vote(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;
    void explain_inputs(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;
    void add_top_features(MatrixView<const float> x, Predictions& result, std::size_t top_features, Parallel& parallel, StopToken& stop) const;
    [[nodiscard]] std::vector<std::string> clip_warnings(const audio::ExtractInfo& info) const;
    [[nodiscard]] std::string quality_reason(const audio::ExtractStatus& clip) const;
    [[nodiscard]] audio::ExtractOptions extract_options(const char* caller) const;

    ModelContents contents_;
    ClassifierPredictor predictor_;            // of contents_.classifier, and so behind it
    mutable std::once_flag tree_shap_built_;   // by the first explanation of trees: predictions alone do not pay for it
    mutable std::optional<explain::TreeShap> tree_shap_;
    mutable std::vector<explain::TreeShap> member_shap_;  // of a vote
    std::vector<std::int32_t> input_columns_;  // of the estimator's columns
    std::vector<double> background_mean_;      // of the estimator's columns; linear models
};

}  // namespace emotion::runtime
