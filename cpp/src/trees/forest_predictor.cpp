#include "emotion/trees/forest_predictor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr std::uint32_t quiet_nan = 0x7FC00000U;
constexpr std::uint32_t payload_mask = 0x003FFFFFU;
constexpr std::size_t trees_side_by_side = 8;
constexpr std::size_t rows_side_by_side = 14;

// Rows of a block: as many as stay in the second-level cache while all trees pass over them, so that the trees are read seldom.
std::size_t rows_a_block(std::size_t n_features) {
    constexpr std::size_t bytes = 256 << 10;
    return std::clamp<std::size_t>(bytes / (sizeof(float) * std::max<std::size_t>(1, n_features)), 32, 512) / rows_side_by_side * rows_side_by_side;
}

bool has_nan(const float* x, std::size_t n) {
    unsigned found = 0;
    for (std::size_t i = 0; i < n; ++i) {
        found |= x[i] != x[i] ? 1U : 0U;
    }
    return found != 0;
}

// What a leaf holds: its number, or, where all its rows are of one class, a mark and that class.
template <class Node>
inline constexpr std::uint32_t pure_mark = sizeof(Node) == 8 ? 0x00200000U : 0x80000000U;

template <class Node>
std::uint32_t payload_of(const Node& node) {
    if constexpr (sizeof(Node) == 8) {
        return node.threshold & payload_mask;
    } else {
        return node.leaf;
    }
}

// The class whose share is 1; n where there is none.
std::size_t only_class(const double* shares, std::size_t n) {
    std::size_t found = n;
    for (std::size_t c = 0; c < n; ++c) {
        if (shares[c] != 0) {
            if (found != n || shares[c] != 1.0) {
                return n;
            }
            found = c;
        }
    }
    return found;
}

// One step: a leaf (NaN threshold, skip 0) stays where it is.
template <bool with_missing, class Node>
std::uint32_t step(const Node& node, const float* x, [[maybe_unused]] const std::uint8_t* missing_left) {
    const float value = x[node.feature];
    bool left = value <= std::bit_cast<float>(node.threshold);
    if constexpr (with_missing) {
        left = left || (value != value && *missing_left != 0);
    }
    return left ? 1U : node.skip;
}

}  // namespace

ForestPredictor::ForestPredictor(const Forest& forest) : n_classes_(forest.n_classes), n_features_(forest.n_features) {
    wide_ = n_features_ > 65'536;
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        wide_ = wide_ || forest.tree_offsets[t + 1] - forest.tree_offsets[t] >= 65'536;
    }
    if (forest.n_nodes() > std::numeric_limits<std::uint32_t>::max()) {
        throw InvalidInputError("forest", "ForestPredictor", "fewer than 2**32 nodes in all", std::to_string(forest.n_nodes()));
    }
    if (wide_) {
        lay_out(forest, wide_nodes_);
    } else {
        lay_out(forest, narrow_nodes_);
    }
}

template <class Node>
void ForestPredictor::lay_out(const Forest& forest, std::vector<Node>& nodes) {
    struct Pending {
        std::size_t source;
        std::size_t parent;   // whose right child this is; none: the largest number
    };
    constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    nodes.reserve(forest.n_nodes());
    missing_left_.reserve(forest.n_nodes());
    std::vector<Pending> stack;
    std::uint32_t n_leaves = 0;
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto offset = static_cast<std::size_t>(forest.tree_offsets[t]);
        root_.push_back(static_cast<std::uint32_t>(nodes.size()));
        first_leaf_.push_back(n_leaves);
        stack.assign(1, {offset, none});
        while (!stack.empty()) {
            const Pending pending = stack.back();
            stack.pop_back();
            if (pending.parent != none) {
                nodes[pending.parent].skip = static_cast<decltype(Node::skip)>(nodes.size() - pending.parent);
            }
            const std::size_t i = pending.source;
            Node node{};
            if (forest.feature[i] < 0) {
                const double* const shares = forest.value.data() + i * n_classes_;
                const std::size_t only = only_class(shares, n_classes_);
                std::uint32_t payload = pure_mark<Node> | static_cast<std::uint32_t>(only);
                if (only == n_classes_) {
                    payload = n_leaves++ - first_leaf_.back();
                    leaf_value_.insert(leaf_value_.end(), shares, shares + n_classes_);
                }
                node.threshold = quiet_nan;
                if constexpr (sizeof(Node) == 8) {
                    node.threshold |= payload;
                } else {
                    node.leaf = payload;
                }
                missing_left_.push_back(0);
            } else {
                node.threshold = std::bit_cast<std::uint32_t>(forest.threshold[i]);
                node.feature = static_cast<decltype(Node::feature)>(forest.feature[i]);
                missing_left_.push_back(forest.missing_left[i]);
                stack.push_back({offset + static_cast<std::size_t>(forest.right[i]), nodes.size()});
                stack.push_back({offset + static_cast<std::size_t>(forest.left[i]), none});
            }
            nodes.push_back(node);
        }
    }
}

// Adding nothing to the other classes is the same as adding their share of 0.
template <class Node>
void ForestPredictor::add_leaf(std::size_t tree, const Node& leaf, double* sums) const {
    const std::uint32_t payload = payload_of(leaf);
    if ((payload & pure_mark<Node>) != 0) {
        sums[payload & ~pure_mark<Node>] += 1.0;
        return;
    }
    const double* const value = leaf_value_.data() + (first_leaf_[tree] + payload) * n_classes_;
    for (std::size_t c = 0; c < n_classes_; ++c) {
        sums[c] += value[c];
    }
}

