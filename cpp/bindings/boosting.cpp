// Gradient boosting: fitting, prediction, arrays in and out.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "boosting_options.hpp"
#include "bound_boosting.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/model_selection/group_holdout.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "tree_models.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

using trees::Boosting;
using Bound = std::shared_ptr<BoundBoosting>;

constexpr const char* fit_name = "boosting_fit";

Bound boosting_fit(const Array<float>& x, const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& step,
                   const std::optional<Array<double>>& sample_weight, const std::optional<Array<std::uint8_t>>& holdout, const std::optional<Bound>& previous, int n_jobs,
                   const py::object& progress) {
    const auto x_view = matrix(x, "X", fit_name);
    const auto labels = vector(y, "y", fit_name);
    const auto weights = sample_weight ? vector(*sample_weight, "sample_weight", fit_name) : std::span<const double>{};
    const auto held = holdout ? vector(*holdout, "holdout", fit_name) : std::span<const std::uint8_t>{};
    if (labels.size() != x_view.rows || (sample_weight && weights.size() != x_view.rows) || (holdout && held.size() != x_view.rows)) {
        throw InvalidInputError("y, sample_weight and holdout", fit_name, "one value a row of X", std::to_string(labels.size()));
    }
    const auto n_held = static_cast<std::size_t>(std::count_if(held.begin(), held.end(), [](std::uint8_t flag) { return flag != 0; }));
    const runtime::BoostingSpec spec = boosting_spec(step, n_classes);
    trees::BoostingOptions options = spec.options;
    trees::set_sizes(options, spec.sizes, x_view.rows - n_held, x_view.cols);
    std::vector<std::int32_t> rows(x_view.rows);
    std::iota(rows.begin(), rows.end(), 0);
    const trees::LabelledRows data{x_view, rows, labels, weights, n_classes};
    trees::BoostingTrace trace;
    Boosting model = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return trees::fit_boosting(data, held, options, parallel, stop, previous ? &(*previous)->model : nullptr, &trace);
    }, progress);
    auto result = std::make_shared<BoundBoosting>(std::move(model));
    result->trace = std::move(trace);
    return result;
}

template <class Work>
void predict(const BoundBoosting& self, std::size_t rows, int n_jobs, const Work& work) {
    run_prediction(rows * self.model.n_trees(), n_jobs, work);
}

MatrixView<const float> checked(const BoundBoosting& self, const Array<float>& x, const char* caller) {
    return checked_rows(x, self.model.n_features, caller);
}

py::array predict_proba(const BoundBoosting& self, const Array<float>& x, int n_jobs) {
    const auto view = checked(self, x, "predict_proba");
    auto [array, out] = new_matrix<double>(view.rows, self.model.n_classes);
    if (view.rows == 1) {
        self.predictor.predict_row(view.data, out.data);  // a few microseconds: not worth releasing the GIL
        return array;
    }
    predict(self, view.rows, n_jobs, [&, target = out](Parallel& parallel, StopToken& stop) { self.predictor.predict_proba(view, target, parallel, stop); });
    return array;
}

py::array decision_function(const BoundBoosting& self, const Array<float>& x, int n_jobs) {
    const auto view = checked(self, x, "decision_function");
    auto [array, out] = new_matrix<double>(view.rows, self.model.n_outputs());
    predict(self, view.rows, n_jobs, [&, target = out](Parallel& parallel, StopToken& stop) { self.predictor.decision_function(view, target, parallel, stop); });
    return array;
}

// Margins after one more round, as a new array.
py::array add_round(const BoundBoosting& self, const Array<float>& x, const Array<double>& margins, std::size_t round, int n_jobs) {
    const auto view = checked(self, x, "add_round");
    const auto before = matrix(margins, "margins", "add_round");
    if (before.rows != view.rows || before.cols != self.model.n_outputs() || round >= self.model.n_rounds()) {
        throw InvalidInputError("margins", "add_round", "rows of X by outputs, of a round of the model", shape_text(margins));
    }
    auto [array, out] = new_matrix<double>(view.rows, before.cols);
    std::copy_n(before.data, before.size(), out.data);
    const std::size_t width = self.model.trees_per_round();
    predict(self, view.rows, n_jobs, [&, target = out](Parallel& parallel, StopToken& stop) {
        self.predictor.add_trees(round * width, (round + 1) * width, view, target, parallel, stop);
    });
    return array;
}

py::array probabilities(const BoundBoosting& self, const Array<double>& margins) {
    const auto view = matrix(margins, "margins", "probabilities");
    if (view.cols != self.model.n_outputs()) {
        throw InvalidInputError("margins", "probabilities", "one column an output", shape_text(margins));
    }
    auto [array, out] = new_matrix<double>(view.rows, self.model.n_classes);
    for (std::size_t r = 0; r < view.rows; ++r) {
        self.predictor.probabilities(view.row(r).data(), out.row(r).data());
    }
    return array;
}

