#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/preprocessing/select_k_best.hpp"
#include "emotion/preprocessing/simple_imputer.hpp"
#include "emotion/preprocessing/standard_scaler.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

using namespace emotion::preprocessing;

void check_length(std::size_t have, std::size_t want, const char* parameter, const char* caller) {
    if (have != want) {
        throw InvalidInputError(parameter, caller, "of length " + std::to_string(want), "length " + std::to_string(have));
    }
}

std::vector<double> doubles(const Array<double>& array, std::size_t want, const char* parameter, const char* caller) {
    const auto values = vector(array, parameter, caller);
    check_length(values.size(), want, parameter, caller);
    return {values.begin(), values.end()};
}

template <class T>
void register_scaler(py::module_& m) {
    m.def("scaler_moments", [](const Array<T>& X, const std::optional<Array<double>>& sample_weight, const Array<double>& weight,
                               const Array<double>& mean, const Array<double>& deviation, int n_jobs) {
        const auto x = matrix(X, "X", "scaler_moments");
        std::span<const double> weights;
        if (sample_weight) {
            weights = vector(*sample_weight, "sample_weight", "scaler_moments");
            check_length(weights.size(), x.rows, "sample_weight", "scaler_moments");
        }
        Moments moments;
        moments.weight = doubles(weight, x.cols, "weight", "scaler_moments");
        moments.mean = doubles(mean, x.cols, "mean", "scaler_moments");
        moments.deviation = doubles(deviation, x.cols, "deviation", "scaler_moments");
        {
            const py::gil_scoped_release release;  // safe: the arrays are held by the caller's frame
            Parallel parallel(n_jobs);
            moments.add(x, weights, parallel);
        }
        return py::make_tuple(to_array(std::move(moments.weight)), to_array(std::move(moments.mean)), to_array(std::move(moments.deviation)));
    }, py::arg("X").noconvert(), py::arg("sample_weight").none(true).noconvert(), py::arg("weight").noconvert(), py::arg("mean").noconvert(),
          py::arg("deviation").noconvert(), py::arg("n_jobs"),
          "Weighted count, mean and summed squared deviation of every column, continued from the given ones.");

    m.def("scaler_transform", [](const Array<T>& X, const Array<double>& mean, const Array<double>& scale, bool with_mean, bool with_std,
                                 bool inverse, std::optional<Array<T>> out) {
        const auto x = matrix(X, "X", "scaler_transform");
        StandardScaler scaler{doubles(mean, x.cols, "mean", "scaler_transform"), doubles(scale, x.cols, "scale", "scaler_transform"), with_mean, with_std};
        if (!out) {
            out = new_matrix<T>(x.rows, x.cols).first;
        }
        const auto shape = matrix(*out, "out", "scaler_transform");
        check_length(shape.size(), x.size(), "out", "scaler_transform");
        const MatrixView<T> result{out->mutable_data(), x.rows, x.cols};
        {
            const py::gil_scoped_release release;  // safe: the arrays are held by this frame; out may be X itself, value by value
            inverse ? scaler.inverse_transform(x, result) : scaler.transform(x, result);
        }
        return *out;
    }, py::arg("X").noconvert(), py::arg("mean").noconvert(), py::arg("scale").noconvert(), py::arg("with_mean"), py::arg("with_std"),
          py::arg("inverse") = false, py::arg("out").none(true).noconvert() = py::none(), "(X - mean) / scale, or its inverse.");
}

template <class T>
void register_imputer_and_selector(py::module_& m) {
    m.def("imputer_fit", [](const Array<T>& X, const std::string& strategy, double fill_value, bool keep_empty_features, int n_jobs) {
        const auto x = matrix(X, "X", "imputer_fit");
        const std::vector<std::string> names = {"mean", "median", "most_frequent", "constant"};
        const auto found = std::find(names.begin(), names.end(), strategy);
        if (found == names.end()) {
            throw InvalidInputError("strategy", "imputer_fit", "mean, median, most_frequent or constant", strategy);
        }
        const ImputerOptions options{static_cast<ImputeStrategy>(found - names.begin()), fill_value, keep_empty_features};
        SimpleImputer imputer;
        {
            const py::gil_scoped_release release;  // safe: X is held by the caller's frame
            Parallel parallel(n_jobs);
            imputer = fit_imputer(x, options, parallel);
        }
        return to_array(std::move(imputer.statistics));
    }, py::arg("X").noconvert(), py::arg("strategy"), py::arg("fill_value"), py::arg("keep_empty_features"), py::arg("n_jobs"),
          "The filling value of every column; NaN marks a dropped column.");

    m.def("imputer_transform", [](const Array<T>& X, const Array<double>& statistics) {
        const auto x = matrix(X, "X", "imputer_transform");
        const SimpleImputer imputer{doubles(statistics, x.cols, "statistics", "imputer_transform")};
        auto [array, out] = new_matrix<T>(x.rows, imputer.kept_columns().size());
        {
            const py::gil_scoped_release release;  // safe: the arrays are held by this frame
            imputer.transform(x, out);
        }
        return array;
    }, py::arg("X").noconvert(), py::arg("statistics").noconvert(), "X with NaN replaced, without dropped columns.");

    m.def("f_classif_scores", [](const Array<T>& X, const Array<std::int32_t>& y, std::size_t n_classes, int n_jobs) {
        const auto x = matrix(X, "X", "f_classif");
        const auto labels = vector(y, "y", "f_classif");
        check_length(labels.size(), x.rows, "y", "f_classif");
        if (std::any_of(labels.begin(), labels.end(), [&](std::int32_t k) { return k < 0 || static_cast<std::size_t>(k) >= n_classes; })) {
            throw InvalidInputError("y", "f_classif", "class numbers below n_classes", "one outside");
        }
        std::vector<double> scores;
        {
            const py::gil_scoped_release release;  // safe: the arrays are held by the caller's frame
            Parallel parallel(n_jobs);
            scores = f_classif(x, labels, n_classes, parallel);
        }
        return to_array(std::move(scores));
    }, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("n_jobs"), "The F statistic of every column.");
}

}  // namespace

void register_preprocessing(py::module_& m) {
    register_scaler<float>(m);
    register_scaler<double>(m);
    register_imputer_and_selector<float>(m);
    register_imputer_and_selector<double>(m);
    m.def("scaler_finish", [](const Array<double>& weight, const Array<double>& mean, const Array<double>& deviation, bool with_mean, bool with_std) {
        const std::size_t d = vector(weight, "weight", "scaler_finish").size();
        Moments moments;
        moments.weight = doubles(weight, d, "weight", "scaler_finish");
        moments.mean = doubles(mean, d, "mean", "scaler_finish");
        moments.deviation = doubles(deviation, d, "deviation", "scaler_finish");
        StandardScaler scaler = finish_scaler(moments, with_mean, with_std);
        return py::make_tuple(to_array(std::move(scaler.mean)), to_array(std::move(scaler.scale)), to_array(variances(moments)));
    }, py::arg("weight").noconvert(), py::arg("mean").noconvert(), py::arg("deviation").noconvert(), py::arg("with_mean"), py::arg("with_std"),
          "Mean, scale and variance of every column.");
    m.def("select_k_best_columns", [](const Array<double>& scores, std::size_t k) {
        return to_array(k_best(vector(scores, "scores", "SelectKBest"), k));
    }, py::arg("scores").noconvert(), py::arg("k"), "The k columns of the highest scores, ascending.");
}

}  // namespace emotion::bindings
