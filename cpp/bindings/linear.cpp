#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/linear/logistic_regression.hpp"
#include "emotion/linear/one_vs_rest.hpp"
#include "interruptible.hpp"
#include "one_row.hpp"
#include "rooms.hpp"
#include "step_options.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

constexpr const char* caller = "LogisticRegression";

// A dense matrix is an array; a sparse one (values, columns int32, starts int64, number of columns).
template <class T>
using Sparse = std::tuple<Array<T>, Array<std::int32_t>, Array<std::int64_t>, std::size_t>;

template <class T>
MatrixView<const T> rows_of(const Array<T>& X) {
    return matrix(X, "X", caller);
}

template <class T>
linear::SparseRows<T> rows_of(const Sparse<T>& X) {
    linear::SparseRows<T> rows{vector(std::get<0>(X), "X", caller), vector(std::get<1>(X), "X", caller), vector(std::get<2>(X), "X", caller), std::get<3>(X)};
    linear::validate(rows, caller);
    return rows;
}

template <class T>
std::size_t count(const MatrixView<const T>& x) {
    return x.rows;
}
template <class T>
std::size_t count(const linear::SparseRows<T>& x) {
    return x.rows();
}

void check_model(const Array<double>& coef, const Array<double>& intercept, std::size_t n_classes) {
    const auto c = matrix(coef, "coef", caller);
    const auto b = vector(intercept, "intercept", caller);
    if (n_classes < 2 || c.rows != (n_classes == 2 ? 1 : n_classes) || b.size() != c.rows) {
        throw InvalidInputError("coef", caller, "one row a class (one in all for two classes) with one intercept a row",
                                shape_text(coef) + " and " + shape_text(intercept));
    }
}

linear::LogisticModel model_of(const Array<double>& coef, const Array<double>& intercept, std::size_t n_classes) {
    check_model(coef, intercept, n_classes);
    const auto c = matrix(coef, "coef", caller);
    const auto b = vector(intercept, "intercept", caller);
    return {n_classes, c.cols, {c.data, c.data + c.size()}, {b.begin(), b.end()}};
}

void check_width(std::size_t expected, std::size_t found, const char* parameter) {
    if (expected != found) {
        throw InvalidInputError(parameter, caller, "of " + std::to_string(expected) + " features", std::to_string(found));
    }
}

template <class X>
py::tuple fit(const X& given, const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options, const std::optional<Array<double>>& sample_weight,
              const std::optional<Array<double>>& coef, const std::optional<Array<double>>& intercept, int n_jobs) {
    const auto x = rows_of(given);
    const auto labels = vector(y, "y", caller);
    const auto weights = sample_weight ? vector(*sample_weight, "sample_weight", caller) : std::span<const double>{};
    if (labels.size() != count(x) || (sample_weight && weights.size() != count(x))) {
        throw InvalidInputError("y", caller, "one label and one weight a row", shape_text(y));
    }
    if (n_classes < 2 || std::any_of(labels.begin(), labels.end(), [&](auto k) { return k < 0 || static_cast<std::size_t>(k) >= n_classes; })) {
        throw InvalidInputError("y", caller, "class numbers below n_classes, of at least two classes", std::to_string(n_classes) + " classes");
    }
    const linear::LogisticOptions parsed = logistic_options(options, n_classes);
    std::optional<linear::LogisticModel> start;
    if (coef && intercept) {
        start = model_of(*coef, *intercept, n_classes);
        check_width(x.cols, start->n_features, "coef");
    }
    linear::LogisticFit result = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return linear::fit_logistic(x, labels, weights, n_classes, parsed, parallel, stop, start ? &*start : nullptr);
    });
    Matrix<double> rows;
    rows.rows = result.model.n_outputs();
    rows.cols = x.cols;
    rows.values = std::move(result.model.coef);
    return py::make_tuple(to_array(std::move(rows)), to_array(std::move(result.model.intercept)), result.n_iter, result.converged);
}

template <class X>
Array<double> predict(const X& given, const Array<double>& coef, const Array<double>& intercept, std::size_t n_classes, bool proba) {
    const auto x = rows_of(given);
    const auto c = matrix(coef, "coef", caller);
    const auto b = vector(intercept, "intercept", caller);
    check_model(coef, intercept, n_classes);
    check_width(c.cols, x.cols, "X");
    auto [array, out] = new_matrix<double>(count(x), proba ? n_classes : c.rows);
    if (proba) {
        const py::gil_scoped_release release;  // safe: the arrays are held by this frame
        linear::class_probabilities(c, b, x, out);
    } else {
        const py::gil_scoped_release release;  // safe: the arrays are held by this frame
        linear::one_vs_rest_scores(c, b, x, false, out);
    }
    return array;
}

