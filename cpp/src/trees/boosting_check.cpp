// validate: the wall between arrays of unknown origin and code that walks them without bounds checks.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/trees/boosting.hpp"
#include "tree_links.hpp"

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
    if (model.n_trees() % model.trees_per_round() != 0) {
        fail("every round must have its trees");
    }
    if (model.threshold.size() != n || model.left.size() != n || model.right.size() != n || model.missing_left.size() != n ||
        model.cover.size() != n || model.gain.size() != n || n > model.value.max_size() / model.leaf_width ||
        model.value.size() != n * model.leaf_width) {
        fail("the lengths of the node arrays must agree");
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

}  // namespace

void validate(const Boosting& model) {
    check_sizes(model);
    if (const char* const rule = broken_rule({model.n_features, model.tree_offsets, model.feature, model.left, model.right})) {
        fail(rule);
    }
    check_numbers(model);
}

}  // namespace emotion::trees
