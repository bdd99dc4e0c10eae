#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/linear/logistic_regression.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "step_options.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

constexpr const char* caller = "LogisticRegression";

linear::LogisticModel model_of(const Array<double>& coef, const Array<double>& intercept, std::size_t n_classes) {
    const auto c = matrix(coef, "coef", caller);
    const auto b = vector(intercept, "intercept", caller);
    linear::LogisticModel model{n_classes, c.cols, {c.data, c.data + c.size()}, {b.begin(), b.end()}};
    if (n_classes < 2 || c.rows != model.n_outputs() || b.size() != c.rows) {
        throw InvalidInputError("coef", caller, "one row a class (one in all for two classes) with one intercept a row",
                                shape_text(coef) + " and " + shape_text(intercept));
    }
    return model;
}

template <class T>
void register_logistic(py::module_& m) {
    m.def("logistic_fit", [](const Array<T>& X, const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options,
                             const std::optional<Array<double>>& sample_weight, const std::optional<Array<double>>& coef,
                             const std::optional<Array<double>>& intercept, int n_jobs) {
        const auto x = matrix(X, "X", caller);
        const auto labels = vector(y, "y", caller);
        const auto weights = sample_weight ? vector(*sample_weight, "sample_weight", caller) : std::span<const double>{};
        if (labels.size() != x.rows || (sample_weight && weights.size() != x.rows)) {
            throw InvalidInputError("y", caller, "one label and one weight a row", shape_text(y));
        }
        if (n_classes < 2 || std::any_of(labels.begin(), labels.end(), [&](auto k) { return k < 0 || static_cast<std::size_t>(k) >= n_classes; })) {
            throw InvalidInputError("y", caller, "class numbers below n_classes, of at least two classes", std::to_string(n_classes) + " classes");
        }
        const linear::LogisticOptions parsed = logistic_options(options, n_classes);
        std::optional<linear::LogisticModel> start;
        if (coef && intercept) {
            start = model_of(*coef, *intercept, n_classes);
            if (start->n_features != x.cols) {
                throw InvalidInputError("coef", caller, "of the width of X", shape_text(*coef));
            }
        }
        linear::LogisticFit fit = interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            return linear::fit_logistic(x, labels, weights, n_classes, parsed, parallel, stop, start ? &*start : nullptr);
        });
        Matrix<double> rows;
        rows.rows = fit.model.n_outputs();
        rows.cols = x.cols;
        rows.values = std::move(fit.model.coef);
        return py::make_tuple(to_array(std::move(rows)), to_array(std::move(fit.model.intercept)), fit.n_iter, fit.converged);
    }, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"), py::arg("sample_weight").none(true).noconvert(),
          py::arg("coef").none(true).noconvert(), py::arg("intercept").none(true).noconvert(), py::arg("n_jobs"),
          "Coefficients, intercepts, iterations, and whether the tolerance was met.");

    m.def("logistic_predict", [](const Array<T>& X, const Array<double>& coef, const Array<double>& intercept, std::size_t n_classes, bool proba) {
        const auto x = matrix(X, "X", caller);
        const linear::LogisticModel model = model_of(coef, intercept, n_classes);
        if (model.n_features != x.cols) {
            throw InvalidInputError("X", caller, "of " + std::to_string(model.n_features) + " features", shape_text(X));
        }
        auto [array, out] = new_matrix<double>(x.rows, proba ? n_classes : model.n_outputs());
        {
            const py::gil_scoped_release release;  // safe: the arrays are held by this frame
            proba ? linear::predict_proba(model, x, out) : linear::decision_function(model, x, out);
        }
        return array;
    }, py::arg("X").noconvert(), py::arg("coef").noconvert(), py::arg("intercept").noconvert(), py::arg("n_classes"), py::arg("proba"),
          "Probabilities (rows x classes) or scores (rows x rows of coef).");
}

}  // namespace

void register_linear(py::module_& m) {
    register_logistic<float>(m);
    register_logistic<double>(m);
}

}  // namespace emotion::bindings
