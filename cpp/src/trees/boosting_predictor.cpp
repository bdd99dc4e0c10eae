#include "emotion/trees/boosting_predictor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr std::uint32_t quiet_nan = 0x7FC00000U;
constexpr std::uint32_t payload_mask = 0x003FFFFFU;
constexpr std::size_t side_by_side = 8;
constexpr std::size_t rows_a_block = 64;

template <class Skip>
constexpr Skip missing_bit = static_cast<Skip>(Skip{1} << (std::numeric_limits<Skip>::digits - 1));

template <class Node>
std::uint32_t distance(const Node& node) {
    using Skip = decltype(Node::skip);
    return static_cast<std::uint32_t>(node.skip & static_cast<Skip>(~missing_bit<Skip>));
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
template <class Node>
std::uint32_t step(const Node& node, const float* x) {
    using Skip = decltype(Node::skip);
    const float value = x[node.feature];
    const bool missing_left = (node.skip & missing_bit<Skip>) != 0;
    const bool left = (value <= std::bit_cast<float>(node.threshold)) | ((value != value) & missing_left);
    return left ? 1U : distance(node);
}

void check_columns(MatrixView<const float> x, std::size_t n_features, const char* caller) {
    if (x.cols != n_features) {
        throw InvalidInputError("x", caller, "a matrix of " + std::to_string(n_features) + " columns", std::to_string(x.cols));
    }
}

void check_out(std::size_t rows, std::size_t cols, std::size_t n_rows, std::size_t n_cols, const char* caller) {
    if (rows != n_rows || cols != n_cols) {
        throw InvalidInputError("out", caller, std::to_string(n_rows) + " x " + std::to_string(n_cols), std::to_string(rows) + " x " + std::to_string(cols));
    }
}

}  // namespace

BoostingPredictor::BoostingPredictor(const Boosting& model)
    : n_classes_(model.n_classes), n_features_(model.n_features), leaf_width_(model.leaf_width), baseline_(model.baseline) {
    wide_ = n_features_ > 65'536;
    for (std::size_t t = 0; t < model.n_trees(); ++t) {
        wide_ = wide_ || model.tree_offsets[t + 1] - model.tree_offsets[t] >= 32'768;
    }
    if (model.n_nodes() > std::numeric_limits<std::uint32_t>::max()) {
        throw InvalidInputError("model", "BoostingPredictor", "fewer than 2**32 nodes in all", std::to_string(model.n_nodes()));
    }
    if (wide_) {
        lay_out(model, wide_nodes_);
    } else {
        lay_out(model, narrow_nodes_);
    }
}

template <class Node>
void BoostingPredictor::lay_out(const Boosting& model, std::vector<Node>& nodes) {
    using Skip = decltype(Node::skip);
    struct Pending {
        std::size_t source;
        std::size_t parent;   // whose right child this is; none: the largest number
    };
    constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    nodes.reserve(model.n_nodes());
    std::vector<Pending> stack;
    for (std::size_t t = 0; t < model.n_trees(); ++t) {
        const auto offset = static_cast<std::size_t>(model.tree_offsets[t]);
        root_.push_back(static_cast<std::uint32_t>(nodes.size()));
        first_leaf_.push_back(static_cast<std::uint32_t>(leaf_node_.size()));
        output_.push_back(static_cast<std::uint32_t>(t * leaf_width_ % baseline_.size()));
        stack.assign(1, {offset, none});
        while (!stack.empty()) {
            const Pending pending = stack.back();
            stack.pop_back();
            if (pending.parent != none) {
                Node& parent = nodes[pending.parent];
                parent.skip = static_cast<Skip>(parent.skip | (nodes.size() - pending.parent));
            }
            const std::size_t i = pending.source;
            Node node{};
            if (model.feature[i] < 0) {
                const auto leaf = static_cast<std::uint32_t>(leaf_node_.size()) - first_leaf_.back();
                node.threshold = quiet_nan;
                if constexpr (sizeof(Node) == 8) {
                    node.threshold |= leaf;
                } else {
                    node.leaf = leaf;
                }
                leaf_node_.push_back(static_cast<std::int32_t>(i - offset));
                const auto value = model.value.begin() + static_cast<std::ptrdiff_t>(i * leaf_width_);
                leaf_value_.insert(leaf_value_.end(), value, value + static_cast<std::ptrdiff_t>(leaf_width_));
            } else {
                node.threshold = std::bit_cast<std::uint32_t>(model.threshold[i]);
                node.feature = static_cast<decltype(Node::feature)>(model.feature[i]);
                node.skip = model.missing_left[i] != 0 ? missing_bit<Skip> : Skip{0};
                stack.push_back({offset + static_cast<std::size_t>(model.right[i]), nodes.size()});
                stack.push_back({offset + static_cast<std::size_t>(model.left[i]), none});
            }
            nodes.push_back(node);
        }
    }
}

