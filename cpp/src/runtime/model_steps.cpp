#include "emotion/runtime/model_steps.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/model_estimators.hpp"
#include "emotion/runtime/model_rules.hpp"
#include "model_arrays.hpp"

namespace emotion::runtime {
namespace {

preprocessing::StandardScaler read_scaler(const TensorFile& file, const JsonValue& step, const std::string& prefix, std::size_t columns) {
    preprocessing::StandardScaler scaler;
    scaler.with_mean = flag_of(step, "with_mean");
    scaler.with_std = flag_of(step, "with_std");
    scaler.mean = read_array<double>(file, prefix + "mean", {columns});
    scaler.scale = read_array<double>(file, prefix + "scale", {columns});
    require_all(scaler.mean, prefix + "mean", "finite", is_finite);
    require_all(scaler.scale, prefix + "scale", "finite and greater than 0", [](double s) { return std::isfinite(s) && s > 0; });
    return scaler;
}

preprocessing::SimpleImputer read_imputer(const TensorFile& file, const std::string& prefix, std::size_t columns) {
    preprocessing::SimpleImputer imputer;
    imputer.statistics = read_array<double>(file, prefix + "statistics", {columns});
    require_all(imputer.statistics, prefix + "statistics", "finite or NaN", [](double s) { return !std::isinf(s); });
    return imputer;
}

ColumnSelection read_selection(const TensorFile& file, const std::string& prefix, std::size_t columns) {
    ColumnSelection selection;
    selection.columns = read_array<std::int32_t>(file, prefix + "columns", {any});
    require_all(selection.columns, prefix + "columns", "columns of its input",
                [columns](std::int32_t c) { return c >= 0 && static_cast<std::size_t>(c) < columns; });
    if (selection.columns.empty() || selection.columns.size() > columns) {
        refuse("tensor " + prefix + "columns must select 1 to " + std::to_string(columns) + " columns");
    }
    return selection;
}

// Where the tensors and descriptions of one classifier stand, and how deep it is.
struct Place {
    const TensorFile& file;
    const ModelLimits& limits;
    std::size_t n_classes;
    std::string prefix;
    std::size_t level;
    bool label_sets = false;  // of the whole model: each class is a label that a row may have beside others

