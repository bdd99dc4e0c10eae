#include "emotion/explain/tree_shap.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "quadrature.hpp"

namespace emotion::explain {
namespace {

constexpr std::size_t max_levels = 4096;
constexpr std::size_t rows_a_block = 4;

// One node as the walk needs it. Children by index into the same array.
struct Node {
    double left_share = 0;      // of the node's cover
    double right_share = 0;
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::int32_t feature = -1;  // -1: leaf
    float threshold = 0;
    std::int32_t only_class = -1;   // of a pure leaf
    bool missing_left = false;
};

// Distinct columns on the way to each leaf, by a walk with counts; a child comes after its parent, so levels go forward.
std::size_t widest_path(const trees::Forest& forest, std::size_t begin, std::vector<std::uint32_t>& uses) {
    struct Step {
        std::size_t node;
        bool leave;
    };
    std::vector<Step> stack{{begin, false}};
    std::size_t distinct = 0;
    std::size_t widest = 0;
    while (!stack.empty()) {
        const Step step = stack.back();
        stack.pop_back();
        const std::int32_t feature = forest.feature[step.node];
        if (feature < 0) {
            continue;
        }
        std::uint32_t& count = uses[static_cast<std::size_t>(feature)];
        if (step.leave) {
            distinct -= --count == 0 ? 1 : 0;
            continue;
        }
        distinct += count++ == 0 ? 1 : 0;
        widest = std::max(widest, distinct);
        stack.push_back({step.node, true});
        stack.push_back({begin + static_cast<std::size_t>(forest.right[step.node]), false});
        stack.push_back({begin + static_cast<std::size_t>(forest.left[step.node]), false});
    }
    return widest;
}

Node node_of(const trees::Forest& forest, std::size_t begin, std::size_t i) {
    Node node;
    node.feature = forest.feature[i];
    if (node.feature < 0) {
        const auto* const value = forest.value.data() + i * forest.n_classes;
        for (std::size_t c = 0; c < forest.n_classes; ++c) {
            if (value[c] == 1.0) {
                node.only_class = static_cast<std::int32_t>(c);
            }
        }
        return node;
    }
    const std::size_t left = begin + static_cast<std::size_t>(forest.left[i]);
    const std::size_t right = begin + static_cast<std::size_t>(forest.right[i]);
    const double cover = forest.cover[left] + forest.cover[right];
    node.left = static_cast<std::uint32_t>(left);
    node.right = static_cast<std::uint32_t>(right);
    node.left_share = cover > 0 ? forest.cover[left] / cover : 0.5;
    node.right_share = cover > 0 ? forest.cover[right] / cover : 0.5;
    node.threshold = forest.threshold[i];
    node.missing_left = forest.missing_left[i] != 0;
    return node;
}

// A tree whose paths hold so many distinct columns takes twice as many points.
std::size_t half_points(std::size_t columns) { return (std::max<std::size_t>(columns, 1) + 3) / 4; }

}  // namespace

struct TreeShap::Plan {
    std::size_t n_features = 0;
    std::size_t n_classes = 0;
    std::vector<Node> nodes;
    std::vector<double> value;          // nodes x classes
    std::vector<std::uint32_t> roots;
    std::vector<std::size_t> levels;    // a tree: of its deepest leaf
    std::vector<std::size_t> columns;   // a tree: most distinct columns on one path
    std::vector<Quadrature> rules;      // by half the number of points
    std::vector<double> base;           // classes
    std::size_t deepest = 0;            // of all trees
    std::size_t widest = 1;
};

namespace {

using Plan = TreeShap::Plan;

void add_trees(const trees::Forest& forest, Plan& plan) {
    plan.nodes.resize(forest.n_nodes());
    std::vector<std::size_t> level(forest.n_nodes(), 0);
    std::vector<std::uint32_t> uses(forest.n_features, 0);
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
        const auto end = static_cast<std::size_t>(forest.tree_offsets[t + 1]);
        std::size_t deepest = 0;
        for (std::size_t i = begin; i < end; ++i) {
            plan.nodes[i] = node_of(forest, begin, i);
            deepest = std::max(deepest, level[i]);
            if (plan.nodes[i].feature >= 0) {
                level[plan.nodes[i].left] = level[plan.nodes[i].right] = level[i] + 1;
            }
        }
        if (deepest > max_levels) {
            throw InvalidInputError("forest", "tree_shap", "trees of at most " + std::to_string(max_levels) + " levels", std::to_string(deepest));
        }
        plan.roots.push_back(static_cast<std::uint32_t>(begin));
        plan.levels.push_back(deepest);
        plan.columns.push_back(widest_path(forest, begin, uses));
        plan.deepest = std::max(plan.deepest, plan.levels.back());
        plan.widest = std::max(plan.widest, plan.columns.back());
    }
}

// What a walk keeps: the distinct columns of the path with their factors at the points, and the products level by level.
struct Scratch {
    struct Entry {
        double z = 1;
        std::uint32_t feature = 0;
        bool hot = true;
    };
    std::vector<Entry> entries;
    std::vector<double> inverse;      // entries x points: 1 / factor
    std::vector<double> product;      // levels x points
    std::vector<double> saved;        // levels x points: inverses of an entry while a deeper condition refines it
    std::vector<std::int32_t> place;  // feature -> entry, or -1
    std::size_t n_entries = 0;
};

// `points` is Q where Q > 0, so that the loops over points unroll.
template <int Q>
class Walk {
public:
    Walk(const Plan& plan, const Quadrature& rule, Scratch& scratch, const float* x, double* values)
        : plan_(plan), nodes_(plan.nodes.data()), rule_(rule), s_(scratch), x_(x), values_(values), points_(rule.at.size()) {}

