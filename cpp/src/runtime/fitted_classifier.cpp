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

std::size_t margin_columns(std::size_t classes) { return classes == 2 ? 1 : classes; }

template <class T>
Matrix<T> after_all_steps(const FittedPipeline& pipeline, MatrixView<const T> x) {
    Matrix<T> z(x.rows, pipeline.n_features_out());
    pipeline.transform(x, z.view());
    return z;
}

// The columns of `from` from `begin` on, into `to` from column `at` on, as many as fit the narrower of both.
void put_columns(const Matrix<double>& from, std::size_t begin, MatrixView<double> to, std::size_t at) {
    const std::size_t count = std::min(from.cols - begin, to.cols - at);
    for (std::size_t r = 0; r < from.rows; ++r) {
        std::copy_n(from.row(r).begin() + static_cast<std::ptrdiff_t>(begin), count, to.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    }
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
    if (constant) {
        return nullptr;
    }
    if (joint == Joint::none) {
        return pipeline.refuses_missing(classifier);
    }
    const char* const steps = pipeline.refuses_missing(classifier);  // the forest in the members' place takes NaN
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
    return passthrough ? last.front().refuses_missing(classifier) : nullptr;
}

bool FittedClassifier::is_additive() const {
    if (joint == Joint::none) {
        return true;
    }
    return is_vote() && !hard && std::all_of(members.begin(), members.end(), [](const FittedClassifier& member) {
        return member.joint == Joint::none && member.calibration.changes_nothing() && std::holds_alternative<trees::Forest>(member.pipeline.estimator);
    });
}

bool FittedClassifier::has_margin() const {
    if (constant) {
        return true;
    }
    if (!calibration.changes_nothing()) {
        return false;
    }
    return joint == Joint::none ? !std::holds_alternative<trees::Forest>(pipeline.estimator) : joint == Joint::stack && last.front().has_margin();
}

std::size_t FittedClassifier::stacked_columns() const {
    return members.size() * margin_columns(pipeline.n_classes()) + (passthrough ? pipeline.n_features_out() : 0);
}

ClassifierPredictor::ClassifierPredictor(const FittedClassifier& classifier) : classifier_(&classifier) {
    if (classifier.joint == Joint::none) {
        if (!classifier.constant) {
            pipeline_.emplace(classifier.pipeline);
        }
        return;
    }
    members_.reserve(classifier.members.size());
    for (const FittedClassifier& member : classifier.members) {
        members_.emplace_back(member);
    }
    for (const FittedClassifier& member : classifier.last) {
        last_.emplace_back(member);
    }
}

void ClassifierPredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    predict_raw(x, out, parallel, stop);
    calibrate(out, classifier_->calibration);
}

template <class Work>
void ClassifierPredictor::blocks(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop, Work&& work) const {
    if (x.cols != classifier_->pipeline.n_features_in) {
        throw InvalidInputError("x", "predict_proba", "rows of " + std::to_string(classifier_->pipeline.n_features_in) + " features",
                                std::to_string(x.cols) + " features");
    }
    parallel.blocks(x.rows, block_rows, [&](std::size_t begin, std::size_t end) {
        stop.check();
        work(MatrixView<const float>{x.data + begin * x.cols, end - begin, x.cols}, MatrixView<double>{out.data + begin * out.cols, end - begin, out.cols});
    });
}

void ClassifierPredictor::predict_raw(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    if (pipeline_) {
        pipeline_->predict_proba(x, out, parallel, stop);
        return;
    }
    blocks(x, out, parallel, stop, [&](MatrixView<const float> rows, MatrixView<double> said) { raw(rows, said); });
}

void ClassifierPredictor::label_margins(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    blocks(x, out, parallel, stop, [&](MatrixView<const float> rows, MatrixView<double> said) {
        const Matrix<float> z = after_all_steps(classifier_->pipeline, rows);
        Matrix<double> own(rows.rows, 1);
        for (std::size_t k = 0; k < members_.size(); ++k) {
            members_[k].margins(z.view(), own.view());
            put_columns(own, 0, said, k);
        }
    });
}

