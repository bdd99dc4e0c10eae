#include "step_options.hpp"

#include "boosting_options.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

template <class T>
T get(const py::dict& step, const char* key) {
    if (!step.contains(key)) {
        throw InvalidInputError("steps", "run_folds", std::string("complete (") + key + ")", "a step without it");
    }
    try {
        return step[key].cast<T>();
    } catch (const py::cast_error&) {
        throw InvalidInputError(key, "run_folds", "of the documented type", py::repr(step[key]).cast<std::string>());
    }
}

template <class T>
T get_or(const py::dict& step, const char* key, T otherwise) {
    return step.contains(key) && !step[key].is_none() ? get<T>(step, key) : otherwise;
}

std::vector<double> class_weights(const py::dict& step, std::size_t n_classes) {
    auto weights = get<std::vector<double>>(step, "class_weight");
    if (weights.size() != n_classes) {
        throw InvalidInputError("class_weight", "run_folds", "one weight a class (" + std::to_string(n_classes) + ")", std::to_string(weights.size()));
    }
    return weights;
}

preprocessing::ImputerOptions imputer_options(const py::dict& step) {
    const auto strategy = get<std::string>(step, "strategy");
    const std::vector<std::string> names = {"mean", "median", "most_frequent", "constant"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == strategy) {
            return {static_cast<preprocessing::ImputeStrategy>(i), get_or<double>(step, "fill_value", 0), get<bool>(step, "keep_empty_features")};
        }
    }
    throw InvalidInputError("strategy", "run_folds", "mean, median, most_frequent or constant", strategy);
}

// An integer is a count, a float a share, None the step's automatic choice.
trees::Share share(const py::dict& step, const char* key, trees::Share otherwise) {
    using Kind = trees::Share::Kind;
    if (!step.contains(key)) {
        return otherwise;
    }
    const py::object value = step[key];
    if (value.is_none()) {
        return {Kind::automatic, 0};
    }
    if (py::isinstance<py::str>(value)) {
        const auto name = value.cast<std::string>();
        if (name == "sqrt" || name == "log2") {
            return {name == "sqrt" ? Kind::sqrt : Kind::log2, 0};
        }
        throw InvalidInputError(key, "run_folds", "a number, 'sqrt', 'log2' or None", name);
    }
    const auto number = get<double>(step, key);
    if (!(number > 0)) {
        throw InvalidInputError(key, "run_folds", "positive", std::to_string(number));
    }
    return {PyIndex_Check(value.ptr()) != 0 ? Kind::count : Kind::fraction, number};
}

trees::Criterion criterion(const py::dict& step, const char* caller) {
    const auto name = get_or<std::string>(step, "criterion", "gini");
    if (name == "gini") {
        return trees::Criterion::gini;
    }
    if (name == "entropy" || name == "log_loss") {
        return trees::Criterion::entropy;
    }
    throw InvalidInputError("criterion", caller, "'gini', 'entropy' or 'log_loss'", "'" + name + "'");
}

void set_class_weight(trees::ForestOptions& options, const py::dict& step, std::size_t n_classes) {
    if (!step.contains("class_weight") || step["class_weight"].is_none()) {
        return;
    }
    if (!py::isinstance<py::str>(step["class_weight"])) {
        options.class_weight = trees::ClassWeight::given;
        options.class_weights = class_weights(step, n_classes);
        return;
    }
    const auto name = get<std::string>(step, "class_weight");
    if (name != "balanced" && name != "balanced_subsample") {
        throw InvalidInputError("class_weight", trees::class_name(options), "'balanced', 'balanced_subsample', weights or None", "'" + name + "'");
    }
    options.class_weight = name == "balanced" ? trees::ClassWeight::balanced : trees::ClassWeight::balanced_subsample;
}

sampling::Targets sampling_targets(const py::dict& step, const char* caller) {
    sampling::Targets targets;
    const auto strategy = get<py::object>(step, "sampling_strategy");
    using Strategy = sampling::Strategy;
    if (py::isinstance<py::str>(strategy)) {
        const auto name = strategy.cast<std::string>();
        const std::vector<std::pair<std::string, Strategy>> names = {{"not majority", Strategy::not_majority}, {"not minority", Strategy::not_minority},
                                                                     {"minority", Strategy::minority},         {"majority", Strategy::majority},
                                                                     {"all", Strategy::all}};
        for (const auto& [known, value] : names) {
            if (known == name) {
                targets.strategy = value;
                return targets;
            }
        }
        throw InvalidInputError("sampling_strategy", caller, "'minority', 'majority', 'not minority', 'not majority', 'all', a float or a dict", name);
    }
    if (PyFloat_Check(strategy.ptr()) != 0) {
        targets.strategy = Strategy::ratio;
        targets.ratio = strategy.cast<double>();
        return targets;
    }
    targets.strategy = Strategy::counts;
    targets.counts = get<std::vector<std::int64_t>>(step, "sampling_strategy");
    return targets;
}

runtime::StepSpec step_spec(const py::dict& step, const std::string& kind) {
    if (kind == "standard_scaler") {
        return runtime::ScalerSpec{get<bool>(step, "with_mean"), get<bool>(step, "with_std")};
    }
    if (kind == "simple_imputer") {
        return imputer_options(step);
    }
    if (kind == "select_k_best") {
        return runtime::SelectorSpec{get<std::optional<std::size_t>>(step, "k")};
    }
    if (kind == "random_over_sampler") {
        return over_sampler_options(step);
    }
    if (kind == "random_under_sampler") {
        return under_sampler_options(step);
    }
    if (kind == "smote" || kind == "borderline_smote") {
        return smote_options(step);
    }
    throw InvalidInputError("steps", "run_folds", "known kinds, a classifier last", kind);
}

}  // namespace