    void tree(std::uint32_t root) {
        s_.n_entries = 0;
        std::fill_n(s_.product.data(), points(), 1.0);
        visit(root, 0);
    }

private:
    [[nodiscard]] std::size_t points() const { return Q > 0 ? static_cast<std::size_t>(Q) : points_; }

    void visit(std::uint32_t index, std::size_t level) {
        const Node& node = nodes_[index];
        if (node.feature < 0) {
            leaf(node, index, level);
            return;
        }
        const float value = x_[node.feature];
        const bool left = value <= node.threshold || (value != value && node.missing_left);
        descend(node.left, static_cast<std::uint32_t>(node.feature), node.left_share, left, level);
        descend(node.right, static_cast<std::uint32_t>(node.feature), node.right_share, !left, level);
    }

    void descend(std::uint32_t child, std::uint32_t feature, double share, bool hot, std::size_t level) {
        const std::size_t n = points();
        const std::int32_t known = s_.place[feature];
        const std::size_t at = known < 0 ? s_.n_entries : static_cast<std::size_t>(known);
        Scratch::Entry& entry = s_.entries[at];
        const Scratch::Entry before = entry;
        const double z = known < 0 ? share : before.z * share;
        const bool o = known < 0 ? hot : before.hot && hot;
        if (z <= 0 && !o) {
            return;  // no coalition reaches the child
        }
        double* const inverse = s_.inverse.data() + at * n;
        double* const saved = s_.saved.data() + level * n;
        const double* const product = s_.product.data() + level * n;
        double* const next = s_.product.data() + (level + 1) * n;
        const double o_factor = o ? 1.0 : 0.0;
        if (known < 0) {
            for (std::size_t q = 0; q < n; ++q) {
                const double factor = z * rule_.complement[q] + o_factor * rule_.at[q];
                inverse[q] = 1 / factor;
                next[q] = product[q] * factor;
            }
            s_.place[feature] = static_cast<std::int32_t>(at);
            ++s_.n_entries;
        } else {
            for (std::size_t q = 0; q < n; ++q) {
                const double factor = z * rule_.complement[q] + o_factor * rule_.at[q];
                saved[q] = inverse[q];
                next[q] = product[q] * inverse[q] * factor;
                inverse[q] = 1 / factor;
            }
        }
        entry = {z, feature, o};
        visit(child, level + 1);
        s_.entries[at] = before;
        if (known < 0) {
            s_.place[feature] = -1;
            --s_.n_entries;
        } else {
            std::copy_n(s_.saved.data() + level * n, n, s_.inverse.data() + at * n);
        }
    }

    void leaf(const Node& node, std::uint32_t index, std::size_t level) {
        const std::size_t n = points();
        const double* const product = s_.product.data() + level * n;
        double weighted[Q > 0 ? Q : 1];
        double* const w = Q > 0 ? weighted : s_.product.data() + (level + 1) * n;
        double cold = 0;
        for (std::size_t q = 0; q < n; ++q) {
            w[q] = product[q] * rule_.weight[q];
            cold -= product[q] * rule_.weight_cold[q];
        }
        for (std::size_t e = 0; e < s_.n_entries; ++e) {
            const Scratch::Entry& entry = s_.entries[e];
            double share = cold;  // o = 0: -z / (z (1 - t)) is the same for all such columns
            if (entry.hot) {
                const double* const inverse = s_.inverse.data() + e * n;
                share = 0;
                for (std::size_t q = 0; q < n; ++q) {
                    share += w[q] * inverse[q];
                }
                share *= 1 - entry.z;
            }
            add(node, index, values_ + entry.feature * plan_.n_classes, share);
        }
    }

