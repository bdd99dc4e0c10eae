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
                          const std::vector<Array<std::int64_t>>& train, const std::vector<Array<std::int64_t>>& test,
                          const std::optional<Array<double>>& sample_weight, int n_jobs, const py::object& progress) {
        runtime::LearningData<T> data{matrix(X, "X", "run_folds"), vector(y, "y", "run_folds"), {}, n_classes};
        data.weights = checked_weights(sample_weight, data.x.rows);
        if (data.labels.size() != data.x.rows) {
            throw InvalidInputError("y", "run_folds", "one label a row", shape_text(y));
        }
        if (std::any_of(data.labels.begin(), data.labels.end(), [&](auto k) { return k < 0 || static_cast<std::size_t>(k) >= n_classes; })) {
            throw InvalidInputError("y", "run_folds", "class numbers below n_classes", "one outside");
        }
        if (train.size() != test.size()) {
            throw InvalidInputError("test", "run_folds", "as long as train", std::to_string(test.size()) + " parts");
        }
        const runtime::PipelineSpec spec = pipeline_spec(steps, n_classes);
        std::vector<runtime::Fold> folds;
        for (std::size_t f = 0; f < train.size(); ++f) {
            folds.push_back({vector(train[f], "train", "run_folds"), vector(test[f], "test", "run_folds")});
        }
        runtime::FoldResults results = interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            return runtime::run_folds(data, spec, folds, parallel, stop);
        }, progress);
        warn_unconverged(results);
        py::list probabilities;
        for (Matrix<double>& probability : results.probability) {
            probabilities.append(to_array(std::move(probability)));
        }
        return probabilities;
    }, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("steps"), py::arg("train"), py::arg("test"),
          py::arg("sample_weight").none(true).noconvert() = py::none(), py::arg("n_jobs") = 1, py::arg("progress") = py::none(),
          "Class probabilities of the test rows of every fold, each pipeline fitted on that fold's training rows alone.");
}

}  // namespace

void register_fold_loop(py::module_& m) {
    register_run_folds<float>(m);
    register_run_folds<double>(m);
}

}  // namespace emotion::bindings