py::array apply(const BoundBoosting& self, const Array<float>& x, int n_jobs) {
    const auto view = checked(self, x, "apply");
    auto [array, out] = new_matrix<std::int32_t>(view.rows, self.model.n_trees());
    predict(self, view.rows, n_jobs, [&, target = out](Parallel& parallel, StopToken& stop) { self.predictor.apply(view, target, parallel, stop); });
    return array;
}

const Boosting& model_of(const py::object& self) { return self.cast<const BoundBoosting&>().model; }

// Calls each(name, array) for the one-dimensional arrays of a model.
template <class Model, class Each>
void for_arrays(Model&& model, const Each& each) {
    each("baseline", model.baseline);
    for_node_arrays(model, each);
    each("gain", model.gain);
}

py::dict arrays(const py::object& self) {
    const Boosting& model = model_of(self);
    py::dict out;
    out["n_classes"] = model.n_classes;
    out["n_features"] = model.n_features;
    out["leaf_width"] = model.leaf_width;
    for_arrays(model, [&](const char* name, const auto& values) { out[name] = view_of(self, values); });
    out["value"] = view_of(self, model.value).attr("reshape")(model.n_nodes(), model.leaf_width);
    return out;
}

Bound from_arrays(const py::dict& arrays) {
    Boosting model;
    const ArrayReader read(arrays, "boosting");
    read("n_classes", model.n_classes);
    read("n_features", model.n_features);
    read("leaf_width", model.leaf_width);
    for_arrays(model, read);
    read("value", model.value, 2);
    trees::validate(model);
    return std::make_shared<BoundBoosting>(std::move(model));
}

}  // namespace

void register_boosting(py::module_& m) {
    py::class_<BoundBoosting, Bound> type(m, "Boosting", "A fitted gradient boosting model: immutable, safe to share between threads.");
    type.def_property_readonly("n_classes", [](const BoundBoosting& self) { return self.model.n_classes; })
        .def_property_readonly("n_features", [](const BoundBoosting& self) { return self.model.n_features; })
        .def_property_readonly("n_outputs", [](const BoundBoosting& self) { return self.model.n_outputs(); })
        .def_property_readonly("leaf_width", [](const BoundBoosting& self) { return self.model.leaf_width; })
        .def_property_readonly("n_trees", [](const BoundBoosting& self) { return self.model.n_trees(); })
        .def_property_readonly("n_rounds", [](const BoundBoosting& self) { return self.model.n_rounds(); })
        .def_property_readonly("n_nodes", [](const BoundBoosting& self) { return self.model.n_nodes(); })
        .def_property_readonly("trace", [](const BoundBoosting& self) {
            py::dict out;
            out["train"] = self.trace.train;
            out["validation"] = self.trace.validation;
            out["out_of_bag"] = self.trace.out_of_bag;
            out["out_of_bag_before"] = self.trace.out_of_bag_before;
            return out;
        }, "Losses of the rounds of the fit that made it.")
        .def("predict_proba", &predict_proba, py::arg("X").noconvert(), py::arg("n_jobs") = 1)
        .def("predict_row", [](const BoundBoosting& self, const py::dict& attributes, const py::object& X) {
            return predict_one(self.predictor, self.model.n_features, self.model.n_classes, attributes, X);
        }, py::arg("attributes"), py::arg("X"), "Probabilities of one row for the estimator of these attributes; None where the row or they are not plain.")
        .def("decision_function", &decision_function, py::arg("X").noconvert(), py::arg("n_jobs") = 1)
        .def("add_round", &add_round, py::arg("X").noconvert(), py::arg("margins").noconvert(), py::arg("round"), py::arg("n_jobs") = 1)
        .def("probabilities", &probabilities, py::arg("margins").noconvert())
        .def("apply", &apply, py::arg("X").noconvert(), py::arg("n_jobs") = 1)
        .def("feature_importances", [](const BoundBoosting& self) { return to_array(trees::feature_importances(self.model)); });
    def_arrays(type, &arrays, [](const auto& each) { for_arrays(Boosting{}, each); }, &from_arrays,
               "A model from arrays of any origin; ModelFormatError if they do not fit together.");
    m.def("boosting_fit", &boosting_fit, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"),
          py::arg("sample_weight").noconvert() = py::none(), py::arg("holdout").noconvert() = py::none(), py::arg("previous") = py::none(),
          py::arg("n_jobs") = 1, py::arg("progress") = py::none(), "Fits a model; rows with a holdout flag decide when to stop and train nothing.");
    m.def("group_holdout", [](const Array<std::int64_t>& groups, const Array<std::int32_t>& labels, double fraction, std::uint64_t seed) {
        return to_array(model_selection::group_holdout(vector(groups, "groups", "group_holdout"), vector(labels, "labels", "group_holdout"), fraction, seed));
    }, py::arg("groups").noconvert(), py::arg("labels").noconvert(), py::arg("fraction"), py::arg("seed"), "Flags of the rows of whole groups to hold out.");
}

}  // namespace emotion::bindings
