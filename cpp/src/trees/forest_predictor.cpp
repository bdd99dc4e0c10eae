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
constexpr std::size_t side_by_side = 8;
constexpr std::size_t rows_a_block = 64;

bool has_nan(const float* x, std::size_t n) {
    unsigned found = 0;
    for (std::size_t i = 0; i < n; ++i) {
        found |= x[i] != x[i] ? 1U : 0U;
    }
    return found != 0;
}

template <class Node>
std::uint32_t leaf_number(const Node& node) {
    if constexpr (sizeof(Node) == 8) {
        return node.threshold & payload_mask;
    } else {
        return node.leaf;
    }
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
                const std::uint32_t leaf = n_leaves++ - first_leaf_.back();
                node.threshold = quiet_nan;
                if constexpr (sizeof(Node) == 8) {
                    node.threshold |= leaf;
                } else {
                    node.leaf = leaf;
                }
                leaf_value_.insert(leaf_value_.end(), forest.value.begin() + static_cast<std::ptrdiff_t>(i * n_classes_),
                                   forest.value.begin() + static_cast<std::ptrdiff_t>((i + 1) * n_classes_));
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

template <class Node, bool with_missing>
std::uint32_t ForestPredictor::leaf_of(const std::vector<Node>& nodes, std::size_t tree, const float* x) const {
    std::uint32_t at = root_[tree];
    while (nodes[at].skip != 0) {
        at += step<with_missing>(nodes[at], x, missing_left_.data() + at);
    }
    return first_leaf_[tree] + leaf_number(nodes[at]);
}

// Eight trees side by side.
template <class Node, bool with_missing>
void ForestPredictor::row(const std::vector<Node>& nodes, const float* x, double* sums) const {
    const std::size_t k = n_classes_;
    const Node* const data = nodes.data();
    const auto add = [&](std::uint32_t leaf) {
        const double* const value = leaf_value_.data() + leaf * k;
        for (std::size_t c = 0; c < k; ++c) {
            sums[c] += value[c];
        }
    };
    std::size_t tree = 0;
    for (; tree + side_by_side <= root_.size(); tree += side_by_side) {
        std::array<std::uint32_t, side_by_side> at;
        std::copy_n(root_.begin() + static_cast<std::ptrdiff_t>(tree), side_by_side, at.begin());
        std::uint32_t any = 1;
        while (any != 0) {
            any = 0;
            for (std::uint32_t& place : at) {
                const Node node = data[place];
                any |= node.skip;
                place += step<with_missing>(node, x, missing_left_.data() + place);
            }
        }
        for (std::size_t i = 0; i < side_by_side; ++i) {
            add(first_leaf_[tree + i] + leaf_number(data[at[i]]));
        }
    }
    for (; tree < root_.size(); ++tree) {
        add(leaf_of<Node, with_missing>(nodes, tree, x));
    }
}

// Eight rows side by side in each tree; a tree's nodes stay in the cache for all rows of the block.
template <class Node, bool with_missing>
void ForestPredictor::block(const std::vector<Node>& nodes, const float* x, std::size_t n, double* sums) const {
    const std::size_t k = n_classes_;
    const Node* const data = nodes.data();
    for (std::size_t tree = 0; tree < root_.size(); ++tree) {
        const auto add = [&](std::size_t r, std::uint32_t leaf) {
            const double* const value = leaf_value_.data() + leaf * k;
            for (std::size_t c = 0; c < k; ++c) {
                sums[r * k + c] += value[c];
            }
        };
        std::size_t r = 0;
        for (; r + side_by_side <= n; r += side_by_side) {
            std::array<std::uint32_t, side_by_side> at;
            at.fill(root_[tree]);
            std::uint32_t any = 1;
            while (any != 0) {
                any = 0;
                for (std::size_t i = 0; i < side_by_side; ++i) {
                    const Node node = data[at[i]];
                    any |= node.skip;
                    at[i] += step<with_missing>(node, x + (r + i) * n_features_, missing_left_.data() + at[i]);
                }
            }
            for (std::size_t i = 0; i < side_by_side; ++i) {
                add(r + i, first_leaf_[tree] + leaf_number(data[at[i]]));
            }
        }
        for (; r < n; ++r) {
            add(r, leaf_of<Node, with_missing>(nodes, tree, x + r * n_features_));
        }
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
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
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
    const std::uint32_t leaf = wide_ ? leaf_of<Wide, true>(wide_nodes_, tree, x) : leaf_of<Narrow, true>(narrow_nodes_, tree, x);
    const double* const value = leaf_value_.data() + leaf * n_classes_;
    for (std::size_t c = 0; c < n_classes_; ++c) {
        sums[c] += value[c];
    }
}

}  // namespace emotion::trees
