#include "step_options.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "boosting_options.hpp"
#include "emotion/core/errors.hpp"
#include "option_reader.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

constexpr const char* caller = "run_folds";

preprocessing::ImputerOptions imputer_options(const OptionReader& read) {
    const auto strategy = read.get<std::string>("strategy");
    const std::vector<std::string> names = {"mean", "median", "most_frequent", "constant"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == strategy) {
            double fill_value = 0;
            read("fill_value", fill_value);
            return {static_cast<preprocessing::ImputeStrategy>(i), fill_value, read.get<bool>("keep_empty_features")};
        }
    }
    throw InvalidInputError("strategy", caller, "mean, median, most_frequent or constant", strategy);
}

trees::Criterion criterion(const OptionReader& read, const char* forest) {
    std::string name = "gini";
    read("criterion", name);
    if (name == "gini") {
        return trees::Criterion::gini;
    }
    if (name == "entropy" || name == "log_loss") {
        return trees::Criterion::entropy;
    }
    throw InvalidInputError("criterion", forest, "'gini', 'entropy' or 'log_loss'", "'" + name + "'");
}

void set_class_weight(trees::ForestOptions& options, const OptionReader& read, std::size_t n_classes) {
    if (!read.has("class_weight")) {
        return;
    }
    if (!read.is_text("class_weight")) {
        options.class_weight = trees::ClassWeight::given;
        options.class_weights = read.class_weights(n_classes);
        return;
    }
    const auto name = read.get<std::string>("class_weight");
    if (name != "balanced" && name != "balanced_subsample") {
        throw InvalidInputError("class_weight", trees::class_name(options), "'balanced', 'balanced_subsample', weights or None", "'" + name + "'");
    }
    options.class_weight = name == "balanced" ? trees::ClassWeight::balanced : trees::ClassWeight::balanced_subsample;
}

sampling::Targets sampling_targets(const OptionReader& read, const char* sampler) {
    sampling::Targets targets;
    const auto strategy = read.get<py::object>("sampling_strategy");
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
        throw InvalidInputError("sampling_strategy", sampler, "'minority', 'majority', 'not minority', 'not majority', 'all', a float or a dict", name);
    }
    if (PyFloat_Check(strategy.ptr()) != 0) {
        targets.strategy = Strategy::ratio;
        targets.ratio = strategy.cast<double>();
        return targets;
    }
    targets.strategy = Strategy::counts;
    targets.counts = read.get<std::vector<std::int64_t>>("sampling_strategy");
    return targets;
}

runtime::StepSpec step_spec(const py::dict& step, const std::string& kind) {
    const OptionReader read(step, caller);
    if (kind == "standard_scaler") {
        return runtime::ScalerSpec{read.get<bool>("with_mean"), read.get<bool>("with_std")};
    }
    if (kind == "simple_imputer") {
        return imputer_options(read);
    }
    if (kind == "select_k_best") {
        return runtime::SelectorSpec{read.get<std::optional<std::size_t>>("k")};
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
    throw InvalidInputError("steps", caller, "known kinds, a classifier last", kind);
}

}  // namespace

sampling::OverSamplerOptions over_sampler_options(const py::dict& step) {
    const OptionReader read(step, caller);
    return {sampling_targets(read, "RandomOverSampler"), read.get<std::uint64_t>("seed")};
}

sampling::UnderSamplerOptions under_sampler_options(const py::dict& step) {
    const OptionReader read(step, caller);
    bool replacement = false;
    read("replacement", replacement);
    return {sampling_targets(read, "RandomUnderSampler"), read.get<std::uint64_t>("seed"), replacement};
}

