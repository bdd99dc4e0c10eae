#include "boosting_options.hpp"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "emotion/core/errors.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

constexpr const char* caller = "GradientBoostingClassifier";

template <class T>
void read(const py::dict& step, const char* key, T& place) {
    if (!step.contains(key) || step[key].is_none()) {
        return;
    }
    try {
        place = step[key].cast<T>();
    } catch (const py::cast_error&) {
        throw InvalidInputError(key, caller, "of the documented type", py::repr(step[key]).cast<std::string>());
    }
}

// An integer is a count, a float a share, None all.
void read_share(const py::dict& step, const char* key, trees::Share& place) {
    using Kind = trees::Share::Kind;
    if (!step.contains(key)) {
        return;
    }
    const py::object value = step[key];
    if (value.is_none()) {
        place = {Kind::automatic, 0};
        return;
    }
    if (py::isinstance<py::str>(value)) {
        const auto name = value.cast<std::string>();
        if (name != "sqrt" && name != "log2") {
            throw InvalidInputError(key, caller, "a number, 'sqrt', 'log2' or None", "'" + name + "'");
        }
        place = {name == "sqrt" ? Kind::sqrt : Kind::log2, 0};
        return;
    }
    double number = 0;
    read(step, key, number);
    if (!(number > 0)) {
        throw InvalidInputError(key, caller, "positive", std::to_string(number));
    }
    place = {PyIndex_Check(value.ptr()) != 0 ? Kind::count : Kind::fraction, number};
}

void read_class_weight(const py::dict& step, trees::BoostingOptions& options, std::size_t n_classes) {
    if (!step.contains("class_weight") || step["class_weight"].is_none()) {
        return;
    }
    if (!py::isinstance<py::str>(step["class_weight"])) {
        options.class_weight = trees::ClassWeight::given;
        read(step, "class_weight", options.class_weights);
        if (options.class_weights.size() != n_classes) {
            throw InvalidInputError("class_weight", caller, "one weight a class", std::to_string(options.class_weights.size()));
        }
        return;
    }
    const auto name = step["class_weight"].cast<std::string>();
    if (name != "balanced") {
        throw InvalidInputError("class_weight", caller, "'balanced', weights or None", "'" + name + "'");
    }
    options.class_weight = trees::ClassWeight::balanced;
}

}  // namespace

runtime::BoostingSpec boosting_spec(const py::dict& step, std::size_t n_classes) {
    runtime::BoostingSpec spec;
    trees::BoostingOptions& options = spec.options;
    read(step, "n_estimators", options.n_estimators);
    read(step, "learning_rate", options.learning_rate);
    read(step, "max_leaf_nodes", options.max_leaf_nodes);
    read(step, "min_weight_fraction_leaf", options.min_weight_fraction_leaf);
    read(step, "min_impurity_decrease", options.min_impurity_decrease);
    read(step, "l2_regularization", options.l2_regularization);
    read(step, "subsample", options.subsample);
    read(step, "max_bins", options.max_bins);
    read(step, "n_iter_no_change", options.n_iter_no_change);
    read(step, "tol", options.tol);
    read(step, "seed", options.seed);
    read(step, "validation_fraction", spec.validation_fraction);
    read(step, "ungrouped", spec.ungrouped);
    if (step.contains("max_depth")) {
        options.max_depth = -1;
        read(step, "max_depth", options.max_depth);
    }
    options.zero_init = step.contains("init") && !step["init"].is_none();
    read_class_weight(step, options, n_classes);
    spec.sizes.max_features = {};
    read_share(step, "max_features", spec.sizes.max_features);
    read_share(step, "min_samples_split", spec.sizes.min_samples_split);
    read_share(step, "min_samples_leaf", spec.sizes.min_samples_leaf);
    return spec;
}

}  // namespace emotion::bindings