sampling::OverSamplerOptions over_sampler_options(const py::dict& step) {
    return {sampling_targets(step, "RandomOverSampler"), get<std::uint64_t>(step, "seed")};
}

sampling::UnderSamplerOptions under_sampler_options(const py::dict& step) {
    return {sampling_targets(step, "RandomUnderSampler"), get<std::uint64_t>(step, "seed"), get_or<bool>(step, "replacement", false)};
}

sampling::SmoteOptions smote_options(const py::dict& step) {
    sampling::SmoteOptions options;
    const auto kind = get<std::string>(step, "kind") == "smote" ? "smote" : get<std::string>(step, "borderline_kind");
    if (kind != "smote" && kind != "borderline-1" && kind != "borderline-2") {
        throw InvalidInputError("kind", "BorderlineSMOTE", "'borderline-1' or 'borderline-2'", "'" + kind + "'");
    }
    options.kind = kind == "smote" ? sampling::SmoteKind::plain : kind == "borderline-1" ? sampling::SmoteKind::borderline_1 : sampling::SmoteKind::borderline_2;
    static_cast<sampling::Targets&>(options) = sampling_targets(step, kind == "smote" ? "SMOTE" : "BorderlineSMOTE");
    options.seed = get<std::uint64_t>(step, "seed");
    options.k_neighbors = get_or(step, "k_neighbors", options.k_neighbors);
    options.m_neighbors = get_or(step, "m_neighbors", options.m_neighbors);
    const auto within = get_or<std::string>(step, "within", "");
    if (!within.empty() && within != "speaker" && within != "groups") {
        throw InvalidInputError("within", options.caller(), "None, 'speaker' or 'groups'", "'" + within + "'");
    }
    options.within = within.empty() ? sampling::Within::anything : within == "speaker" ? sampling::Within::speaker : sampling::Within::groups;
    return options;
}

runtime::ForestSpec forest_spec(const py::dict& step, std::size_t n_classes) {
    runtime::ForestSpec spec;
    trees::ForestOptions& options = spec.options;
    options.n_estimators = get_or(step, "n_estimators", options.n_estimators);
    const bool cuts = get_or<std::string>(step, "kind", "random_forest_classifier") == "extra_trees_classifier";
    options.splitter = cuts ? trees::Splitter::random_cut : trees::Splitter::best;
    options.criterion = criterion(step, trees::class_name(options));
    options.max_depth = get_or(step, "max_depth", options.max_depth);
    options.min_weight_fraction_leaf = get_or(step, "min_weight_fraction_leaf", options.min_weight_fraction_leaf);
    options.max_leaf_nodes = get_or(step, "max_leaf_nodes", options.max_leaf_nodes);
    options.min_impurity_decrease = get_or(step, "min_impurity_decrease", options.min_impurity_decrease);
    options.bootstrap = get_or(step, "bootstrap", options.bootstrap);
    options.first_tree = get_or(step, "first_tree", options.first_tree);
    options.seed = get_or(step, "seed", options.seed);
    set_class_weight(options, step, n_classes);
    trees::ForestSizes& sizes = spec.sizes;
    sizes.max_features = share(step, "max_features", sizes.max_features);
    sizes.max_samples = options.bootstrap ? share(step, "max_samples", sizes.max_samples) : trees::Share{};
    sizes.min_samples_split = share(step, "min_samples_split", sizes.min_samples_split);
    sizes.min_samples_leaf = share(step, "min_samples_leaf", sizes.min_samples_leaf);
    return spec;
}

linear::LogisticOptions logistic_options(const py::dict& step, std::size_t n_classes) {
    linear::LogisticOptions options;
    options.c = get<double>(step, "C");
    options.l1_ratio = get_or<double>(step, "l1_ratio", 0);
    if (!(options.l1_ratio >= 0 && options.l1_ratio <= 1)) {
        throw InvalidInputError("l1_ratio", "LogisticRegression", "a number from 0 to 1", std::to_string(options.l1_ratio));
    }
    options.tol = get<double>(step, "tol");
    options.max_iter = get<int>(step, "max_iter");
    options.fit_intercept = get<bool>(step, "fit_intercept");
    const py::object weight = step["class_weight"];
    if (py::isinstance<py::str>(weight)) {
        options.balanced = true;
    } else if (!weight.is_none()) {
        options.class_weights = class_weights(step, n_classes);
    }
    return options;
}

runtime::PipelineSpec pipeline_spec(const py::list& steps, std::size_t n_classes) {
    runtime::PipelineSpec spec;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const py::dict step = steps[i].cast<py::dict>();
        const auto kind = get<std::string>(step, "kind");
        if (i + 1 < steps.size()) {
            spec.steps.push_back(step_spec(step, kind));
        } else if (kind == "logistic_regression") {
            spec.estimator = logistic_options(step, n_classes);
        } else if (kind == "random_forest_classifier" || kind == "extra_trees_classifier") {
            spec.estimator = forest_spec(step, n_classes);
        } else if (kind == "gradient_boosting_classifier") {
            spec.estimator = boosting_spec(step, n_classes);
        } else {
            throw InvalidInputError("steps", "run_folds", "steps with a classifier last", kind);
        }
    }
    if (steps.empty()) {
        throw InvalidInputError("steps", "run_folds", "at least a classifier", "an empty list");
    }
    return spec;
}

}  // namespace emotion::bindings
