// validate: the wall between arrays of unknown origin and code that walks them without bounds checks.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/trees/boosting.hpp"

namespace emotion::trees {
namespace {

[[noreturn]] void fail(const std::string& rule) { throw ModelFormatError("boosting arrays: " + rule); }

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

void check_sizes(const Boosting& model) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    const std::size_t n = model.n_nodes();
    if (model.n_classes < 2 || model.n_classes > 65'535 || model.n_features < 1 || model.n_features > most) {
        fail("n_classes must be at least 2, n_features at least 1, and both not huge");
    }
    if (model.leaf_width != 1 && model.leaf_width != model.n_outputs()) {
        fail("leaf_width must be 1 or the number of outputs");
    }
    if (model.baseline.size() != model.n_outputs()) {
        fail("baseline must have one value an output");
    }
    if (model.tree_offsets.size() < 2 || n < 1) {
        fail("there must be at least one tree and one node");
    }
    if (model.n_trees() % model.trees_per_round() != 0) {
        fail("every round must have its trees");
    }
    if (model.threshold.size() != n || model.left.size() != n || model.right.size() != n || model.missing_left.size() != n ||
        model.cover.size() != n || model.gain.size() != n || n > model.value.max_size() / model.leaf_width ||
        model.value.size() != n * model.leaf_width) {
        fail("the lengths of the node arrays must agree");
    }
    if (model.tree_offsets.front() != 0 || model.tree_offsets.back() != static_cast<std::int64_t>(n)) {
        fail("tree_offsets must begin at 0 and end at the number of nodes");
    }
    for (std::size_t t = 0; t < model.n_trees(); ++t) {
        const std::int64_t begin = model.tree_offsets[t];
        const std::int64_t end = model.tree_offsets[t + 1];
        if (begin < 0 || begin >= end || end > static_cast<std::int64_t>(n) || end - begin > static_cast<std::int64_t>(most)) {
            fail("tree_offsets must increase");
        }
    }
}

void check_numbers(const Boosting& model) {
    if (!all_finite(model.baseline) || !all_finite(model.value) || !all_finite(model.gain) || !all_finite(model.cover)) {
        fail("baseline, value, gain and cover must be finite");
    }
    for (std::size_t i = 0; i < model.n_nodes(); ++i) {
        if (std::isnan(model.threshold[i]) || model.cover[i] < 0) {
            fail("thresholds must be numbers, and covers not negative");
        }
    }
}

// Every node but the root must be the child of exactly one earlier node: then each walk ends, and no path is shared.
void check_tree(const Boosting& model, std::size_t begin, std::size_t end, std::vector<std::uint8_t>& has_parent) {
    const auto n = static_cast<std::int64_t>(end - begin);
    has_parent.assign(end - begin, 0);
    for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t node = begin + static_cast<std::size_t>(i);
        const std::int64_t left = model.left[node];
        const std::int64_t right = model.right[node];
        if ((has_parent[static_cast<std::size_t>(i)] != 0) != (i != 0)) {
            fail("every node but the root must have exactly one parent before it");
        }
        if (model.feature[node] == -1) {
            if (left != -1 || right != -1) {
                fail("leaves must have no children");
            }
            continue;
        }
        if (model.feature[node] < 0 || static_cast<std::size_t>(model.feature[node]) >= model.n_features) {
            fail("features must be columns or -1");
        }
        if (left <= i || right <= i || left >= n || right >= n || left == right) {
            fail("children must come after their parent, inside the tree");
        }
        for (const std::int64_t child : {left, right}) {
            if (has_parent[static_cast<std::size_t>(child)]++ != 0) {
                fail("every node but the root must have exactly one parent before it");
            }
        }
    }
}

}  // namespace

void validate(const Boosting& model) {
    check_sizes(model);
    check_numbers(model);
    std::vector<std::uint8_t> has_parent;
    for (std::size_t t = 0; t < model.n_trees(); ++t) {
        check_tree(model, static_cast<std::size_t>(model.tree_offsets[t]), static_cast<std::size_t>(model.tree_offsets[t + 1]), has_parent);
    }
}

}  // namespace emotion::trees