// A fitted model as it lies in the attributes of its Python object.
struct HeldModel {
    MatrixView<const double> coef;
    std::span<const double> intercept;
    PyObject* classes = nullptr;  // borrowed
    std::size_t n_classes = 0;
};

std::optional<HeldModel> held_model(const Attributes& attributes, std::size_t cols) {
    static PyObject* const names[] = {PyUnicode_InternFromString("coef_"), PyUnicode_InternFromString("intercept_"), PyUnicode_InternFromString("classes_")};
    const auto* const coef = plain_doubles(attributes[names[0]], 2);
    const auto* const intercept = plain_doubles(attributes[names[1]], 1);
    PyObject* const classes = attributes[names[2]];
    if (coef == nullptr || intercept == nullptr || classes == nullptr || Py_TYPE(classes) != py::detail::npy_api::get().PyArray_Type_ || !attributes.take(cols)) {
        return std::nullopt;
    }
    const auto* const labels = py::detail::array_proxy(classes);
    const auto outputs = static_cast<std::size_t>(coef->dimensions[0]);
    const std::size_t n_classes = labels->nd == 1 ? static_cast<std::size_t>(labels->dimensions[0]) : 0;
    if (n_classes < 2 || outputs != (n_classes == 2 ? 1 : n_classes) || static_cast<std::size_t>(coef->dimensions[1]) != cols ||
        static_cast<std::size_t>(intercept->dimensions[0]) != outputs) {
        return std::nullopt;
    }
    return HeldModel{{reinterpret_cast<const double*>(coef->data), outputs, cols}, {reinterpret_cast<const double*>(intercept->data), outputs}, classes, n_classes};
}

enum class Answer { scores, proba, label };

template <class T, Answer kind>
py::object answer_row(const HeldModel& model, const T* row) {
    const MatrixView<const T> x{row, 1, model.coef.cols};
    if constexpr (kind == Answer::proba) {
        auto [array, out] = new_matrix<double>(1, model.n_classes);
        linear::class_probabilities(model.coef, model.intercept, x, out);
        return array;
    } else if constexpr (kind == Answer::scores) {
        auto array = model.n_classes == 2 ? Array<double>(1) : Array<double>({py::ssize_t{1}, static_cast<py::ssize_t>(model.n_classes)});
        linear::one_vs_rest_scores(model.coef, model.intercept, x, false, MatrixView<double>{array.mutable_data(), 1, model.coef.rows});
        return array;
    } else {
        std::vector<double> scores(model.coef.rows);
        linear::one_vs_rest_scores(model.coef, model.intercept, x, false, MatrixView<double>{scores.data(), 1, scores.size()});
        if (!sound<false>(scores.data(), scores.size())) {
            return py::none();  // NumPy has an order for NaN
        }
        auto [code, place] = new_vector<py::ssize_t>(1);
        place[0] = model.n_classes == 2 ? (scores[0] > 0 ? 1 : 0) : std::max_element(scores.begin(), scores.end()) - scores.begin();
        return py::reinterpret_steal<py::object>(PyObject_GetItem(model.classes, code.ptr()));
    }
}

// The answer for one row, or None where the long way round must decide. Microseconds: not worth releasing the GIL.
template <Answer kind>
py::object predict_row(const py::dict& attributes, const py::object& X) {
    const OneRow given(X);
    const auto model = given.found() ? held_model(Attributes(attributes), given.cols()) : std::nullopt;
    if (!model) {
        return py::none();
    }
    const auto answer = [&]<class T>(std::vector<T> place) -> py::object {
        const T* const row = given.as(place);
        return sound<false>(row, given.cols()) ? answer_row<T, kind>(*model, row) : py::none();
    };
    return given.doubles() ? answer(std::vector<double>{}) : answer(std::vector<float>{});
}

