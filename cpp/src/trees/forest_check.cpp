// validate: the wall between arrays of unknown origin and code that walks them without bounds checks.
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/trees/forest.hpp"
#include "tree_links.hpp"

namespace emotion::trees {
namespace {

[[noreturn]] void fail(const std::string& rule) { throw ModelFormatError("forest arrays: " + rule); }

void check_sizes(const Forest& forest) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    const std::size_t n = forest.n_nodes();
    if (forest.n_classes < 1 || forest.n_classes > 65'535 || forest.n_features < 1 || forest.n_features > most) {
        fail("n_classes and n_features must be positive and not huge");
    }
    if (forest.threshold.size() != n || forest.left.size() != n || forest.right.size() != n || forest.missing_left.size() != n ||
        forest.cover.size() != n || forest.impurity.size() != n || n > forest.value.max_size() / forest.n_classes ||
        forest.value.size() != n * forest.n_classes) {
        fail("the lengths of the node arrays must agree");
    }
}

void check_numbers(const Forest& forest) {
    for (std::size_t i = 0; i < forest.n_nodes(); ++i) {
        if (std::isnan(forest.threshold[i]) || !std::isfinite(forest.cover[i]) || forest.cover[i] < 0 || !std::isfinite(forest.impurity[i])) {
            fail("thresholds, covers and impurities must be numbers, and covers not negative");
        }
        double sum = 0;
        for (std::size_t c = 0; c < forest.n_classes; ++c) {
            const double share = forest.value[i * forest.n_classes + c];
            if (!(share >= 0 && share <= 1 + 1e-9)) {
                fail("class shares must lie between 0 and 1");
            }
            sum += share;
        }
        if (!(std::abs(sum - 1) < 1e-6)) {
            fail("the class shares of a node must sum to 1");
        }
    }
}

}  // namespace

void validate(const Forest& forest) {
    check_sizes(forest);
    if (const char* const rule = broken_rule({forest.n_features, forest.tree_offsets, forest.feature, forest.left, forest.right})) {
        fail(rule);
    }
    check_numbers(forest);
}

}  // namespace emotion::trees
