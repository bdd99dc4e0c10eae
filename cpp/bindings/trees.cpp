// Forests: fitting, prediction, arrays in and out.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "bound_forest.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/trees/forest.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "step_options.hpp"
#include "tree_models.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

using trees::Forest;
using trees::ForestOptions;

constexpr const char* fit_name = "forest_fit";

std::shared_ptr<BoundForest> forest_fit(const Array<float>& x, const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options,
                     const std::optional<Array<double>>& sample_weight, bool oob, int n_jobs, const py::object& progress) {
    const auto x_view = matrix(x, "X", fit_name);
    const auto y_view = vector(y, "y", fit_name);
    const auto weights = sample_weight ? vector(*sample_weight, "sample_weight", fit_name) : std::span<const double>{};
    if (y_view.size() != x_view.rows) {
        throw InvalidInputError("y", fit_name, "one label a row of X", std::to_string(y_view.size()));
    }
    if (sample_weight && weights.size() != x_view.rows) {
        throw InvalidInputError("sample_weight", fit_name, "one weight a row of X", std::to_string(weights.size()));
    }
    const runtime::ForestSpec spec = forest_spec(options, n_classes);
    ForestOptions native = spec.options;
    trees::set_sizes(native, spec.sizes, x_view.rows, x_view.cols);
    std::vector<std::int32_t> rows(x_view.rows);
    std::iota(rows.begin(), rows.end(), 0);
    const trees::LabelledRows data{x_view, rows, y_view, weights, n_classes};
    trees::OutOfBag out_of_bag;
    Forest forest = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return trees::fit_forest(data, native, parallel, stop, oob ? &out_of_bag : nullptr);
    }, progress);
    auto result = std::make_shared<BoundForest>(std::move(forest));
    if (oob) {
        result->out_of_bag = to_array(std::move(out_of_bag.probability));
    }
    return result;
}

py::array predict_proba(const BoundForest& self, const Array<float>& x, int n_jobs) {
    const auto view = checked_rows(x, self.forest.n_features, "predict_proba");
    auto [array, out] = new_matrix<double>(view.rows, self.forest.n_classes);
    if (view.rows == 1) {
        self.predictor.predict_row(view.data, out.data);  // a few microseconds: not worth releasing the GIL
        return array;
    }
    run_prediction(view.rows * self.forest.n_trees(), n_jobs,
                   [&, target = out](Parallel& parallel, StopToken& stop) { self.predictor.predict_proba(view, target, parallel, stop); });
    return array;
}

const BoundForest& bound(const py::object& self) { return self.cast<const BoundForest&>(); }

// Calls each(name, array) for the one-dimensional arrays of a forest.
template <class Model, class Each>
void for_arrays(Model&& forest, const Each& each) {
    for_node_arrays(forest, each);
    each("impurity", forest.impurity);
}

py::dict arrays(const py::object& self) {
    const Forest& forest = bound(self).forest;
    py::dict out;
    out["n_classes"] = forest.n_classes;
    out["n_features"] = forest.n_features;
    for_arrays(forest, [&](const char* name, const auto& values) { out[name] = view_of(self, values); });
    out["value"] = view_of(self, forest.value).attr("reshape")(forest.n_nodes(), forest.n_classes);
    return out;
}

std::shared_ptr<BoundForest> from_arrays(const py::dict& arrays) {
    Forest forest;
    const ArrayReader read(arrays, "forest");
    read("n_classes", forest.n_classes);
    read("n_features", forest.n_features);
    for_arrays(forest, read);
    read("value", forest.value, 2);
    trees::validate(forest);
    return std::make_shared<BoundForest>(std::move(forest));
}

}  // namespace

void register_trees(py::module_& m) {
    py::class_<BoundForest, std::shared_ptr<BoundForest>> type(m, "Forest", "A fitted forest: immutable, safe to share between threads.");
    type.def_property_readonly("n_classes", [](const BoundForest& self) { return self.forest.n_classes; })
        .def_property_readonly("n_features", [](const BoundForest& self) { return self.forest.n_features; })
        .def_property_readonly("n_trees", [](const BoundForest& self) { return self.forest.n_trees(); })
        .def_property_readonly("n_nodes", [](const BoundForest& self) { return self.forest.n_nodes(); })
        .def_readonly("out_of_bag", &BoundForest::out_of_bag, "Class shares of the trees that did not draw the row (NaN: none); None unless asked for.")
        .def("predict_proba", &predict_proba, py::arg("X").noconvert(), py::arg("n_jobs") = 1)
        .def("predict_row", [](const BoundForest& self, const py::dict& attributes, const py::object& X) {
            return predict_one(self.predictor, self.forest.n_features, self.forest.n_classes, attributes, X);
        }, py::arg("attributes"), py::arg("X"), "Probabilities of one row for the estimator of these attributes; None where the row or they are not plain.")
        .def("feature_importances", [](const BoundForest& self) { return to_array(trees::feature_importances(self.forest)); });
    def_arrays(type, &arrays, [](const auto& each) { for_arrays(Forest{}, each); }, &from_arrays,
               "A forest from arrays of any origin; ModelFormatError if they do not fit together.");
    m.def("forest_fit", &forest_fit, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"),
          py::arg("sample_weight").noconvert() = py::none(), py::arg("oob") = false, py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
          "Fits a forest; with `oob`, its `out_of_bag` holds rows x classes.");
}

}  // namespace emotion::bindings
