#include "boosting_options.hpp"

#include <string>

#include "emotion/core/errors.hpp"
#include "option_reader.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

constexpr const char* caller = "GradientBoostingClassifier";

void read_class_weight(const OptionReader& read, trees::BoostingOptions& options, std::size_t n_classes) {
    if (!read.has("class_weight")) {
        return;
    }
    if (!read.is_text("class_weight")) {
        options.class_weight = trees::ClassWeight::given;
        options.class_weights = read.class_weights(n_classes);
        return;
    }
    const auto name = read.get<std::string>("class_weight");
    if (name != "balanced") {
        throw InvalidInputError("class_weight", caller, "'balanced', weights or None", "'" + name + "'");
    }
    options.class_weight = trees::ClassWeight::balanced;
}

}  // namespace

runtime::BoostingSpec boosting_spec(const py::dict& step, std::size_t n_classes) {
    const OptionReader read(step, caller);
    runtime::BoostingSpec spec;
    trees::BoostingOptions& options = spec.options;
    read("n_estimators", options.n_estimators);
    read("learning_rate", options.learning_rate);
    read("max_leaf_nodes", options.max_leaf_nodes);
    read("min_weight_fraction_leaf", options.min_weight_fraction_leaf);
    read("min_impurity_decrease", options.min_impurity_decrease);
    read("l2_regularization", options.l2_regularization);
    read("subsample", options.subsample);
    read("max_bins", options.max_bins);
    read("n_iter_no_change", options.n_iter_no_change);
    read("tol", options.tol);
    read("seed", options.seed);
    read("validation_fraction", spec.validation_fraction);
    read("ungrouped", spec.ungrouped);
    if (step.contains("max_depth")) {
        options.max_depth = -1;
        read("max_depth", options.max_depth);
    }
    options.zero_init = read.has("init");
    read_class_weight(read, options, n_classes);
    spec.sizes.max_features = {};
    read("max_features", spec.sizes.max_features);
    read("min_samples_split", spec.sizes.min_samples_split);
    read("min_samples_leaf", spec.sizes.min_samples_leaf);
    return spec;
}

}  // namespace emotion::bindings
