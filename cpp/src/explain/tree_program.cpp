#include "tree_program.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::explain {
namespace {

constexpr std::size_t max_levels = 4096;
constexpr std::size_t max_level_points = std::size_t{1} << 20;
constexpr double sum_tolerance = 1e-12;

// Compiles one tree after another; the vectors are indexed by node relative to the tree.
class Compiler {
public:
    Compiler(const TreeArrays& trees, Program& program) : trees_(trees), program_(program), last_use_(trees.n_features) {}

    void tree(std::size_t t) {
        begin_ = static_cast<std::size_t>(trees_.tree_offsets[t]);
        const std::size_t nodes = static_cast<std::size_t>(trees_.tree_offsets[t + 1]) - begin_;
        first_output_ = trees_.first_output(t);
        measure(nodes);
        TreeProgram tree{program_.steps.size(), program_.events.size(), 0, program_.terms.size(), program_.constants.size(), 1};
        first_step_ = tree.steps;
        widest_ = 1;
        distinct_ = 0;
        visit(0, 0, 0);
        tree.n_events = program_.events.size() - tree.events;
        tree.points = (widest_ + 1) / 2;
        program_.points = std::max(program_.points, tree.points);
        if (program_.levels * program_.points > max_level_points) {
            throw InvalidInputError("model", "TreeShap", "trees of at most " + std::to_string(max_level_points) + " levels times points of quadrature",
                                    std::to_string(program_.levels) + " levels and " + std::to_string(program_.points) + " points");
        }
        program_.trees.push_back(tree);
    }

private:
    struct Use {
        std::int32_t level = -1;
        double share = 1;
    };

    [[nodiscard]] bool leaf(std::size_t i) const { return trees_.feature[begin_ + i] < 0; }
    [[nodiscard]] std::size_t left(std::size_t i) const { return static_cast<std::size_t>(trees_.left[begin_ + i]); }
    [[nodiscard]] std::size_t right(std::size_t i) const { return static_cast<std::size_t>(trees_.right[begin_ + i]); }
    [[nodiscard]] double constant(std::size_t i, std::size_t k) const { return trees_.value[(begin_ + i) * trees_.width + k]; }
    [[nodiscard]] bool left_out(std::size_t k) const { return static_cast<std::int64_t>(first_output_ + k) == program_.implied; }

    // Levels, stack places that a walk of each subtree needs, and which outputs occur in it. A child comes after its parent.
    void measure(std::size_t nodes) {
        level_.assign(nodes, 0);
        need_.assign(nodes, 0);
        occurs_.assign(nodes * trees_.width, 0);
        std::size_t deepest = 0;
        for (std::size_t i = 0; i < nodes; ++i) {
            if (!leaf(i)) {
                level_[left(i)] = level_[right(i)] = level_[i] + 1;
                deepest = std::max<std::size_t>(deepest, level_[i] + 1);
            }
        }
        if (deepest > max_levels) {
            throw InvalidInputError("model", "TreeShap", "trees of at most " + std::to_string(max_levels) + " levels", std::to_string(deepest));
        }
        program_.levels = std::max(program_.levels, deepest);
        for (std::size_t i = nodes; i-- > 0;) {
            for (std::size_t k = 0; k < trees_.width; ++k) {
                occurs_[i * trees_.width + k] = leaf(i) ? constant(i, k) != 0 : occurs_[left(i) * trees_.width + k] || occurs_[right(i) * trees_.width + k];
            }
            if (!leaf(i)) {
                const std::uint32_t a = need_[left(i)];
                const std::uint32_t b = need_[right(i)];
                need_[i] = a == b ? a + 1 : std::max(a, b);
            }
        }
        program_.slots = std::max<std::size_t>(program_.slots, need_[0] + 1);
    }

    void event(std::size_t step, Event kind) {
        program_.events.push_back(static_cast<std::uint32_t>(step - first_step_) * 4 + static_cast<std::uint32_t>(kind));
    }

    void visit(std::size_t i, std::size_t level, std::uint32_t slot) {
        if (leaf(i)) {
            return;
        }
        const std::size_t at = program_.steps.size();
        program_.steps.push_back({});
        NodeStep step;
        step.first_is_right = need_[right(i)] > need_[left(i)];
        const std::size_t first = step.first_is_right ? right(i) : left(i);
        const std::size_t second = step.first_is_right ? left(i) : right(i);
        const double cover = trees_.cover[begin_ + first] + trees_.cover[begin_ + second];
        const double share = cover > 0 ? trees_.cover[begin_ + first] / cover : 0.5;
        step.feature = static_cast<std::uint32_t>(trees_.feature[begin_ + i]);
        step.threshold = trees_.threshold[begin_ + i];
        step.missing_first = (trees_.missing_left[begin_ + i] != 0) != step.first_is_right;
        step.constants = leaf(second);
        step.level = static_cast<std::uint32_t>(level);
        step.slot = slot;
        Use& use = last_use_[step.feature];
        const Use before = use;
        distinct_ += before.level < 0 ? 1 : 0;
        widest_ = std::max(widest_, distinct_);
        step.parent_level = before.level;
        step.parent_share = before.share;
        step.share = before.share * share;
        if (leaf(first)) {
            event(at, Event::pair);
        } else {
            event(at, Event::enter);
            use = {static_cast<std::int32_t>(level), step.share};
            visit(first, level + 1, slot);
            if (!leaf(second)) {
                event(at, Event::second);
                use = {static_cast<std::int32_t>(level), before.share * (1 - share)};
                visit(second, level + 1, slot + 1);
            }
            use = before;
            event(at, Event::leave);
        }
        distinct_ -= before.level < 0 ? 1 : 0;
        step.n_terms = terms(first, second);
        program_.steps[at] = step;
    }

