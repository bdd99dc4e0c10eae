// Explanations of forests.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "arrays.hpp"
#include "bound_forest.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/explain/tree_shap.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

py::tuple forest_shap(const BoundForest& forest, const Array<float>& x, int n_jobs, const py::object& progress) {
    const auto view = matrix(x, "X", "forest_shap");
    const std::size_t features = forest.forest.n_features;
    const std::size_t classes = forest.forest.n_classes;
    if (view.cols != features) {
        throw InvalidInputError("X", "forest_shap", "a matrix of " + std::to_string(features) + " columns", shape_text(x));
    }
    Array<double> values({static_cast<py::ssize_t>(view.rows), static_cast<py::ssize_t>(features), static_cast<py::ssize_t>(classes)});
    auto [base, base_view] = new_vector<double>(classes);
    const std::span<double> out(values.mutable_data(), view.rows * features * classes);
    const auto& native = forest.forest;
    interruptible([&, base_span = base_view](StopToken& stop) {
        Parallel parallel(n_jobs);
        explain::tree_shap(native, view, out, base_span, parallel, stop);
    }, progress);
    return py::make_tuple(values, base);
}

}  // namespace

void register_explain(py::module_& m) {
    m.def("forest_shap", &forest_shap, py::arg("forest"), py::arg("X").noconvert(), py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
          "Exact path-dependent Shapley values (rows x features x classes) and the base values (classes).");
}

}  // namespace emotion::bindings
