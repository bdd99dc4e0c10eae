#include "emotion/linear/logistic_regression.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "emotion/core/errors.hpp"
#include "objective.hpp"
#include "scores.hpp"

namespace emotion::linear {
namespace {

void softmax(std::span<double> row) {
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

// Scores of classes against the rest to probabilities that add up to 1.
void scaled_sigmoids(std::span<double> row) {
    double sum = 0;
    for (double& value : row) {
        value = sigmoid(value);
        sum += value;
    }
    for (double& value : row) {
        value = sum != 0 ? value / sum : value;
    }
}

}  // namespace

template <class T>
LogisticFit fit_logistic(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, const LogisticModel* start) {
    const std::vector<double> w = row_weights(labels, weights, n_classes, options);
    const auto objective = dense_objective(x, labels, w, n_classes == 2 ? 1 : n_classes, options, parallel, stop);
    return minimize(*objective, n_classes, x.cols, options, start, stop);
}

template <class T>
LogisticFit fit_logistic(const SparseRows<T>& x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, const LogisticModel* start) {
    const std::vector<double> w = row_weights(labels, weights, n_classes, options);
    const SparseColumns<T> columns = by_columns(x, stop);
    const auto objective = sparse_objective(x, columns, labels, w, n_classes == 2 ? 1 : n_classes, options, parallel, stop);
    return minimize(*objective, n_classes, x.cols, options, start, stop);
}

template <class T>
void decision_function(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows; ++r) {
        row_scores(x, r, {model.coef.data(), model.n_outputs(), x.cols}, model.intercept, out.row(r).data());
    }
}

template <class X>
void class_probabilities(MatrixView<const double> coef, std::span<const double> intercept, const X& x, MatrixView<double> out, bool one_vs_rest) {
    for (std::size_t r = 0; r < out.rows; ++r) {
        row_scores(x, r, coef, intercept, out.row(r).data());
        if (coef.rows == 1) {
            out(r, 1) = sigmoid(out(r, 0));
            out(r, 0) = 1 - out(r, 1);
            continue;
        }
        one_vs_rest ? scaled_sigmoids(out.row(r)) : softmax(out.row(r));
    }
}

template <class T>
void predict_proba(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out) {
    class_probabilities({model.coef.data(), model.n_outputs(), model.n_features}, model.intercept, x, out, model.one_vs_rest);
}

template <class T>
void decision_function(const LogisticModel& model, const SparseRows<T>& x, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        row_scores(x, r, {model.coef.data(), model.n_outputs(), x.cols}, model.intercept, out.row(r).data());
    }
}

template <class T>
void predict_proba(const LogisticModel& model, const SparseRows<T>& x, MatrixView<double> out) {
    class_probabilities({model.coef.data(), model.n_outputs(), model.n_features}, model.intercept, x, out, model.one_vs_rest);
}

template <class T>
void validate(const SparseRows<T>& x, const char* caller) {
    bool sound = !x.starts.empty() && x.starts.front() == 0 && x.columns.size() == x.values.size() &&
                 x.starts.back() == static_cast<std::int64_t>(x.values.size());
    for (std::size_t r = 0; sound && r + 1 < x.starts.size(); ++r) {
        sound = x.starts[r] <= x.starts[r + 1];
    }
    sound = sound && std::all_of(x.columns.begin(), x.columns.end(), [&](std::int32_t j) { return j >= 0 && static_cast<std::size_t>(j) < x.cols; });
    if (!sound) {
        throw InvalidInputError("X", caller, "compressed sparse rows whose places lie inside the matrix", "other places");
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
    template LogisticFit fit_logistic(const SparseRows<T>&, std::span<const std::int32_t>, std::span<const double>, std::size_t,            \
                                      const LogisticOptions&, Parallel&, StopToken&, const LogisticModel*);                                \
    template void decision_function(const LogisticModel&, MatrixView<const T>, MatrixView<double>);                                        \
    template void predict_proba(const LogisticModel&, MatrixView<const T>, MatrixView<double>);                                            \
    template void class_probabilities(MatrixView<const double>, std::span<const double>, const MatrixView<const T>&, MatrixView<double>, bool); \
    template void class_probabilities(MatrixView<const double>, std::span<const double>, const SparseRows<T>&, MatrixView<double>, bool);  \
    template void decision_function(const LogisticModel&, const SparseRows<T>&, MatrixView<double>);                                       \
    template void predict_proba(const LogisticModel&, const SparseRows<T>&, MatrixView<double>);                                           \
    template void validate(const SparseRows<T>&, const char*);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::linear