    std::uint32_t terms(std::size_t first, std::size_t second) {
        const std::size_t begin = program_.terms.size();
        for (std::size_t k = 0; k < trees_.width; ++k) {
            const bool in_first = occurs_[first * trees_.width + k] != 0;
            const bool in_second = occurs_[second * trees_.width + k] != 0;
            if (left_out(k) || (!in_first && !in_second)) {
                continue;
            }
            TermKind kind = in_first ? (in_second ? TermKind::inner_inner : TermKind::inner_none) : TermKind::none_inner;
            if (leaf(first)) {
                kind = TermKind::leaf_leaf;
                program_.constants.push_back(constant(first, k));
                program_.constants.push_back(constant(second, k));
            } else if (in_second && leaf(second)) {
                kind = in_first ? TermKind::inner_leaf : TermKind::none_leaf;
                program_.constants.push_back(constant(second, k));
            }
            program_.terms.push_back({static_cast<std::uint32_t>(first_output_ + k), kind});
        }
        return static_cast<std::uint32_t>(program_.terms.size() - begin);
    }

    const TreeArrays& trees_;
    Program& program_;
    std::vector<Use> last_use_;   // feature -> its nearest condition on the path
    std::vector<std::size_t> level_;
    std::vector<std::uint32_t> need_;
    std::vector<std::uint8_t> occurs_;
    std::size_t begin_ = 0;
    std::size_t first_output_ = 0;
    std::size_t first_step_ = 0;
    std::size_t widest_ = 1;
    std::size_t distinct_ = 0;
};

// The output that occurs in most leaves, if the outputs of every leaf of a tree sum to the same; else -1.
std::int64_t implied_output(const TreeArrays& trees) {
    if (trees.width != trees.n_outputs || trees.n_outputs < 2) {
        return -1;
    }
    std::vector<std::size_t> count(trees.n_outputs, 0);
    for (std::size_t i = 0; i < trees.feature.size(); ++i) {
        if (trees.feature[i] >= 0) {
            continue;
        }
        double sum = 0;
        for (std::size_t k = 0; k < trees.width; ++k) {
            const double value = trees.value[i * trees.width + k];
            sum += value;
            count[k] += value != 0 ? 1 : 0;
        }
        if (!(std::abs(sum - 1) <= sum_tolerance)) {
            return -1;
        }
    }
    return std::ranges::max_element(count) - count.begin();
}

// The outputs where no column is known: leaves weighted by their share of cover.
std::vector<double> base_values(const TreeArrays& trees) {
    std::vector<double> base(trees.n_outputs, 0.0);
    std::vector<double> reach(trees.feature.size(), 0.0);
    for (std::size_t t = 0; t < trees.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(trees.tree_offsets[t]);
        const auto end = static_cast<std::size_t>(trees.tree_offsets[t + 1]);
        double* const out = base.data() + trees.first_output(t);
        reach[begin] = 1;
        for (std::size_t i = begin; i < end; ++i) {
            if (trees.feature[i] < 0) {
                for (std::size_t k = 0; k < trees.width; ++k) {
                    out[k] += reach[i] * trees.value[i * trees.width + k];
                }
                continue;
            }
            const std::size_t left = begin + static_cast<std::size_t>(trees.left[i]);
            const std::size_t right = begin + static_cast<std::size_t>(trees.right[i]);
            const double cover = trees.cover[left] + trees.cover[right];
            const double share = cover > 0 ? trees.cover[left] / cover : 0.5;
            reach[left] = reach[i] * share;
            reach[right] = reach[i] * (1 - share);
        }
    }
    for (std::size_t k = 0; k < base.size(); ++k) {
        base[k] = base[k] * trees.scale + (trees.baseline.empty() ? 0.0 : trees.baseline[k]);
    }
    return base;
}

}  // namespace

TreeArrays arrays_of(const trees::Forest& forest) {
    return {forest.n_features, forest.n_classes, forest.n_classes, forest.tree_offsets, forest.feature, forest.threshold,
            forest.left, forest.right, forest.missing_left, forest.cover, forest.value, {},
            forest.n_trees() == 0 ? 1.0 : 1.0 / static_cast<double>(forest.n_trees())};
}

TreeArrays arrays_of(const trees::Boosting& boosting) {
    return {boosting.n_features, boosting.n_outputs(), boosting.leaf_width, boosting.tree_offsets, boosting.feature, boosting.threshold,
            boosting.left, boosting.right, boosting.missing_left, boosting.cover, boosting.value, boosting.baseline, 1.0};
}

Program compile(const TreeArrays& trees) {
    Program program;
    program.n_features = trees.n_features;
    program.n_outputs = trees.n_outputs;
    program.scale = trees.scale;
    program.implied = implied_output(trees);
    program.base = base_values(trees);
    Compiler compiler(trees, program);
    for (std::size_t t = 0; t < trees.n_trees(); ++t) {
        compiler.tree(t);
    }
    return program;
}

}  // namespace emotion::explain