    [[nodiscard]] Place inner(std::string inner_prefix, std::size_t classes) const { return {file, limits, classes, std::move(inner_prefix), level + 1}; }
};

FittedClassifier read_node(const Place& place, const JsonValue& description, std::size_t n_features);

const JsonValue& key_of(const JsonValue& object, const char* key, const char* where) {
    const JsonValue* const value = object.find(key);
    if (value == nullptr) {
        refuse(std::string(where) + " lacks the key " + key);
    }
    return *value;
}

// Stands where joined classifiers stand: a forest without trees.
trees::Forest sizes_of(std::size_t columns, std::size_t n_classes) {
    trees::Forest sizes;
    sizes.n_classes = n_classes;
    sizes.n_features = columns;
    return sizes;
}

// The list of joined classifiers, at most `limit`; they take the place of the pipeline's classifier and read the columns that reach it.
const std::vector<JsonValue>& members_of(const Place& place, const JsonValue& step, const char* what, std::size_t limit) {
    const JsonValue& members = key_of(step, "members", what);
    if (!members.is(Kind::array) || members.items.empty() || members.items.size() > limit) {
        refuse("the members of " + std::string(what) + " are not a list of 1 to " + std::to_string(limit));
    }
    if (place.level >= place.limits.vote_levels) {
        refuse("its votes and stacks are nested deeper than " + std::to_string(place.limits.vote_levels) + " levels");
    }
    return members.items;
}

std::string member_prefix(const std::string& prefix, std::size_t m) { return prefix + "members." + std::to_string(m) + "."; }

void read_vote(const Place& place, const JsonValue& step, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    const std::vector<JsonValue>& members = members_of(place, step, "a vote", place.limits.vote_members);
    const std::string voting = text_of(step, "voting", "a vote");
    if (voting != "soft" && voting != "hard") {
        refuse("the voting of a vote is neither soft nor hard");
    }
    node.joint = Joint::vote;
    node.hard = voting == "hard";
    node.weights = read_array<double>(place.file, prefix + "weights", {members.size()});
    require_all(node.weights, prefix + "weights", "finite and from 0 up", [](double w) { return std::isfinite(w) && w >= 0; });
    double total = 0;
    for (const double weight : node.weights) {
        total += weight;
    }
    if (!(total > 0) || !std::isfinite(total)) {
        refuse("tensor " + prefix + "weights has no positive finite sum");
    }
    for (std::size_t m = 0; m < members.size(); ++m) {
        node.members.push_back(read_node(place.inner(member_prefix(prefix, m), place.n_classes), members[m], columns));
    }
}

void read_stack(const Place& place, const JsonValue& step, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    const std::vector<JsonValue>& members = members_of(place, step, "a stack", place.limits.vote_members);
    node.joint = Joint::stack;
    node.passthrough = flag_of(step, "passthrough");
    for (std::size_t m = 0; m < members.size(); ++m) {
        const std::string method = text_of(members[m], "method", "a member of a stack");
        if (method != "predict_proba" && method != "decision_function") {
            refuse("the method of a member of a stack is neither predict_proba nor decision_function");
        }
        node.members.push_back(read_node(place.inner(member_prefix(prefix, m), place.n_classes), members[m], columns));
        node.says_margin.push_back(method == "decision_function");
        if (node.says_margin.back() && !node.members.back().has_margin()) {
            refuse("a member of a stack has no margins to say");
        }
    }
    node.last.push_back(read_node(place.inner(prefix + "final.", place.n_classes), key_of(step, "final", "a stack"), node.stacked_columns()));
}

bool goes_by_margin(const JsonValue& object, const char* where) {
    const std::string rule = text_of(object, "rule", where);
    if (rule != "margin" && rule != "probability") {
        refuse("the rule of " + std::string(where) + " is neither margin nor probability");
    }
    return rule == "margin";
}

void require_margins(const FittedClassifier& node) {
    if (!std::all_of(node.members.begin(), node.members.end(), [](const FittedClassifier& member) { return member.has_margin(); })) {
        refuse("its labels go by margins, which the classifier of one of them does not have");
    }
}

// A label that all training rows had, or none.
FittedClassifier constant_label(bool present, std::size_t columns) {
    FittedClassifier member;
    member.pipeline.n_features_in = columns;
    member.pipeline.estimator = sizes_of(columns, 2);
    member.constant = present;
    return member;
}

// One classifier a label, each with steps of its own; one in all for two classes against each other.
void read_label_classifiers(const Place& place, const JsonValue& step, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    const std::size_t count = place.n_classes == 2 && !place.label_sets ? 1 : place.n_classes;
    const std::vector<JsonValue>& members = members_of(place, step, "its one classifier a label", place.n_classes);
    if (members.size() != count) {
        refuse("it has " + std::to_string(members.size()) + " classifiers for " + std::to_string(count) + " labels");
    }
    node.joint = Joint::labels;
    node.scaled = !place.label_sets;
    node.by_margin = node.scaled && goes_by_margin(step, "its one classifier a label");
    for (std::size_t m = 0; m < count; ++m) {
        if (const JsonValue* const constant = members[m].find("constant")) {
            if (!constant->is(Kind::boolean) || !place.label_sets) {
                refuse("a constant label is not true or false in a model of label sets");
            }
            node.members.push_back(constant_label(constant->boolean, columns));
        } else {
            node.members.push_back(read_node(place.inner(member_prefix(prefix, m), 2), members[m], columns));
        }
    }
    if (node.by_margin) {
        require_margins(node);
    }
}

// Linear models of labels that a row may have beside each other: a row of coefficients each.
void read_label_coefficients(const Place& place, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    const std::vector<double> coef = read_array<double>(place.file, prefix + "coef", {place.n_classes, columns});
    const std::vector<double> intercept = read_array<double>(place.file, prefix + "intercept", {place.n_classes});
    require_all(coef, prefix + "coef", "finite", is_finite);
    require_all(intercept, prefix + "intercept", "finite", is_finite);
    node.joint = Joint::labels;
    for (std::size_t k = 0; k < place.n_classes; ++k) {
        const auto row = coef.begin() + static_cast<std::ptrdiff_t>(k * columns);
        FittedClassifier member;
        member.pipeline.n_features_in = columns;
        member.pipeline.estimator = linear::LogisticModel{2, columns, {row, row + static_cast<std::ptrdiff_t>(columns)}, {intercept[k]}};
        node.members.push_back(std::move(member));
    }
}

// Returns whether the step is classifiers that are joined.
bool read_joint(const Place& place, const JsonValue& step, const std::string& kind, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    if (kind == "one_vs_rest_members") {
        read_label_classifiers(place, step, prefix, columns, node);
    } else if (kind == "one_vs_rest_classifier" && place.label_sets) {
        read_label_coefficients(place, prefix, columns, node);
    } else if (kind == "voting_classifier") {
        read_vote(place, step, prefix, columns, node);
    } else if (kind == "stacking_classifier") {
        node.pipeline.estimator = sizes_of(columns, place.n_classes);  // the stack asks for its sizes
        read_stack(place, step, prefix, columns, node);
    } else {
        return false;
    }
    node.pipeline.estimator = sizes_of(columns, place.n_classes);
    return true;
}

// Returns whether the step is a classifier.
bool read_last(const Place& place, const JsonValue& step, const std::string& kind, const std::string& prefix, std::size_t columns, FittedClassifier& node) {
    FittedEstimator& estimator = node.pipeline.estimator;
    if (read_joint(place, step, kind, prefix, columns, node)) {
        if (place.label_sets && node.joint != Joint::labels) {
            refuse("its label_sets are not of one classifier a label");
        }
        return true;
    }
    if (kind == "random_forest_classifier" || kind == "extra_trees_classifier") {
        estimator = read_forest(place.file, prefix, columns, place.n_classes, place.limits);
    } else if (kind == "gradient_boosting_classifier") {
        estimator = read_boosting(place.file, step, prefix, columns, place.n_classes, place.limits);
    } else if (kind == "logistic_regression" || kind == "one_vs_rest_classifier") {
        linear::LogisticModel model = read_logistic(place.file, prefix, columns, place.n_classes);
        model.one_vs_rest = place.n_classes > 2 && kind == "one_vs_rest_classifier";
        estimator = std::move(model);
    } else {
        return false;
    }
    if (place.label_sets) {
        refuse("its label_sets are not of one classifier a label");
    }
    return true;
}

// Returns the number of columns that the step leaves.
std::size_t read_transformer(const Place& place, const JsonValue& step, const std::string& kind, std::size_t i, const std::string& prefix,
                             std::size_t columns, FittedPipeline& pipeline) {
    if (kind == "standard_scaler") {
        pipeline.steps.emplace_back(read_scaler(place.file, step, prefix, columns));
    } else if (kind == "simple_imputer") {
        pipeline.steps.emplace_back(read_imputer(place.file, prefix, columns));
        columns = std::get<preprocessing::SimpleImputer>(pipeline.steps.back()).kept_columns().size();
    } else if (kind == "select_k_best") {
        pipeline.steps.emplace_back(read_selection(place.file, prefix, columns));
        columns = std::get<ColumnSelection>(pipeline.steps.back()).columns.size();
    } else {
        refuse("step " + std::to_string(i) + " is of a kind that this version does not know: " + kind.substr(0, 64));
    }
    if (columns == 0) {
        refuse("step " + std::to_string(i) + " leaves no column");
    }
    return columns;
}

FittedClassifier read_node(const Place& place, const JsonValue& description, std::size_t n_features) {
    constexpr std::size_t max_steps = 64;
    const JsonValue& steps = key_of(description, "steps", "its description");
    if (!steps.is(Kind::array) || steps.items.empty() || steps.items.size() > max_steps) {
        refuse("its steps are not a list of 1 to " + std::to_string(max_steps));
    }
    FittedClassifier node;
    node.pipeline.n_features_in = n_features;
    std::size_t columns = n_features;
    for (std::size_t i = 0; i < steps.items.size(); ++i) {
        const JsonValue& step = steps.items[i];
        const std::string kind = text_of(step, "kind", "a step");
        const std::string prefix = place.prefix + "steps." + std::to_string(i) + ".";
        const bool is_classifier = read_last(place, step, kind, prefix, columns, node);
        if (!is_classifier) {
            columns = read_transformer(place, step, kind, i, prefix, columns, node.pipeline);
        }
        if (is_classifier != (i + 1 == steps.items.size())) {
            refuse("its steps do not end with their only classifier");
        }
    }
    if (node.joint != Joint::none) {
        node.pipeline.validate_steps();
    } else {
        node.pipeline.validate();
    }
    node.calibration = read_calibration(place.file, key_of(description, "calibration", "its description"), place.prefix + "calibration.", place.n_classes);
    return node;
}

}  // namespace

FittedClassifier read_classifier(const TensorFile& file, const JsonValue& description, std::size_t n_features, std::size_t n_classes,
                                 const ModelLimits& limits, bool label_sets) {
    FittedClassifier node = read_node({file, limits, n_classes, "", 0, label_sets}, description, n_features);
    if (label_sets && !node.calibration.changes_nothing()) {
        refuse("its label_sets are of probabilities that are calibrated together");
    }
    return node;
}

LabelSets read_label_sets(const TensorFile& file, const FittedClassifier& classifier, const JsonValue& description) {
    LabelSets sets;
    sets.by_margin = goes_by_margin(description, "its label_sets");
    if (sets.by_margin) {
        require_margins(classifier);
    }
    sets.thresholds = read_array<double>(file, "label_sets.thresholds", {classifier.members.size()});
    require_all(sets.thresholds, "label_sets.thresholds", "finite", is_finite);
    return sets;
}

Matrix<float> read_background(const TensorFile& file, std::size_t n_features, const ModelLimits& limits) {
    Matrix<float> background;
    background.cols = n_features;
    if (file.tensors.find("background") == file.tensors.end()) {
        return background;
    }
    background.values = read_array<float>(file, "background", {any, n_features});
    background.rows = background.values.size() / n_features;
    if (background.rows > limits.background_rows) {
        refuse("its background has more than " + std::to_string(limits.background_rows) + " rows");
    }
    require_all(background.values, "background", "finite", [](float v) { return std::isfinite(v); });
    return background;
}

}  // namespace emotion::runtime
