#include "emotion/runtime/model_estimators.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model_arrays.hpp"

namespace emotion::runtime {
namespace {

// The depth of the deepest leaf. Needs indices that were validated: every child comes after its parent, so one pass suffices.
template <class Trees>
std::size_t deepest(const Trees& forest) {
    std::size_t result = 0;
    std::vector<std::uint32_t> depth;
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
        const auto end = static_cast<std::size_t>(forest.tree_offsets[t + 1]);
        depth.assign(end - begin, 0);
        for (std::size_t n = 0; n < end - begin; ++n) {
            result = std::max<std::size_t>(result, depth[n]);
            if (forest.feature[begin + n] >= 0) {
                depth[static_cast<std::size_t>(forest.left[begin + n])] = depth[n] + 1;
                depth[static_cast<std::size_t>(forest.right[begin + n])] = depth[n] + 1;
            }
        }
    }
    return result;
}

// The arrays that all models of trees have; returns the number of nodes.
template <class Trees>
std::size_t read_nodes(Trees& trees, const TensorFile& file, const std::string& prefix, std::size_t columns, std::size_t n_classes) {
    trees.n_classes = n_classes;
    trees.n_features = columns;
    trees.tree_offsets = read_array<std::int64_t>(file, prefix + "tree_offsets", {any});
    trees.feature = read_array<std::int32_t>(file, prefix + "feature", {any});
    const std::size_t nodes = trees.feature.size();
    trees.threshold = read_array<float>(file, prefix + "threshold", {nodes});
    trees.left = read_array<std::int32_t>(file, prefix + "left", {nodes});
    trees.right = read_array<std::int32_t>(file, prefix + "right", {nodes});
    trees.missing_left = read_array<std::uint8_t>(file, prefix + "missing_left", {nodes});
    trees.cover = read_array<double>(file, prefix + "cover", {nodes});
    return nodes;
}

template <class Trees>
void check_trees(const Trees& trees, const std::string& prefix, const ModelLimits& limits) {
    validate(trees);
    require_all(trees.missing_left, prefix + "missing_left", "0 or 1", [](std::uint8_t v) { return v <= 1; });
    if (deepest(trees) > limits.tree_depth) {
        refuse("one of its trees is deeper than " + std::to_string(limits.tree_depth) + " levels");
    }
}

}  // namespace

trees::Forest read_forest(const TensorFile& file, const std::string& prefix, std::size_t columns, std::size_t n_classes, const ModelLimits& limits) {
    trees::Forest forest;
    const std::size_t nodes = read_nodes(forest, file, prefix, columns, n_classes);
    forest.impurity = read_array<double>(file, prefix + "impurity", {nodes});
    forest.value = read_array<double>(file, prefix + "value", {nodes, n_classes});
    check_trees(forest, prefix, limits);
    return forest;
}

trees::Boosting read_boosting(const TensorFile& file, const JsonValue& step, const std::string& prefix, std::size_t columns, std::size_t n_classes,
                              const ModelLimits& limits) {
    trees::Boosting model;
    const std::size_t nodes = read_nodes(model, file, prefix, columns, n_classes);
    const JsonValue* const width = step.find("leaf_width");
    const std::size_t outputs = model.n_outputs();
    if (width == nullptr || !width->is(Kind::integer) || (width->integer != 1 && width->integer != static_cast<std::int64_t>(outputs))) {
        refuse("the leaf_width of its boosting is not 1 or " + std::to_string(outputs));
    }
    model.leaf_width = static_cast<std::size_t>(width->integer);
    model.baseline = read_array<double>(file, prefix + "baseline", {outputs});
    model.gain = read_array<double>(file, prefix + "gain", {nodes});
    model.value = read_array<double>(file, prefix + "value", {nodes, model.leaf_width});
    check_trees(model, prefix, limits);
    return model;
}

linear::LogisticModel read_logistic(const TensorFile& file, const std::string& prefix, std::size_t columns, std::size_t n_classes) {
    linear::LogisticModel model;
    model.n_classes = n_classes;
    model.n_features = columns;
    model.coef = read_array<double>(file, prefix + "coef", {model.n_outputs(), columns});
    model.intercept = read_array<double>(file, prefix + "intercept", {model.n_outputs()});
    require_all(model.coef, prefix + "coef", "finite", is_finite);
    require_all(model.intercept, prefix + "intercept", "finite", is_finite);
    return model;
}

}  // namespace emotion::runtime