template <class Node, class Add>
void BoostingPredictor::walk_row(const std::vector<Node>& nodes, std::size_t begin, std::size_t end, const float* x, const Add& add) const {
    const Node* const data = nodes.data();
    std::size_t tree = begin;
    for (; tree + side_by_side <= end; tree += side_by_side) {
        std::array<std::uint32_t, side_by_side> at;
        std::copy_n(root_.begin() + static_cast<std::ptrdiff_t>(tree), side_by_side, at.begin());
        std::uint32_t any = 1;
        while (any != 0) {
            any = 0;
            for (std::uint32_t& place : at) {
                const Node node = data[place];
                any |= node.skip;
                place += step(node, x);
            }
        }
        for (std::size_t i = 0; i < side_by_side; ++i) {
            add(tree + i, leaf_number(data[at[i]]));
        }
    }
    for (; tree < end; ++tree) {
        std::uint32_t at = root_[tree];
        while (data[at].skip != 0) {
            at += step(data[at], x);
        }
        add(tree, leaf_number(data[at]));
    }
}

template <class Node, class Add>
void BoostingPredictor::walk_block(const std::vector<Node>& nodes, std::size_t begin, std::size_t end, const float* x, std::size_t n, const Add& add) const {
    const Node* const data = nodes.data();
    for (std::size_t tree = begin; tree < end; ++tree) {
        for (std::size_t r = 0; r < n; r += side_by_side) {
            std::array<std::uint32_t, side_by_side> at;
            std::array<const float*, side_by_side> row;
            at.fill(root_[tree]);
            for (std::size_t i = 0; i < side_by_side; ++i) {
                row[i] = x + std::min(r + i, n - 1) * n_features_;   // past the end: the last row again
            }
            std::uint32_t any = 1;
            while (any != 0) {
                any = 0;
                for (std::size_t i = 0; i < side_by_side; ++i) {
                    const Node node = data[at[i]];
                    any |= node.skip;
                    at[i] += step(node, row[i]);
                }
            }
            for (std::size_t i = 0; i < std::min(side_by_side, n - r); ++i) {
                add(tree, r + i, leaf_number(data[at[i]]));
            }
        }
    }
}

void BoostingPredictor::add_leaf(std::size_t tree, std::uint32_t leaf, double* margins) const {
    const double* const value = leaf_value_.data() + (first_leaf_[tree] + leaf) * leaf_width_;
    double* const out = margins + output_[tree];
    for (std::size_t c = 0; c < leaf_width_; ++c) {
        out[c] += value[c];
    }
}

void BoostingPredictor::decision_row(const float* x, double* margins) const {
    std::copy(baseline_.begin(), baseline_.end(), margins);
    const auto add = [&](std::size_t tree, std::uint32_t leaf) { add_leaf(tree, leaf, margins); };
    wide_ ? walk_row(wide_nodes_, 0, n_trees(), x, add) : walk_row(narrow_nodes_, 0, n_trees(), x, add);
}

