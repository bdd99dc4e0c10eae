#include "emotion/runtime/fold_loop.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "emotion/core/parallel.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "step_options.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

// Plans: one list of steps for every fold, or several with the number of each fold's.
std::vector<runtime::PipelineSpec> checked_plans(const py::list& steps, std::size_t n_classes) {
    std::vector<runtime::PipelineSpec> specs;
    if (steps.empty() || !py::isinstance<py::list>(steps[0])) {
        specs.push_back(pipeline_spec(steps, n_classes));
        return specs;
    }
    for (const py::handle plan : steps) {
        if (!py::isinstance<py::list>(plan)) {
            throw InvalidInputError("steps", "run_folds", "one list of steps or a list of such lists", "a mixture");
        }
        specs.push_back(pipeline_spec(py::reinterpret_borrow<py::list>(plan), n_classes));
    }
    return specs;
}

// Training rows: None where they are all rows but the test rows.
using TrainParts = std::vector<std::optional<Array<std::int64_t>>>;

std::vector<runtime::Fold> checked_folds(const TrainParts& train, const std::vector<Array<std::int64_t>>& test,
                                         const std::optional<Array<std::int64_t>>& plan_of_fold, std::size_t n_plans) {
    if (train.size() != test.size()) {
        throw InvalidInputError("test", "run_folds", "as long as train", std::to_string(test.size()) + " parts");
    }
    std::span<const std::int64_t> plans;
    if (plan_of_fold) {
        plans = vector(*plan_of_fold, "plan_of_fold", "run_folds");
        if (plans.size() != train.size()) {
            throw InvalidInputError("plan_of_fold", "run_folds", "one number a fold", shape_text(*plan_of_fold));
        }
    } else if (n_plans > 1) {
        throw InvalidInputError("plan_of_fold", "run_folds", "given with several plans", "None");
    }
    std::vector<runtime::Fold> folds;
    for (std::size_t f = 0; f < train.size(); ++f) {
        const std::int64_t plan = plans.empty() ? 0 : plans[f];
        if (plan < 0 || static_cast<std::size_t>(plan) >= n_plans) {
            throw InvalidInputError("plan_of_fold", "run_folds", "plan numbers below " + std::to_string(n_plans), std::to_string(plan));
        }
        const std::span<const std::int64_t> rows = train[f] ? vector(*train[f], "train", "run_folds") : std::span<const std::int64_t>{};
        folds.push_back({rows, vector(test[f], "test", "run_folds"), static_cast<std::size_t>(plan), !train[f]});
    }
    return folds;
}

std::span<const std::int32_t> checked_codes(const std::optional<Array<std::int32_t>>& codes, std::size_t rows, const char* name) {
    if (!codes) {
        return {};
    }
    const auto view = vector(*codes, name, "run_folds");
    if (view.size() != rows) {
        throw InvalidInputError(name, "run_folds", "one code a row", shape_text(*codes));
    }
    if (std::any_of(view.begin(), view.end(), [](std::int32_t code) { return code < 0; })) {
        throw InvalidInputError(name, "run_folds", "codes of at least 0", "a negative one");
    }
    return view;
}

std::span<const double> checked_weights(const std::optional<Array<double>>& sample_weight, std::size_t rows) {
    if (!sample_weight) {
        return {};
    }
    const auto weights = vector(*sample_weight, "sample_weight", "run_folds");
    if (weights.size() != rows) {
        throw InvalidInputError("sample_weight", "run_folds", "one weight a row", shape_text(*sample_weight));
    }
    return weights;
}

void warn_unconverged(const runtime::FoldResults& results) {
    const auto n = std::count(results.converged.begin(), results.converged.end(), 0);
    if (n > 0) {
        const py::object category = py::module_::import("sklearn.exceptions").attr("ConvergenceWarning");
        py::module_::import("warnings").attr("warn")(
            "LogisticRegression stopped at max_iter before its tolerance was met in " + std::to_string(n) + " of " +
                std::to_string(results.converged.size()) + " folds: scale the columns or raise max_iter", category, 2);
    }
}

template <class T>
void register_run_folds(py::module_& m) {
    m.def("run_folds", [](const Array<T>& X, const Array<std::int32_t>& y, std::size_t n_classes, const py::list& steps,
                          const TrainParts& train, const std::vector<Array<std::int64_t>>& test,
                          const std::optional<Array<double>>& sample_weight, int n_jobs, const py::object& progress,
                          const std::optional<Array<std::int64_t>>& plan_of_fold, const std::optional<Array<std::int32_t>>& groups,
                          const std::optional<Array<std::int32_t>>& speaker) {
        runtime::LearningData<T> data{matrix(X, "X", "run_folds"), vector(y, "y", "run_folds"), {}, n_classes, {}, {}};
        data.weights = checked_weights(sample_weight, data.x.rows);
        data.groups = checked_codes(groups, data.x.rows, "groups");
        data.speaker = checked_codes(speaker, data.x.rows, "speaker");
        if (data.labels.size() != data.x.rows) {
            throw InvalidInputError("y", "run_folds", "one label a row", shape_text(y));
        }
        if (std::any_of(data.labels.begin(), data.labels.end(), [&](auto k) { return k < 0 || static_cast<std::size_t>(k) >= n_classes; })) {
            throw InvalidInputError("y", "run_folds", "class numbers below n_classes", "one outside");
        }
        const std::vector<runtime::PipelineSpec> specs = checked_plans(steps, n_classes);
        const std::vector<runtime::Fold> folds = checked_folds(train, test, plan_of_fold, specs.size());
        runtime::FoldResults results = interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            return runtime::run_folds(data, std::span<const runtime::PipelineSpec>(specs), folds, parallel, stop);
        }, progress);
        warn_unconverged(results);
        py::list probabilities;
        for (Matrix<double>& probability : results.probability) {
            probabilities.append(to_array(std::move(probability)));
        }
        return probabilities;
    }, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("steps"), py::arg("train"), py::arg("test"),
          py::arg("sample_weight").none(true).noconvert() = py::none(), py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
          py::arg("plan_of_fold").none(true).noconvert() = py::none(), py::arg("groups").none(true).noconvert() = py::none(),
          py::arg("speaker").none(true).noconvert() = py::none(),
          "Class probabilities of the test rows of every fold, each pipeline fitted on that fold's training rows alone.");
}

}  // namespace

void register_fold_loop(py::module_& m) {
    register_run_folds<float>(m);
    register_run_folds<double>(m);
}

}  // namespace emotion::bindings
