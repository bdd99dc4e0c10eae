#include "emotion/linear/logistic_regression.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/linear/lbfgs.hpp"
#include "products.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t chunk_rows = 32;  // rows that are widened to float64 and kept in the cache together

// The loss and its gradient over all rows, as sums over fixed blocks.
// Parameters are laid out as features x lanes, then one row of lanes for the intercepts; lanes past n_outputs stay zero.
template <class T>
class Objective {
public:
    Objective(MatrixView<const T> x, std::span<const std::int32_t> labels, const std::vector<double>& weights, std::size_t n_outputs,
              const LogisticOptions& options, Parallel& parallel, StopToken& stop)
        : x_(x), labels_(labels), weights_(weights), n_outputs_(n_outputs), lanes_(padded_lanes(n_outputs)), fit_intercept_(options.fit_intercept),
          parallel_(parallel), stop_(stop), grain_(std::max<std::size_t>(256, (x.rows + 63) / 64)), total_(0) {
        for (std::size_t begin = 0; begin < x.rows; begin += grain_) {
            double sum = 0;
            for (std::size_t i = begin; i < std::min(x.rows, begin + grain_); ++i) {
                sum += weights_[i];
            }
            total_ += sum;
        }
        penalty_ = std::isinf(options.c) ? 0.0 : 1.0 / (options.c * total_);
        const std::size_t n_blocks = (x.rows + grain_ - 1) / grain_;
        losses_.resize(n_blocks);
        gradients_.resize(n_blocks * n_parameters());
    }

    [[nodiscard]] std::size_t n_parameters() const { return (x_.cols + 1) * lanes_; }
    [[nodiscard]] std::size_t lanes() const { return lanes_; }

    double operator()(const std::vector<double>& parameters, std::vector<double>& gradient) {
        const std::size_t size = n_parameters();
        parallel_.blocks(x_.rows, grain_, [&](std::size_t begin, std::size_t end) {
            stop_.check();
            const std::size_t b = begin / grain_;
            double* const partial = gradients_.data() + b * size;
            std::fill(partial, partial + size, 0.0);
            losses_[b] = block(parameters.data(), partial, begin, end);
        });
        double loss = 0;
        std::fill(gradient.begin(), gradient.end(), 0.0);
        for (std::size_t b = 0; b < losses_.size(); ++b) {
            loss += losses_[b];
            const double* const partial = gradients_.data() + b * size;
            for (std::size_t i = 0; i < size; ++i) {
                gradient[i] += partial[i];
            }
        }
        double square = 0;
        const std::size_t n_coef = x_.cols * lanes_;
        for (std::size_t i = 0; i < size; ++i) {
            gradient[i] /= total_;
            if (i < n_coef) {
                gradient[i] += penalty_ * parameters[i];
                square += parameters[i] * parameters[i];
            } else if (!fit_intercept_) {
                gradient[i] = 0;
            }
        }
        return loss / total_ + 0.5 * penalty_ * square;
    }

private:
    double block(const double* parameters, double* partial, std::size_t begin, std::size_t end) const {
        std::vector<double> rows(chunk_rows * x_.cols);
        std::vector<double> scores(chunk_rows * lanes_);
        double loss = 0;
        for (std::size_t r = begin; r < end; r += chunk_rows) {
            const std::size_t n = std::min(chunk_rows, end - r);
            const T* const from = x_.data + r * x_.cols;
            std::copy(from, from + n * x_.cols, rows.begin());
            for (std::size_t i = 0; i < n; ++i) {
                std::copy_n(parameters + x_.cols * lanes_, lanes_, scores.begin() + static_cast<std::ptrdiff_t>(i * lanes_));
            }
            add_product(rows.data(), n, x_.cols, parameters, lanes_, scores.data());
            for (std::size_t i = 0; i < n; ++i) {
                loss += residual(scores.data() + i * lanes_, static_cast<std::size_t>(labels_[r + i]), weights_[r + i]);
            }
            add_transposed_product(rows.data(), n, x_.cols, scores.data(), lanes_, partial);
            double* const intercepts = partial + x_.cols * lanes_;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t c = 0; c < lanes_; ++c) {
                    intercepts[c] += scores[i * lanes_ + c];
                }
            }
        }
        return loss;
    }

    // Turns the scores of a row into the derivatives of its weighted loss; returns the loss.
    double residual(double* scores, std::size_t label, double weight) const {
        if (n_outputs_ == 1) {
            const double z = label == 1 ? scores[0] : -scores[0];
            const double e = std::exp(-std::abs(z));
            const double p_wrong = z >= 0 ? e / (1 + e) : 1 / (1 + e);
            scores[0] = weight * (label == 1 ? -p_wrong : p_wrong);
            return weight * ((z >= 0 ? 0.0 : -z) + std::log1p(e));
        }
        const double top = *std::max_element(scores, scores + n_outputs_);
        const double own = scores[label];
        double sum = 0;
        for (std::size_t c = 0; c < n_outputs_; ++c) {
            scores[c] = std::exp(scores[c] - top);
            sum += scores[c];
        }
        for (std::size_t c = 0; c < n_outputs_; ++c) {
            scores[c] = weight * (scores[c] / sum - (c == label ? 1.0 : 0.0));
        }
        return weight * (top + std::log(sum) - own);
    }

    MatrixView<const T> x_;
    std::span<const std::int32_t> labels_;
    const std::vector<double>& weights_;
    std::size_t n_outputs_;
    std::size_t lanes_;
    bool fit_intercept_;
    Parallel& parallel_;
    StopToken& stop_;
    std::size_t grain_;
    double total_;
    double penalty_ = 0;
    std::vector<double> losses_;
    std::vector<double> gradients_;
};