void BoostingPredictor::probabilities(const double* margins, double* out) const {
    if (n_classes_ == 2) {
        const double margin = margins[0];
        const double e = std::exp(-std::abs(margin));
        const double smaller = e / (1 + e);
        out[0] = margin > 0 ? smaller : 1 - smaller;
        out[1] = margin > 0 ? 1 - smaller : smaller;
        return;
    }
    double largest = margins[0];
    for (std::size_t c = 1; c < n_classes_; ++c) {
        largest = std::max(largest, margins[c]);
    }
    double sum = 0;
    for (std::size_t c = 0; c < n_classes_; ++c) {
        out[c] = std::exp(margins[c] - largest);
        sum += out[c];
    }
    for (std::size_t c = 0; c < n_classes_; ++c) {
        out[c] /= sum;
    }
}

void BoostingPredictor::predict_row(const float* x, double* probability) const {
    if (n_classes_ == 2) {
        double margin = 0;
        decision_row(x, &margin);
        probabilities(&margin, probability);
        return;
    }
    decision_row(x, probability);
    probabilities(probability, probability);
}

void BoostingPredictor::add_block(std::size_t begin, std::size_t end, const float* x, std::size_t n, double* margins) const {
    const std::size_t k = n_outputs();
    const auto add = [&](std::size_t tree, std::size_t r, std::uint32_t leaf) { add_leaf(tree, leaf, margins + r * k); };
    wide_ ? walk_block(wide_nodes_, begin, end, x, n, add) : walk_block(narrow_nodes_, begin, end, x, n, add);
}

void BoostingPredictor::add_trees(std::size_t begin, std::size_t end, MatrixView<const float> x, MatrixView<double> margins, Parallel& parallel,
                                  StopToken& stop) const {
    check_columns(x, n_features_, "add_trees");
    check_out(margins.rows, margins.cols, x.rows, n_outputs(), "add_trees");
    if (begin > end || end > n_trees()) {
        throw InvalidInputError("end", "add_trees", "between begin and the number of trees", std::to_string(end));
    }
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t first, std::size_t last) {
        stop.check();
        add_block(begin, end, x.data + first * x.cols, last - first, margins.data + first * margins.cols);
    });
}

void BoostingPredictor::decision_function(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    check_out(out.rows, out.cols, x.rows, n_outputs(), "decision_function");
    for (std::size_t r = 0; r < out.rows; ++r) {
        std::copy(baseline_.begin(), baseline_.end(), out.row(r).begin());
    }
    add_trees(0, n_trees(), x, out, parallel, stop);
}

void BoostingPredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    check_columns(x, n_features_, "predict_proba");
    check_out(out.rows, out.cols, x.rows, n_classes_, "predict_proba");
    const std::size_t k = n_outputs();
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        std::vector<double> margins((end - begin) * k);
        for (std::size_t i = 0; i < margins.size(); ++i) {
            margins[i] = baseline_[i % k];
        }
        add_block(0, n_trees(), x.data + begin * x.cols, end - begin, margins.data());
        for (std::size_t r = begin; r < end; ++r) {
            probabilities(margins.data() + (r - begin) * k, out.row(r).data());
        }
    });
}

void BoostingPredictor::apply(MatrixView<const float> x, MatrixView<std::int32_t> out, Parallel& parallel, StopToken& stop) const {
    check_columns(x, n_features_, "apply");
    check_out(out.rows, out.cols, x.rows, n_trees(), "apply");
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        const auto add = [&](std::size_t tree, std::size_t r, std::uint32_t leaf) { out(begin + r, tree) = leaf_node_[first_leaf_[tree] + leaf]; };
        const float* const rows = x.data + begin * x.cols;
        wide_ ? walk_block(wide_nodes_, 0, n_trees(), rows, end - begin, add) : walk_block(narrow_nodes_, 0, n_trees(), rows, end - begin, add);
    });
}

}  // namespace emotion::trees
