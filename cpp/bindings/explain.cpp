// Explanations of forests and of boosting models.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bound_boosting.hpp"
#include "bound_forest.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/explain/interventional_shap.hpp"
#include "emotion/explain/linear_shap.hpp"
#include "emotion/explain/permutation_shap.hpp"
#include "emotion/explain/row_shuffle.hpp"
#include "emotion/explain/tree_shap.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

Array<double> new_values(std::size_t rows, std::size_t features, std::size_t outputs) {
    return Array<double>({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(features), static_cast<py::ssize_t>(outputs)});
}

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
    Array<double> values = new_values(view.rows, features, outputs);
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

template <class T>
void register_linear_shap(py::module_& m) {
    m.def("linear_shap", [](const Array<T>& X, const Array<double>& coef, const Array<double>& intercept, const Array<double>& mean,
                            const Array<std::int32_t>& source, std::size_t n_features, int n_jobs) {
        const auto z = matrix(X, "X", "linear_shap");
        const explain::LinearMargins model{matrix(coef, "coef", "linear_shap"), vector(intercept, "intercept", "linear_shap"),
                                           vector(mean, "mean", "linear_shap"), vector(source, "source", "linear_shap"), n_features};
        Array<double> values = new_values(z.rows, n_features, model.coef.rows);
        auto [base, base_view] = new_vector<double>(model.coef.rows);
        const std::span<double> out(values.mutable_data(), static_cast<std::size_t>(values.size()));
        interruptible([&, base_span = base_view](StopToken& stop) {
            Parallel parallel(n_jobs);
            explain::linear_shap(model, z, out, base_span, parallel, stop);
        });
        return py::make_tuple(values, base);
    }, py::arg("X").noconvert(), py::arg("coef").noconvert(), py::arg("intercept").noconvert(), py::arg("mean").noconvert(),
          py::arg("source").noconvert(), py::arg("n_features"), py::arg("n_jobs"), "Values (rows x features x outputs) of linear margins, and their base.");
}

template <class T>
void register_fill(py::class_<explain::PermutationShap>& type) {
    type.def("fill", [](const explain::PermutationShap& plan, const Array<T>& X, const Array<T>& background, std::size_t begin, std::size_t end, int n_jobs) {
        const auto x = matrix(X, "X", "PermutationShap");
        const auto other = matrix(background, "background", "PermutationShap");
        if (begin > end || end > x.rows * plan.n_coalitions()) {
            throw InvalidInputError("end", "PermutationShap", "a coalition of the rows, not before begin", std::to_string(end));
        }
        auto [rows, view] = new_matrix<T>((end - begin) * other.rows, plan.n_features());
        interruptible([&, out = view](StopToken& stop) {
            Parallel parallel(n_jobs);
            plan.fill(x, other, begin, end, out, parallel, stop);
        });
        return rows;
    }, py::arg("X").noconvert(), py::arg("background").noconvert(), py::arg("begin"), py::arg("end"), py::arg("n_jobs"),
             "Rows to ask the model for: coalitions begin to end of the rows one after another, each with all background rows.");
}

void register_permutation_shap(py::module_& m) {
    py::class_<explain::PermutationShap> type(m, "PermutationShap", "The coalitions that a row's Shapley values are made of: immutable.");
    type.def(py::init<std::size_t, std::size_t, std::uint64_t>(), py::arg("n_features"), py::arg("n_pairs"), py::arg("seed"),
             "Antithetic pairs of orders; no pairs: all coalitions.")
        .def_property_readonly("n_features", &explain::PermutationShap::n_features)
        .def_property_readonly("n_coalitions", &explain::PermutationShap::n_coalitions)
        .def("values", [](const explain::PermutationShap& plan, const Array<double>& worth, const Array<double>& empty, const Array<double>& whole, int n_jobs) {
            const auto asked = matrix(worth, "worth", "PermutationShap");
            const auto none = vector(empty, "empty", "PermutationShap");
            const auto all = matrix(whole, "whole", "PermutationShap");
            Array<double> values = new_values(all.rows, plan.n_features(), none.size());
            const std::span<double> out(values.mutable_data(), static_cast<std::size_t>(values.size()));
            interruptible([&](StopToken& stop) {
                Parallel parallel(n_jobs);
                plan.values(asked, none, all, out, parallel, stop);
            });
            return values;
        }, py::arg("worth").noconvert(), py::arg("empty").noconvert(), py::arg("whole").noconvert(), py::arg("n_jobs"),
             "Values (rows x features x outputs) from the worth of the coalitions.");
    register_fill<float>(type);
    register_fill<double>(type);
    m.def("average_background", [](const Array<double>& scores, std::size_t n_background) {
        const auto rows = matrix(scores, "scores", "average_background");
        auto [means, view] = new_matrix<double>(n_background == 0 ? 0 : rows.rows / n_background, rows.cols);
        explain::average_background(rows, n_background, view);
        return means;
    }, py::arg("scores").noconvert(), py::arg("n_background"), "Means of the scores of each coalition over its background rows.");
    m.def("shuffled_rows", [](std::size_t n, const std::optional<Array<std::int64_t>>& strata, std::uint64_t seed, std::uint64_t index, std::uint64_t sub_index) {
        return to_array(explain::shuffled_rows(n, strata ? vector(*strata, "strata", "shuffled_rows") : std::span<const std::int64_t>{}, seed, index, sub_index));
    }, py::arg("n"), py::arg("strata").none(true).noconvert(), py::arg("seed"), py::arg("index"), py::arg("sub_index"),
          "The source of each row in a shuffle, over all rows or within strata.");
}

}  // namespace

void register_explain(py::module_& m) {
    register_linear_shap<float>(m);
    register_linear_shap<double>(m);
    register_permutation_shap(m);
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