template <class X>
py::tuple fit_labels(const X& given, const Array<std::uint8_t>& Y, const py::dict& options, const std::optional<Array<double>>& sample_weight, int n_jobs) {
    const auto x = rows_of(given);
    const auto labels = matrix(Y, "Y", caller);
    const auto weights = sample_weight ? vector(*sample_weight, "sample_weight", caller) : std::span<const double>{};
    if (labels.cols != count(x) || (sample_weight && weights.size() != count(x))) {
        throw InvalidInputError("Y", caller, "one column and one weight a row of X", shape_text(Y));
    }
    if (std::any_of(labels.data, labels.data + labels.size(), [](auto v) { return v > 1; })) {
        throw InvalidInputError("Y", caller, "of zeros and ones", "other numbers");
    }
    const linear::LogisticOptions parsed = logistic_options(options, 2);
    const auto fits = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return linear::fit_one_vs_rest(x, labels, weights, parsed, parallel, stop);
    });
    auto [coef, rows] = new_matrix<double>(fits.size(), x.cols);
    auto [intercept, ends] = new_vector<double>(fits.size());
    auto [n_iter, iterations] = new_vector<std::int32_t>(fits.size());
    auto [converged, ended] = new_vector<bool>(fits.size());
    for (std::size_t k = 0; k < fits.size(); ++k) {
        std::copy(fits[k].model.coef.begin(), fits[k].model.coef.end(), rows.row(k).begin());
        ends[k] = fits[k].model.intercept[0];
        iterations[k] = fits[k].n_iter;
        ended[k] = fits[k].converged;
    }
    return py::make_tuple(coef, intercept, n_iter, converged);
}

template <class X>
Array<double> predict_labels(const X& given, const Array<double>& coef, const Array<double>& intercept, bool proba, bool scaled) {
    const auto x = rows_of(given);
    const auto c = matrix(coef, "coef", caller);
    const auto b = vector(intercept, "intercept", caller);
    check_width(c.cols, x.cols, "X");
    if (b.size() != c.rows) {
        throw InvalidInputError("intercept", caller, "one number a row of coef", shape_text(intercept));
    }
    auto [array, out] = new_matrix<double>(count(x), c.rows);
    {
        const py::gil_scoped_release release;  // safe: the arrays are held by this frame
        if (proba && scaled && c.rows > 1) {
            linear::class_probabilities(c, b, x, out, true);
        } else {
            linear::one_vs_rest_scores(c, b, x, proba, out);
        }
    }
    return array;
}

template <class X>
void register_rows(py::module_& m) {
    m.def("logistic_fit", &fit<X>, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"),
          py::arg("sample_weight").none(true).noconvert(), py::arg("coef").none(true).noconvert(), py::arg("intercept").none(true).noconvert(),
          py::arg("n_jobs"), "Coefficients, intercepts, iterations, and whether the tolerance was met.");
    m.def("logistic_predict", &predict<X>, py::arg("X").noconvert(), py::arg("coef").noconvert(), py::arg("intercept").noconvert(), py::arg("n_classes"),
          py::arg("proba"), "Probabilities (rows x classes) or scores (rows x rows of coef).");
    m.def("one_vs_rest_fit", &fit_labels<X>, py::arg("X").noconvert(), py::arg("Y").noconvert(), py::arg("options"),
          py::arg("sample_weight").none(true).noconvert(), py::arg("n_jobs"),
          "Coefficients, intercepts, iterations and convergence of one binary fit a row of Y (labels x rows of X).");
    m.def("one_vs_rest_predict", &predict_labels<X>, py::arg("X").noconvert(), py::arg("coef").noconvert(), py::arg("intercept").noconvert(), py::arg("proba"),
          py::arg("scaled"), "Each label's probability, scaled to add up to 1 where asked for, or its score (rows x labels).");
}

}  // namespace

void register_linear(py::module_& m) {
    m.def("logistic_row_scores", &predict_row<Answer::scores>, py::arg("attributes"), py::arg("X"),
          "decision_function of one row by the attributes of a fitted model; None where the row or they are not plain.");
    m.def("logistic_row_proba", &predict_row<Answer::proba>, py::arg("attributes"), py::arg("X"), "predict_proba likewise.");
    m.def("logistic_row_label", &predict_row<Answer::label>, py::arg("attributes"), py::arg("X"), "predict likewise.");
    register_rows<Array<float>>(m);
    register_rows<Array<double>>(m);
    register_rows<Sparse<float>>(m);
    register_rows<Sparse<double>>(m);
}

}  // namespace emotion::bindings