    void add(const Node& node, std::uint32_t index, double* out, double share) const {
        if (node.only_class >= 0) {
            out[node.only_class] += share;
            return;
        }
        const double* const value = plan_.value.data() + index * plan_.n_classes;
        for (std::size_t c = 0; c < plan_.n_classes; ++c) {
            out[c] += share * value[c];
        }
    }

    const Plan& plan_;
    const Node* nodes_;
    const Quadrature& rule_;
    Scratch& s_;
    const float* x_;
    double* values_;
    std::size_t points_;
};

template <int Q>
void walk_tree(const Plan& plan, const Quadrature& rule, Scratch& scratch, std::size_t tree, const float* x, double* values) {
    Walk<Q>(plan, rule, scratch, x, values).tree(plan.roots[tree]);
}

using WalkFunction = void (*)(const Plan&, const Quadrature&, Scratch&, std::size_t, const float*, double*);

WalkFunction walk_for(std::size_t points) {
    switch (points) {
        case 2: return walk_tree<2>;
        case 4: return walk_tree<4>;
        case 6: return walk_tree<6>;
        case 8: return walk_tree<8>;
        case 10: return walk_tree<10>;
        case 12: return walk_tree<12>;
        default: return walk_tree<0>;
    }
}

// The output where no column is known: leaves weighted by their share of cover.
std::vector<double> base_values(const Plan& plan) {
    std::vector<double> base(plan.n_classes, 0.0);
    std::vector<double> reach(plan.nodes.size(), 0.0);
    for (const std::uint32_t root : plan.roots) {
        reach[root] = 1;
    }
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
        const Node& node = plan.nodes[i];
        if (node.feature >= 0) {
            reach[node.left] = reach[i] * node.left_share;
            reach[node.right] = reach[i] * node.right_share;
            continue;
        }
        for (std::size_t c = 0; c < base.size(); ++c) {
            base[c] += reach[i] * plan.value[i * base.size() + c];
        }
    }
    for (double& value : base) {
        value /= static_cast<double>(plan.roots.size());
    }
    return base;
}

}  // namespace

TreeShap::TreeShap(const trees::Forest& forest) {
    auto plan = std::make_unique<Plan>();
    plan->n_features = forest.n_features;
    plan->n_classes = forest.n_classes;
    plan->value = forest.value;
    add_trees(forest, *plan);
    plan->base = base_values(*plan);
    for (std::size_t h = 0; h <= half_points(plan->widest); ++h) {
        plan->rules.push_back(gauss_legendre(2 * h));
    }
    plan_ = std::move(plan);
}

TreeShap::TreeShap(TreeShap&&) noexcept = default;
TreeShap& TreeShap::operator=(TreeShap&&) noexcept = default;
TreeShap::~TreeShap() = default;

void TreeShap::explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const {
    const Plan& plan = *plan_;
    if (x.cols != plan.n_features) {
        throw InvalidInputError("x", "tree_shap", "a matrix of " + std::to_string(plan.n_features) + " columns", std::to_string(x.cols));
    }
    const std::size_t row_size = plan.n_features * plan.n_classes;
    if (values.size() != x.rows * row_size || base.size() != plan.n_classes) {
        throw InvalidInputError("values and base", "tree_shap", "rows x features x classes, and classes", std::to_string(values.size()));
    }
    std::ranges::copy(plan.base, base.begin());
    const std::size_t most_points = 2 * half_points(plan.widest);
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        Scratch scratch;
        scratch.entries.resize(plan.widest + 1);
        scratch.inverse.resize((plan.widest + 1) * most_points);
        scratch.product.resize((plan.deepest + 2) * most_points);
        scratch.saved.resize((plan.deepest + 2) * most_points);
        scratch.place.assign(plan.n_features, -1);
        for (std::size_t r = begin; r < end; ++r) {
            double* const out = values.data() + r * row_size;
            std::fill_n(out, row_size, 0.0);
            for (std::size_t t = 0; t < plan.roots.size(); ++t) {
                stop.check();
                const Quadrature& rule = plan.rules[half_points(plan.columns[t])];
                walk_for(rule.at.size())(plan, rule, scratch, t, x.row(r).data(), out);
            }
            for (std::size_t i = 0; i < row_size; ++i) {
                out[i] /= static_cast<double>(plan.roots.size());
            }
            stop.advance();
        }
    });
}

void tree_shap(const trees::Forest& forest, MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) {
    TreeShap(forest).explain(x, values, base, parallel, stop);
}

}  // namespace emotion::explain
