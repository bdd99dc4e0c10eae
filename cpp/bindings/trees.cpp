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
    const auto view = matrix(x, "X", "predict_proba");
    if (view.cols != self.forest.n_features) {
        throw InvalidInputError("X", "predict_proba", "a matrix of " + std::to_string(self.forest.n_features) + " columns", shape_text(x));
    }
    auto [array, out] = new_matrix<double>(view.rows, self.forest.n_classes);
    if (view.rows == 1) {
        self.predictor.predict_row(view.data, out.data);  // a few microseconds: not worth releasing the GIL
        return array;
    }
    if (view.rows * self.forest.n_trees() < 1'000'000) {
        const py::gil_scoped_release release;  // safe: the arrays are held by this frame, the plan is immutable
        StopToken stop;
        Parallel parallel(n_jobs);
        self.predictor.predict_proba(view, out, parallel, stop);
        return array;
    }
    interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        self.predictor.predict_proba(view, out, parallel, stop);
    });
    return array;
}

// A view of one of the forest's arrays, which keeps the forest alive and cannot be written to.
template <class T>
py::array view_of(const py::object& owner, const std::vector<T>& values) {
    py::array_t<T> array(static_cast<py::ssize_t>(values.size()), values.data(), owner);
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

const BoundForest& bound(const py::object& self) { return self.cast<const BoundForest&>(); }

py::dict arrays(const py::object& self) {
    const Forest& forest = bound(self).forest;
    py::dict out;
    out["n_classes"] = forest.n_classes;
    out["n_features"] = forest.n_features;
    out["tree_offsets"] = view_of(self, forest.tree_offsets);
    out["feature"] = view_of(self, forest.feature);
    out["threshold"] = view_of(self, forest.threshold);
    out["left"] = view_of(self, forest.left);
    out["right"] = view_of(self, forest.right);
    out["missing_left"] = view_of(self, forest.missing_left);
    out["cover"] = view_of(self, forest.cover);
    out["impurity"] = view_of(self, forest.impurity);
    out["value"] = view_of(self, forest.value).attr("reshape")(forest.n_nodes(), forest.n_classes);
    return out;
}

template <class T>
std::vector<T> taken(const py::dict& arrays, const char* key, int ndim = 1) {
    if (!arrays.contains(key)) {
        throw ModelFormatError(std::string("forest arrays: ") + key + " is missing");
    }
    const py::object value = arrays[key];
    if (!py::isinstance<Array<T>>(value)) {
        throw ModelFormatError(std::string("forest arrays: ") + key + " must be a C-contiguous array of its documented dtype");
    }
    const auto array = value.cast<Array<T>>();
    if (array.ndim() != ndim) {
        throw ModelFormatError(std::string("forest arrays: ") + key + " must have " + std::to_string(ndim) + " dimensions");
    }
    return std::vector<T>(array.data(), array.data() + array.size());
}

std::shared_ptr<BoundForest> from_arrays(const py::dict& arrays) {
    Forest forest;
    for (const auto& [key, place] : {std::pair{"n_classes", &forest.n_classes}, std::pair{"n_features", &forest.n_features}}) {
        if (!arrays.contains(key) || !PyLong_Check(py::object(arrays[key]).ptr())) {
            throw ModelFormatError(std::string("forest arrays: ") + key + " must be an integer");
        }
        *place = PyLong_AsSize_t(py::object(arrays[key]).ptr());
        if (PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            throw ModelFormatError(std::string("forest arrays: ") + key + " must be positive and not huge");
        }
    }
    forest.tree_offsets = taken<std::int64_t>(arrays, "tree_offsets");
    forest.feature = taken<std::int32_t>(arrays, "feature");
    forest.threshold = taken<float>(arrays, "threshold");
    forest.left = taken<std::int32_t>(arrays, "left");
    forest.right = taken<std::int32_t>(arrays, "right");
    forest.missing_left = taken<std::uint8_t>(arrays, "missing_left");
    forest.cover = taken<double>(arrays, "cover");
    forest.impurity = taken<double>(arrays, "impurity");
    forest.value = taken<double>(arrays, "value", 2);
    trees::validate(forest);
    return std::make_shared<BoundForest>(std::move(forest));
}

template <class T>
void array_property(py::class_<BoundForest, std::shared_ptr<BoundForest>>& type, const char* name, std::vector<T> Forest::*member) {
    type.def_property_readonly(name, [member](const py::object& self) { return view_of(self, bound(self).forest.*member); });
}

}  // namespace

void register_trees(py::module_& m) {
    py::class_<BoundForest, std::shared_ptr<BoundForest>> type(m, "Forest", "A fitted forest: immutable, safe to share between threads.");
    type.def_property_readonly("n_classes", [](const BoundForest& self) { return self.forest.n_classes; })
        .def_property_readonly("n_features", [](const BoundForest& self) { return self.forest.n_features; })
        .def_property_readonly("n_trees", [](const BoundForest& self) { return self.forest.n_trees(); })
        .def_property_readonly("n_nodes", [](const BoundForest& self) { return self.forest.n_nodes(); })
        .def_readonly("out_of_bag", &BoundForest::out_of_bag, "Class shares of the trees that did not draw the row (NaN: none); None unless asked for.")
        .def_property_readonly("value", [](const py::object& self) { return py::dict(arrays(self))["value"]; })
        .def("arrays", [](const py::object& self) { return arrays(self); }, "Every array by its name, as from_arrays takes them.")
        .def_static("from_arrays", &from_arrays, py::arg("arrays"), "A forest from arrays of any origin; ModelFormatError if they do not fit together.")
        .def("predict_proba", &predict_proba, py::arg("X").noconvert(), py::arg("n_jobs") = 1)
        .def("feature_importances", [](const BoundForest& self) { return to_array(trees::feature_importances(self.forest)); })
        .def("__copy__", [](const py::object& self) { return self; })
        .def("__deepcopy__", [](const py::object& self, const py::dict&) { return self; }, py::arg("memo"))
        .def(py::pickle([](const py::object& self) { return arrays(self); }, [](const py::dict& state) { return from_arrays(state); }));
    array_property(type, "tree_offsets", &Forest::tree_offsets);
    array_property(type, "feature", &Forest::feature);
    array_property(type, "threshold", &Forest::threshold);
    array_property(type, "left", &Forest::left);
    array_property(type, "right", &Forest::right);
    array_property(type, "missing_left", &Forest::missing_left);
    array_property(type, "cover", &Forest::cover);
    array_property(type, "impurity", &Forest::impurity);
    m.def("forest_fit", &forest_fit, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"),
          py::arg("sample_weight").noconvert() = py::none(), py::arg("oob") = false, py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
          "Fits a forest; with `oob`, its `out_of_bag` holds rows x classes.");
}

}  // namespace emotion::bindings