std::vector<double> row_weights(std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes, const LogisticOptions& options) {
    std::vector<double> result(labels.size(), 1.0);
    if (!weights.empty()) {
        std::copy(weights.begin(), weights.end(), result.begin());
    }
    std::vector<double> by_class = options.class_weights;
    if (options.balanced) {
        std::vector<double> count(n_classes);
        double total = 0;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            count[static_cast<std::size_t>(labels[i])] += result[i];
            total += result[i];
        }
        by_class.assign(n_classes, 0.0);
        for (std::size_t k = 0; k < n_classes; ++k) {
            by_class[k] = count[k] > 0 ? total / (static_cast<double>(n_classes) * count[k]) : 0.0;
        }
    }
    if (!by_class.empty()) {
        for (std::size_t i = 0; i < labels.size(); ++i) {
            result[i] *= by_class[static_cast<std::size_t>(labels[i])];
        }
    }
    return result;
}

}  // namespace

template <class T>
LogisticFit fit_logistic(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, const LogisticModel* start) {
    LogisticFit fit;
    fit.model.n_classes = n_classes;
    fit.model.n_features = x.cols;
    const std::size_t n_outputs = fit.model.n_outputs();
    const std::vector<double> w = row_weights(labels, weights, n_classes, options);
    Objective<T> objective(x, labels, w, n_outputs, options, parallel, stop);
    const std::size_t lanes = objective.lanes();
    std::vector<double> parameters(objective.n_parameters());
    if (start != nullptr) {
        for (std::size_t k = 0; k < n_outputs; ++k) {
            for (std::size_t j = 0; j < x.cols; ++j) {
                parameters[j * lanes + k] = start->coef[k * x.cols + j];
            }
            parameters[x.cols * lanes + k] = options.fit_intercept ? start->intercept[k] : 0.0;
        }
    }
    const LbfgsResult result = minimize_lbfgs(
        parameters, [&](const std::vector<double>& p, std::vector<double>& g) { return objective(p, g); }, {options.tol, options.max_iter});
    fit.n_iter = result.n_iter;
    fit.converged = result.converged;
    fit.model.coef.resize(n_outputs * x.cols);
    fit.model.intercept.resize(n_outputs);
    for (std::size_t k = 0; k < n_outputs; ++k) {
        for (std::size_t j = 0; j < x.cols; ++j) {
            fit.model.coef[k * x.cols + j] = parameters[j * lanes + k];
        }
        fit.model.intercept[k] = options.fit_intercept ? parameters[x.cols * lanes + k] : 0.0;
    }
    return fit;
}

template <class T>
void decision_function(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out) {
    const std::size_t n_outputs = model.n_outputs();
    for (std::size_t r = 0; r < x.rows; ++r) {
        const T* const row = x.data + r * x.cols;
        for (std::size_t k = 0; k < n_outputs; ++k) {
            const double* const coef = model.coef.data() + k * x.cols;
            double sums[4] = {0, 0, 0, 0};
            std::size_t j = 0;
            for (; j + 4 <= x.cols; j += 4) {
                for (std::size_t lane = 0; lane < 4; ++lane) {
                    sums[lane] += static_cast<double>(row[j + lane]) * coef[j + lane];
                }
            }
            for (; j < x.cols; ++j) {
                sums[0] += static_cast<double>(row[j]) * coef[j];
            }
            out(r, k) = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + model.intercept[k];
        }
    }
}

template <class T>
void predict_proba(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out) {
    if (model.n_outputs() == 1) {
        double score = 0;
        for (std::size_t r = 0; r < x.rows; ++r) {
            decision_function(model, MatrixView<const T>{x.data + r * x.cols, 1, x.cols}, MatrixView<double>{&score, 1, 1});
            const double e = std::exp(-std::abs(score));
            const double p = score >= 0 ? 1 / (1 + e) : e / (1 + e);
            out(r, 0) = 1 - p;
            out(r, 1) = p;
        }
        return;
    }
    decision_function(model, x, out);
    for (std::size_t r = 0; r < x.rows; ++r) {
        const auto row = out.row(r);
        const double top = *std::max_element(row.begin(), row.end());
        double sum = 0;
        for (double& value : row) {
            value = std::exp(value - top);
            sum += value;
        }
        for (double& value : row) {
            value /= sum;
        }
    }
}

void validate(const LogisticModel& model) {
    const auto finite = [](const std::vector<double>& v) { return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); }); };
    if (model.n_classes < 2 || model.n_features == 0 || model.intercept.size() != model.n_outputs() ||
        model.coef.size() / model.n_features != model.n_outputs() || model.coef.size() % model.n_features != 0) {
        throw ModelFormatError("the arrays of a logistic regression do not fit its " + std::to_string(model.n_classes) + " classes and " +
                               std::to_string(model.n_features) + " features");
    }
    if (!finite(model.coef) || !finite(model.intercept)) {
        throw ModelFormatError("a logistic regression holds numbers that are not finite");
    }
}

#define EMOTION_INSTANTIATE(T)                                                                                                              \
    template LogisticFit fit_logistic(MatrixView<const T>, std::span<const std::int32_t>, std::span<const double>, std::size_t,             \
                                      const LogisticOptions&, Parallel&, StopToken&, const LogisticModel*);                                \
    template void decision_function(const LogisticModel&, MatrixView<const T>, MatrixView<double>);                                        \
    template void predict_proba(const LogisticModel&, MatrixView<const T>, MatrixView<double>);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::linear
