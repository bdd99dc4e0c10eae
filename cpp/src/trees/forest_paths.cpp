#include "emotion/trees/forest_paths.hpp"

#include <algorithm>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t rows_a_block = 16;

void check_columns(const Forest& forest, MatrixView<const float> x, const char* caller) {
    if (x.cols != forest.n_features) {
        throw InvalidInputError("x", caller, "a matrix of " + std::to_string(forest.n_features) + " columns", std::to_string(x.cols));
    }
}

// Calls visit(node) for each node from the root of tree t to the leaf of row x, counted over the forest, and returns the leaf.
template <class Visit>
std::size_t walk(const Forest& forest, std::size_t t, const float* x, const Visit& visit) {
    const auto root = static_cast<std::size_t>(forest.tree_offsets[t]);
    std::size_t node = root;
    visit(node);
    while (forest.feature[node] >= 0) {
        const float value = x[forest.feature[node]];
        const bool left = value <= forest.threshold[node] || (value != value && forest.missing_left[node] != 0);
        node = root + static_cast<std::size_t>(left ? forest.left[node] : forest.right[node]);
        visit(node);
    }
    return node;
}

}  // namespace

void apply(const Forest& forest, MatrixView<const float> x, MatrixView<std::int64_t> out, Parallel& parallel, StopToken& stop) {
    check_columns(forest, x, "apply");
    if (out.rows != x.rows || out.cols != forest.n_trees()) {
        throw InvalidInputError("out", "apply", "rows of x by trees", std::to_string(out.rows) + " x " + std::to_string(out.cols));
    }
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t t = 0; t < forest.n_trees(); ++t) {
            for (std::size_t r = begin; r < end; ++r) {
                const std::size_t leaf = walk(forest, t, x.row(r).data(), [](std::size_t) {});
                out(r, t) = static_cast<std::int64_t>(leaf) - forest.tree_offsets[t];
            }
        }
    });
}

DecisionPaths decision_paths(const Forest& forest, MatrixView<const float> x, Parallel& parallel, StopToken& stop) {
    check_columns(forest, x, "decision_paths");
    DecisionPaths paths;
    paths.starts.assign(x.rows + 1, 0);
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t r = begin; r < end; ++r) {
            for (std::size_t t = 0; t < forest.n_trees(); ++t) {
                walk(forest, t, x.row(r).data(), [&](std::size_t) { ++paths.starts[r + 1]; });
            }
        }
    });
    for (std::size_t r = 0; r < x.rows; ++r) {
        paths.starts[r + 1] += paths.starts[r];
    }
    paths.nodes.resize(static_cast<std::size_t>(paths.starts.back()));
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t r = begin; r < end; ++r) {
            auto place = static_cast<std::size_t>(paths.starts[r]);
            for (std::size_t t = 0; t < forest.n_trees(); ++t) {
                walk(forest, t, x.row(r).data(), [&](std::size_t node) { paths.nodes[place++] = static_cast<std::int64_t>(node); });
            }
        }
    });
    return paths;
}

}  // namespace emotion::trees
