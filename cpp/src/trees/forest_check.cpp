// validate: the wall between arrays of unknown origin and code that walks them without bounds checks.
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {
namespace {

[[noreturn]] void fail(const std::string& rule) { throw ModelFormatError("forest arrays: " + rule); }

void check_sizes(const Forest& forest) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    const std::size_t n = forest.n_nodes();
    if (forest.n_classes < 1 || forest.n_classes > 65'535 || forest.n_features < 1 || forest.n_features > most) {
        fail("n_classes and n_features must be positive and not huge");
    }
    if (forest.n_trees() < 1 || n < 1) {
        fail("there must be at least one tree and one node");
    }
    if (forest.threshold.size() != n || forest.left.size() != n || forest.right.size() != n || forest.missing_left.size() != n ||
        forest.cover.size() != n || forest.impurity.size() != n || n > forest.value.max_size() / forest.n_classes ||
        forest.value.size() != n * forest.n_classes) {
        fail("the lengths of the node arrays must agree");
    }
    if (forest.tree_offsets.front() != 0 || forest.tree_offsets.back() != static_cast<std::int64_t>(n)) {
        fail("tree_offsets must begin at 0 and end at the number of nodes");
    }
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const std::int64_t begin = forest.tree_offsets[t];
        const std::int64_t end = forest.tree_offsets[t + 1];
        if (begin >= end || end > static_cast<std::int64_t>(n) || end - begin > static_cast<std::int64_t>(most)) {
            fail("tree_offsets must increase");
        }
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

// Every node but the root must be the child of exactly one earlier node: then each walk ends, and no path is shared.
void check_tree(const Forest& forest, std::size_t begin, std::size_t end, std::vector<std::uint8_t>& has_parent) {
    const auto n = static_cast<std::int64_t>(end - begin);
    has_parent.assign(end - begin, 0);
    for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t node = begin + static_cast<std::size_t>(i);
        const std::int64_t left = forest.left[node];
        const std::int64_t right = forest.right[node];
        if ((has_parent[static_cast<std::size_t>(i)] != 0) != (i != 0)) {
            fail("every node but the root must have exactly one parent before it");
        }
        if (forest.feature[node] == -1) {
            if (left != -1 || right != -1) {
                fail("leaves must have no children");
            }
            continue;
        }
        if (forest.feature[node] < 0 || static_cast<std::size_t>(forest.feature[node]) >= forest.n_features) {
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

void validate(const Forest& forest) {
    if (forest.tree_offsets.size() < 2) {
        fail("there must be at least one tree");
    }
    check_sizes(forest);
    check_numbers(forest);
    std::vector<std::uint8_t> has_parent;
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        check_tree(forest, static_cast<std::size_t>(forest.tree_offsets[t]), static_cast<std::size_t>(forest.tree_offsets[t + 1]), has_parent);
    }
}

}  // namespace emotion::trees
