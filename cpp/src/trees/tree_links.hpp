// The part of the wall that forests and boosting models share: where trees begin and end, and that their links make trees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace emotion::trees {

// Node arrays of one length, as Forest and Boosting hold them.
struct TreeLinks {
    std::size_t n_features = 0;
    std::span<const std::int64_t> offsets;
    std::span<const std::int32_t> feature;
    std::span<const std::int32_t> left;
    std::span<const std::int32_t> right;
};

inline const char* broken_rule_of_tree(const TreeLinks& trees, std::size_t begin, std::size_t end, std::vector<std::uint8_t>& has_parent) {
    const auto n = static_cast<std::int64_t>(end - begin);
    has_parent.assign(end - begin, 0);
    for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t node = begin + static_cast<std::size_t>(i);
        const std::int64_t left = trees.left[node];
        const std::int64_t right = trees.right[node];
        if ((has_parent[static_cast<std::size_t>(i)] != 0) != (i != 0)) {
            return "every node but the root must have exactly one parent before it";
        }
        if (trees.feature[node] == -1) {
            if (left != -1 || right != -1) {
                return "leaves must have no children";
            }
            continue;
        }
        if (trees.feature[node] < 0 || static_cast<std::size_t>(trees.feature[node]) >= trees.n_features) {
            return "features must be columns or -1";
        }
        if (left <= i || right <= i || left >= n || right >= n || left == right) {
            return "children must come after their parent, inside the tree";
        }
        for (const std::int64_t child : {left, right}) {
            if (has_parent[static_cast<std::size_t>(child)]++ != 0) {
                return "every node but the root must have exactly one parent before it";
            }
        }
    }
    return nullptr;
}

// The rule that the arrays break, or nullptr: then every tree is a range of nodes inside the arrays, features are columns or -1, and every node
// but a root is the child of exactly one earlier node of its tree, so that each walk ends and no path is shared. O(nodes). Serial.
inline const char* broken_rule(const TreeLinks& trees) {
    const auto n = static_cast<std::int64_t>(trees.feature.size());
    if (trees.offsets.size() < 2 || n < 1) {
        return "there must be at least one tree and one node";
    }
    if (trees.offsets.front() != 0 || trees.offsets.back() != n) {
        return "tree_offsets must begin at 0 and end at the number of nodes";
    }
    for (std::size_t t = 0; t + 1 < trees.offsets.size(); ++t) {
        const std::int64_t begin = trees.offsets[t];
        const std::int64_t end = trees.offsets[t + 1];
        if (begin < 0 || begin >= end || end > n || end - begin > std::numeric_limits<std::int32_t>::max()) {
            return "tree_offsets must increase";
        }
    }
    std::vector<std::uint8_t> has_parent;
    for (std::size_t t = 0; t + 1 < trees.offsets.size(); ++t) {
        const char* const rule = broken_rule_of_tree(trees, static_cast<std::size_t>(trees.offsets[t]), static_cast<std::size_t>(trees.offsets[t + 1]), has_parent);
        if (rule != nullptr) {
            return rule;
        }
    }
    return nullptr;
}

}  // namespace emotion::trees
