// Explanations of forests and of boosting models.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bound_boosting.hpp"
#include "bound_forest.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/explain/interventional_shap.hpp"
#include "emotion/explain/tree_shap.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

// Calls make(model) with the native forest or boosting model.
template <class Make>
auto with_model(const py::object& model, Make&& make) {
    if (py::isinstance<BoundForest>(model)) {
        return make(model.cast<const BoundForest&>().forest);
    }
    if (py::isinstance<BoundBoosting>(model)) {
        return make(model.cast<const BoundBoosting&>().model);
    }
    throw InvalidInputError("model", "TreeExplainer", "a Forest or a Boosting", py::str(py::type::of(model)).cast<std::string>());
}

std::shared_ptr<explain::TreeShap> tree_shap(const py::object& model) {
    return with_model(model, [](const auto& native) {
        const py::gil_scoped_release release;  // safe: the caller's frame holds the model, which is immutable
        return std::make_shared<explain::TreeShap>(native);
    });
}

std::shared_ptr<explain::InterventionalShap> interventional_shap(const py::object& model, const Array<float>& background) {
    const auto view = matrix(background, "background", "InterventionalShap");
    return with_model(model, [&](const auto& native) {
        return interruptible([&](StopToken& stop) { return std::make_shared<explain::InterventionalShap>(native, view, stop); });
    });
}

template <class Shap>
py::tuple explained(const Shap& shap, const Array<float>& x, int n_jobs, const py::object& progress) {
    const auto view = matrix(x, "X", "explain");
    const std::size_t features = shap.n_features();
    const std::size_t outputs = shap.n_outputs();
    if (view.cols != features) {
        throw InvalidInputError("X", "explain", "a matrix of " + std::to_string(features) + " columns", shape_text(x));
    }
    Array<double> values({static_cast<py::ssize_t>(view.rows), static_cast<py::ssize_t>(features), static_cast<py::ssize_t>(outputs)});
    auto [base, base_view] = new_vector<double>(outputs);
    const std::span<double> out(values.mutable_data(), view.rows * features * outputs);
    interruptible([&, base_span = base_view](StopToken& stop) {
        Parallel parallel(n_jobs);
        shap.explain(view, out, base_span, parallel, stop);
    }, progress);
    return py::make_tuple(values, base);
}

template <class Shap>
void register_shap(py::class_<Shap, std::shared_ptr<Shap>>& type) {
    type.def_property_readonly("n_features", &Shap::n_features)
        .def_property_readonly("n_outputs", &Shap::n_outputs)
        .def("explain", &explained<Shap>, py::arg("X").noconvert(), py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
             "Shapley values (rows x features x outputs) and the base values (outputs).")
        .def("__copy__", [](const py::object& self) { return self; })
        .def("__deepcopy__", [](const py::object& self, const py::dict&) { return self; }, py::arg("memo"));
}

}  // namespace

void register_explain(py::module_& m) {
    py::class_<explain::TreeShap, std::shared_ptr<explain::TreeShap>> path(m, "TreeShap", "Plan of exact path-dependent Shapley values: immutable.");
    path.def(py::init(&tree_shap), py::arg("model"), "From a Forest or a Boosting; it may be dropped afterwards.");
    register_shap(path);
    py::class_<explain::InterventionalShap, std::shared_ptr<explain::InterventionalShap>> against(
        m, "InterventionalShap", "Plan of exact Shapley values against background rows: immutable.");
    against.def(py::init(&interventional_shap), py::arg("model"), py::arg("background").noconvert(),
                "From a Forest or a Boosting; it may be dropped afterwards.");
    register_shap(against);
}

}  // namespace emotion::bindings
