#include "emotion/runtime/fitted_classifier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "emotion/calibration/prior.hpp"
#include "emotion/calibration/sigmoid.hpp"
#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::runtime {
namespace {

constexpr std::size_t block_rows = 64;

// Adds a member's weight to its first largest probability; NaN to all where it has one.
void add_vote(std::span<const double> said, double weight, std::span<double> sums) {
    if (std::any_of(said.begin(), said.end(), [](double p) { return std::isnan(p); })) {
        std::fill(sums.begin(), sums.end(), std::numeric_limits<double>::quiet_NaN());
        return;
    }
    sums[static_cast<std::size_t>(std::max_element(said.begin(), said.end()) - said.begin())] += weight;
}

}  // namespace

void calibrate(MatrixView<double> probability, const CalibrationSpec& spec) {
    if (!spec.trained_priors.empty()) {
        calibration::correct_priors(probability, spec.trained_priors, spec.target_priors, probability);
    }
    if (spec.kind == CalibrationKind::temperature) {
        calibration::apply_temperature(probability, spec.temperature, probability);
    } else if (spec.kind == CalibrationKind::sigmoid) {
        calibration::apply_sigmoid(probability, spec.a, spec.b, probability);
    } else if (spec.kind == CalibrationKind::isotonic) {
        calibration::apply_isotonic_maps(probability, spec.isotonic, probability);
    }
}

const char* FittedClassifier::refuses_missing(const char* classifier) const {
    if (!is_vote()) {
        return pipeline.refuses_missing(classifier);
    }
    const char* const steps = pipeline.refuses_missing(classifier);  // the forest in a vote's place takes NaN
    const bool filled = std::any_of(pipeline.steps.begin(), pipeline.steps.end(),
                                    [](const FittedStep& step) { return std::holds_alternative<preprocessing::SimpleImputer>(step); });
    if (steps != nullptr || filled) {
        return steps;
    }
    for (const FittedClassifier& member : members) {
        if (const char* const own = member.refuses_missing(classifier)) {
            return own;
        }
    }
    return nullptr;
}

bool FittedClassifier::is_additive() const {
    return !is_vote() || (!hard && std::all_of(members.begin(), members.end(), [](const FittedClassifier& member) {
        return !member.is_vote() && member.calibration.changes_nothing() && std::holds_alternative<trees::Forest>(member.pipeline.estimator);
    }));
}

ClassifierPredictor::ClassifierPredictor(const FittedClassifier& classifier) : classifier_(&classifier) {
    if (!classifier.is_vote()) {
        pipeline_.emplace(classifier.pipeline);
        return;
    }
    members_.reserve(classifier.members.size());
    for (const FittedClassifier& member : classifier.members) {
        members_.emplace_back(member);
    }
}

void ClassifierPredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    predict_raw(x, out, parallel, stop);
    calibrate(out, classifier_->calibration);
}

void ClassifierPredictor::predict_raw(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    if (pipeline_) {
        pipeline_->predict_proba(x, out, parallel, stop);
        return;
    }
    if (x.cols != classifier_->pipeline.n_features_in) {
        throw InvalidInputError("x", "predict_proba", "rows of " + std::to_string(classifier_->pipeline.n_features_in) + " features",
                                std::to_string(x.cols) + " features");
    }
    parallel.blocks(x.rows, block_rows, [&](std::size_t begin, std::size_t end) {
        stop.check();
        vote({x.data + begin * x.cols, end - begin, x.cols}, {out.data + begin * out.cols, end - begin, out.cols});
    });
}

void ClassifierPredictor::predict_serial(MatrixView<const float> x, MatrixView<double> out) const {
    if (pipeline_) {
        pipeline_->predict_proba(x, out);
    } else {
        vote(x, out);
    }
    calibrate(out, classifier_->calibration);
}

void ClassifierPredictor::vote(MatrixView<const float> x, MatrixView<double> out) const {
    const FittedPipeline& before = classifier_->pipeline;
    const Matrix<float> z = before.after_steps(x, before.steps.size());
    Matrix<double> said(x.rows, out.cols);
    std::fill_n(out.data, out.size(), 0.0);
    double total = 0;
    for (std::size_t m = 0; m < members_.size(); ++m) {
        const double weight = classifier_->weights[m];
        members_[m].predict_serial(z.view(), said.view());
        for (std::size_t r = 0; r < x.rows; ++r) {
            if (classifier_->hard) {
                add_vote(std::as_const(said).row(r), weight, out.row(r));
                continue;
            }
            for (std::size_t k = 0; k < out.cols; ++k) {
                out(r, k) += said(r, k) * weight;
            }
        }
        total += weight;
    }
    for (double& value : std::span(out.data, out.size())) {
        value /= total;
    }
}

}  // namespace emotion::runtime