template <class T>
void ClassifierPredictor::calibrated(MatrixView<const T> x, MatrixView<double> out) const {
    raw(x, out);
    calibrate(out, classifier_->calibration);
}

template <class T>
void ClassifierPredictor::raw(MatrixView<const T> x, MatrixView<double> out) const {
    if (classifier_->constant) {
        for (std::size_t r = 0; r < x.rows; ++r) {
            out(r, 1) = *classifier_->constant ? 1 : 0;
            out(r, 0) = 1 - out(r, 1);
        }
        return;
    }
    if (pipeline_) {
        pipeline_->predict_proba(x, out);
        return;
    }
    const Matrix<T> z = after_all_steps(classifier_->pipeline, x);
    if (classifier_->joint == Joint::vote) {
        vote(z.view(), out);
    } else if (classifier_->joint == Joint::stack) {
        const Matrix<double> columns = stacked(z.view());
        last_.front().calibrated(columns.view(), out);
    } else {
        each_label(z.view(), out);
    }
}

// Where has_margin(): rows x 1 of two classes, rows x classes of more.
template <class T>
void ClassifierPredictor::margins(MatrixView<const T> x, MatrixView<double> out) const {
    if (classifier_->constant) {
        std::fill_n(out.data, out.size(), *classifier_->constant ? 1.0 : 0.0);
    } else if (pipeline_) {
        pipeline_->decision_function(x, out);
    } else {
        const Matrix<T> z = after_all_steps(classifier_->pipeline, x);
        const Matrix<double> columns = stacked(z.view());
        last_.front().margins(columns.view(), out);
    }
}

template <class T>
void ClassifierPredictor::vote(MatrixView<const T> z, MatrixView<double> out) const {
    Matrix<double> said(z.rows, out.cols);
    std::fill_n(out.data, out.size(), 0.0);
    double total = 0;
    for (std::size_t m = 0; m < members_.size(); ++m) {
        const double weight = classifier_->weights[m];
        members_[m].calibrated(z, said.view());
        for (std::size_t r = 0; r < z.rows; ++r) {
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

template <class T>
Matrix<double> ClassifierPredictor::stacked(MatrixView<const T> z) const {
    const std::size_t classes = classifier_->pipeline.n_classes();
    const std::size_t width = margin_columns(classes);
    Matrix<double> columns(z.rows, classifier_->stacked_columns());
    Matrix<double> said(z.rows, classes);
    Matrix<double> margin(z.rows, width);
    for (std::size_t m = 0; m < members_.size(); ++m) {
        if (classifier_->says_margin[m]) {
            members_[m].margins(z, margin.view());
            put_columns(margin, 0, columns.view(), m * width);
        } else {
            members_[m].calibrated(z, said.view());
            put_columns(said, classes - width, columns.view(), m * width);
        }
    }
    if (classifier_->passthrough) {
        for (std::size_t r = 0; r < z.rows; ++r) {
            std::copy_n(z.row(r).begin(), z.cols, columns.row(r).begin() + static_cast<std::ptrdiff_t>(members_.size() * width));
        }
    }
    return columns;
}

template <class T>
void ClassifierPredictor::each_label(MatrixView<const T> z, MatrixView<double> out) const {
    Matrix<double> said(z.rows, 2);
    for (std::size_t k = 0; k < members_.size(); ++k) {
        members_[k].calibrated(z, said.view());
        put_columns(said, 1, out, out.cols - members_.size() + k);
    }
    if (!classifier_->scaled) {
        return;
    }
    for (std::size_t r = 0; r < z.rows; ++r) {
        const std::span<double> row = out.row(r);
        if (members_.size() == 1) {
            row[0] = 1 - row[1];
        }
        double total = 0;
        for (const double value : row) {
            total += value;
        }
        for (double& value : row) {
            value = total != 0 ? value / total : value;
        }
    }
}

}  // namespace emotion::runtime