template <class Node, bool with_missing>
const Node& ForestPredictor::leaf_of(const std::vector<Node>& nodes, std::size_t tree, const float* x) const {
    std::uint32_t at = root_[tree];
    while (nodes[at].skip != 0) {
        at += step<with_missing>(nodes[at], x, missing_left_.data() + at);
    }
    return nodes[at];
}

// Eight trees side by side.
template <class Node, bool with_missing>
void ForestPredictor::row(const std::vector<Node>& nodes, const float* x, double* sums) const {
    const Node* const data = nodes.data();
    std::size_t tree = 0;
    for (; tree + trees_side_by_side <= root_.size(); tree += trees_side_by_side) {
        std::array<std::uint32_t, trees_side_by_side> at;
        std::copy_n(root_.begin() + static_cast<std::ptrdiff_t>(tree), trees_side_by_side, at.begin());
        std::uint32_t any = 1;
        while (any != 0) {
            any = 0;
            for (std::uint32_t& place : at) {
                const Node& node = data[place];
                any |= node.skip;
                place += step<with_missing>(node, x, missing_left_.data() + place);
            }
        }
        for (std::size_t i = 0; i < trees_side_by_side; ++i) {
            add_leaf(tree + i, data[at[i]], sums);
        }
    }
    for (; tree < root_.size(); ++tree) {
        add_leaf(tree, leaf_of<Node, with_missing>(nodes, tree, x), sums);
    }
}

// Fourteen rows side by side in each tree; a tree's nodes stay in the cache for all rows of the block.
template <class Node, bool with_missing>
void ForestPredictor::block(const std::vector<Node>& nodes, const float* x, std::size_t n, double* sums) const {
    const std::size_t k = n_classes_;
    const std::size_t d = n_features_;
    const std::uint8_t* const missing_left = missing_left_.data();
    for (std::size_t tree = 0; tree < root_.size(); ++tree) {
        const Node* const root = nodes.data() + root_[tree];
        const std::uint8_t* const missing = missing_left + root_[tree];
        std::size_t r = 0;
        for (; r + rows_side_by_side <= n; r += rows_side_by_side) {
            const float* const first = x + r * d;
            std::array<std::uint32_t, rows_side_by_side> at{};
            std::uint32_t any = 1;
            while (any != 0) {
                any = 0;
#pragma GCC unroll 14
                for (std::size_t i = 0; i < rows_side_by_side; ++i) {
                    const Node& node = root[at[i]];
                    any |= node.skip;
                    at[i] += step<with_missing>(node, first + i * d, missing + at[i]);
                }
            }
            for (std::size_t i = 0; i < rows_side_by_side; ++i) {
                add_leaf(tree, root[at[i]], sums + (r + i) * k);
            }
        }
    }
    for (std::size_t r = n / rows_side_by_side * rows_side_by_side; r < n; ++r) {
        row<Node, with_missing>(nodes, x + r * d, sums + r * k);
    }
}

void ForestPredictor::predict_row(const float* x, double* out) const {
    std::fill_n(out, n_classes_, 0.0);
    const bool missing = has_nan(x, n_features_);
    if (wide_) {
        missing ? row<Wide, true>(wide_nodes_, x, out) : row<Wide, false>(wide_nodes_, x, out);
    } else {
        missing ? row<Narrow, true>(narrow_nodes_, x, out) : row<Narrow, false>(narrow_nodes_, x, out);
    }
    for (std::size_t c = 0; c < n_classes_; ++c) {
        out[c] /= static_cast<double>(root_.size());
    }
}

void ForestPredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    if (x.cols != n_features_) {
        throw InvalidInputError("x", "predict_proba", "a matrix of " + std::to_string(n_features_) + " columns", std::to_string(x.cols));
    }
    if (out.rows != x.rows || out.cols != n_classes_) {
        throw InvalidInputError("out", "predict_proba", "rows of x by classes", std::to_string(out.rows) + " x " + std::to_string(out.cols));
    }
    parallel.blocks(x.rows, rows_a_block(n_features_), [&](std::size_t begin, std::size_t end) {
        stop.check();
        const float* const rows = x.data + begin * x.cols;
        double* const sums = out.data + begin * n_classes_;
        const std::size_t n = end - begin;
        std::fill_n(sums, n * n_classes_, 0.0);
        const bool missing = has_nan(rows, n * x.cols);
        if (wide_) {
            missing ? block<Wide, true>(wide_nodes_, rows, n, sums) : block<Wide, false>(wide_nodes_, rows, n, sums);
        } else {
            missing ? block<Narrow, true>(narrow_nodes_, rows, n, sums) : block<Narrow, false>(narrow_nodes_, rows, n, sums);
        }
        for (std::size_t i = 0; i < n * n_classes_; ++i) {
            sums[i] /= static_cast<double>(root_.size());
        }
    });
}

void ForestPredictor::add_tree(std::size_t tree, const float* x, double* sums) const {
    if (wide_) {
        add_leaf(tree, leaf_of<Wide, true>(wide_nodes_, tree, x), sums);
    } else {
        add_leaf(tree, leaf_of<Narrow, true>(narrow_nodes_, tree, x), sums);
    }
}

}  // namespace emotion::trees