sampling::SmoteOptions smote_options(const py::dict& step) {
    const OptionReader read(step, caller);
    sampling::SmoteOptions options;
    const auto kind = read.get<std::string>("kind") == "smote" ? "smote" : read.get<std::string>("borderline_kind");
    if (kind != "smote" && kind != "borderline-1" && kind != "borderline-2") {
        throw InvalidInputError("kind", "BorderlineSMOTE", "'borderline-1' or 'borderline-2'", "'" + kind + "'");
    }
    options.kind = kind == "smote" ? sampling::SmoteKind::plain : kind == "borderline-1" ? sampling::SmoteKind::borderline_1 : sampling::SmoteKind::borderline_2;
    static_cast<sampling::Targets&>(options) = sampling_targets(read, kind == "smote" ? "SMOTE" : "BorderlineSMOTE");
    options.seed = read.get<std::uint64_t>("seed");
    read("k_neighbors", options.k_neighbors);
    read("m_neighbors", options.m_neighbors);
    std::string within;
    read("within", within);
    if (!within.empty() && within != "speaker" && within != "groups") {
        throw InvalidInputError("within", options.caller(), "None, 'speaker' or 'groups'", "'" + within + "'");
    }
    options.within = within.empty() ? sampling::Within::anything : within == "speaker" ? sampling::Within::speaker : sampling::Within::groups;
    return options;
}

runtime::ForestSpec forest_spec(const py::dict& step, std::size_t n_classes) {
    const OptionReader read(step, caller);
    runtime::ForestSpec spec;
    trees::ForestOptions& options = spec.options;
    read("n_estimators", options.n_estimators);
    std::string kind = "random_forest_classifier";
    read("kind", kind);
    options.splitter = kind == "extra_trees_classifier" ? trees::Splitter::random_cut : trees::Splitter::best;
    options.criterion = criterion(read, trees::class_name(options));
    read("max_depth", options.max_depth);
    read("min_weight_fraction_leaf", options.min_weight_fraction_leaf);
    read("max_leaf_nodes", options.max_leaf_nodes);
    read("min_impurity_decrease", options.min_impurity_decrease);
    read("bootstrap", options.bootstrap);
    read("first_tree", options.first_tree);
    read("seed", options.seed);
    set_class_weight(options, read, n_classes);
    trees::ForestSizes& sizes = spec.sizes;
    read("max_features", sizes.max_features);
    if (options.bootstrap) {
        read("max_samples", sizes.max_samples);
    }
    read("min_samples_split", sizes.min_samples_split);
    read("min_samples_leaf", sizes.min_samples_leaf);
    return spec;
}

linear::LogisticOptions logistic_options(const py::dict& step, std::size_t n_classes) {
    const OptionReader read(step, caller);
    linear::LogisticOptions options;
    options.c = read.get<double>("C");
    read("l1_ratio", options.l1_ratio);
    if (!(options.l1_ratio >= 0 && options.l1_ratio <= 1)) {
        throw InvalidInputError("l1_ratio", caller, "a number from 0 to 1", std::to_string(options.l1_ratio));
    }
    options.tol = read.get<double>("tol");
    options.max_iter = read.get<int>("max_iter");
    options.fit_intercept = read.get<bool>("fit_intercept");
    read("intercept_scaling", options.intercept_scaling);
    options.balanced = read.is_text("class_weight");
    options.one_vs_rest = read.has("one_vs_rest") && read.get<bool>("one_vs_rest");
    if (read.has("class_weight") && !options.balanced) {
        options.class_weights = read.class_weights(options.one_vs_rest ? 2 : n_classes);
    }
    return options;
}

runtime::PipelineSpec pipeline_spec(const py::list& steps, std::size_t n_classes) {
    runtime::PipelineSpec spec;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const py::dict step = steps[i].cast<py::dict>();
        const auto kind = OptionReader(step, caller).get<std::string>("kind");
        if (i + 1 < steps.size()) {
            spec.steps.push_back(step_spec(step, kind));
        } else if (kind == "logistic_regression") {
            spec.estimator = logistic_options(step, n_classes);
        } else if (kind == "random_forest_classifier" || kind == "extra_trees_classifier") {
            spec.estimator = forest_spec(step, n_classes);
        } else if (kind == "gradient_boosting_classifier") {
            spec.estimator = boosting_spec(step, n_classes);
        } else {
            throw InvalidInputError("steps", caller, "steps with a classifier last", kind);
        }
    }
    if (steps.empty()) {
        throw InvalidInputError("steps", caller, "at least a classifier", "an empty list");
    }
    return spec;
}

}  // namespace emotion::bindings
