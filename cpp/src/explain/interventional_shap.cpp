#include "emotion/explain/interventional_shap.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "tree_program.hpp"

namespace emotion::explain {
namespace {

constexpr std::size_t max_levels = 4096;
constexpr std::size_t max_bytes = std::size_t{4} << 30;
constexpr std::size_t word_bits = 64;
constexpr std::size_t rows_a_block = 4;

struct Node {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::int32_t feature = -1;  // -1: leaf
    float threshold = 0;
    bool missing_left = false;

    [[nodiscard]] bool goes_left(float x) const { return x != x ? missing_left : x <= threshold; }
};

}  // namespace

struct InterventionalShap::Plan {
    std::size_t n_features = 0;
    std::size_t n_outputs = 0;
    std::size_t width = 0;
    std::size_t n_background = 0;
    std::size_t words = 0;
    double scale = 1;                       // of a tree's sum over the background
    std::vector<std::uint32_t> roots;
    std::vector<Node> nodes;
    std::vector<std::uint64_t> goes_left;   // words x nodes: background rows that go left at the node, whether they reach it or not
    std::vector<double> value;              // nodes x width
    std::vector<double> beta;               // (a, b) -> (a - 1)! b! / (a + b)!, a >= 1
    std::vector<double> base;               // n_outputs
    std::size_t deepest = 0;
    std::size_t widest = 0;

    [[nodiscard]] std::size_t first_output(std::size_t tree) const { return width == n_outputs ? 0 : tree % n_outputs; }
    [[nodiscard]] double weight(std::size_t a, std::size_t b) const { return beta[(a - 1) * (widest + 1) + b]; }
};

namespace {

using Plan = InterventionalShap::Plan;

void add_nodes(const TreeArrays& trees, Plan& plan) {
    plan.nodes.resize(trees.feature.size());
    std::vector<std::size_t> level(plan.nodes.size(), 0);
    for (std::size_t t = 0; t < trees.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(trees.tree_offsets[t]);
        const auto end = static_cast<std::size_t>(trees.tree_offsets[t + 1]);
        plan.roots.push_back(static_cast<std::uint32_t>(begin));
        for (std::size_t i = begin; i < end; ++i) {
            plan.deepest = std::max(plan.deepest, level[i]);
            if (trees.feature[i] < 0) {
                continue;
            }
            const std::size_t left = begin + static_cast<std::size_t>(trees.left[i]);
            const std::size_t right = begin + static_cast<std::size_t>(trees.right[i]);
            plan.nodes[i] = {static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right), trees.feature[i], trees.threshold[i], trees.missing_left[i] != 0};
            level[left] = level[right] = level[i] + 1;
        }
    }
    if (plan.deepest > max_levels) {
        throw InvalidInputError("model", "InterventionalShap", "trees of at most " + std::to_string(max_levels) + " levels", std::to_string(plan.deepest));
    }
    plan.widest = std::min(plan.deepest, plan.n_features);
}

void add_background(MatrixView<const float> background, Plan& plan, StopToken& stop) {
    const std::size_t n = plan.nodes.size();
    plan.goes_left.assign(plan.words * n, 0);
    for (std::size_t i = 0; i < n; ++i) {
        const Node& node = plan.nodes[i];
        if (i % 1024 == 0) {
            stop.check();
        }
        for (std::size_t r = 0; node.feature >= 0 && r < background.rows; ++r) {
            const bool left = node.goes_left(background(r, static_cast<std::size_t>(node.feature)));
            plan.goes_left[r / word_bits * n + i] |= std::uint64_t{left ? 1U : 0U} << (r % word_bits);
        }
    }
}

// (a - 1)! b! / (a + b)! for all that a path can hold: 1 / a for b = 0, then b / (a + b) times the one before.
void add_weights(Plan& plan) {
    const std::size_t most = plan.widest;
    plan.beta.assign(std::max<std::size_t>(most, 1) * (most + 1), 0.0);
    for (std::size_t a = 1; a <= most; ++a) {
        double weight = 1 / static_cast<double>(a);
        for (std::size_t b = 0; a + b <= most; ++b) {
            weight *= b == 0 ? 1 : static_cast<double>(b) / static_cast<double>(a + b);
            plan.beta[(a - 1) * (most + 1) + b] = weight;
        }
    }
}

// The mean output over the background.
std::vector<double> base_values(const TreeArrays& trees, MatrixView<const float> background, const Plan& plan, StopToken& stop) {
    std::vector<double> base(plan.n_outputs, 0.0);
    for (std::size_t t = 0; t < plan.roots.size(); ++t) {
        stop.check();
        for (std::size_t r = 0; r < background.rows; ++r) {
            std::size_t i = plan.roots[t];
            while (plan.nodes[i].feature >= 0) {
                const Node& node = plan.nodes[i];
                i = node.goes_left(background(r, static_cast<std::size_t>(node.feature))) ? node.left : node.right;
            }
            for (std::size_t k = 0; k < plan.width; ++k) {
                base[plan.first_output(t) + k] += plan.value[i * plan.width + k];
            }
        }
    }
    for (std::size_t k = 0; k < base.size(); ++k) {
        base[k] = base[k] * plan.scale + (trees.baseline.empty() ? 0.0 : trees.baseline[k]);
    }
    return base;
}

std::unique_ptr<const Plan> plan_of(const TreeArrays& trees, MatrixView<const float> background, StopToken& stop) {
    auto plan = std::make_unique<Plan>();
    plan->n_features = trees.n_features;
    plan->n_outputs = trees.n_outputs;
    plan->width = trees.width;
    plan->n_background = background.rows;
    plan->words = (background.rows + word_bits - 1) / word_bits;
    if (background.rows == 0 || background.cols != trees.n_features) {
        throw InvalidInputError("background", "InterventionalShap", "at least one row of " + std::to_string(trees.n_features) + " columns",
                                std::to_string(background.rows) + " rows of " + std::to_string(background.cols));
    }
    if (plan->words > max_bytes / sizeof(std::uint64_t) / std::max<std::size_t>(trees.feature.size(), 1)) {
        throw InvalidInputError("background", "InterventionalShap", "few enough rows for 4 GiB at 8 bytes a node and 64 rows (a sample of some hundred rows will do)",
                                std::to_string(background.rows) + " rows and " + std::to_string(trees.feature.size()) + " nodes");
    }
    plan->scale = trees.scale / static_cast<double>(background.rows);
    plan->value.assign(trees.value.begin(), trees.value.end());
    add_nodes(trees, *plan);
    add_background(background, *plan, stop);
    add_weights(*plan);
    plan->base = base_values(trees, background, *plan, stop);
    return plan;
}

// One row against 64 background rows, tree after tree.
class Walk {
public:
    explicit Walk(const Plan& plan) : plan_(plan), taken_(plan.n_features, Taken::neither), sums_((plan.deepest + 2) * 2 * plan.width) {}

    void tree(std::size_t t, std::size_t word, std::uint64_t rows, const float* x, double* out) {
        goes_left_ = plan_.goes_left.data() + word * plan_.nodes.size();
        x_ = x;
        out_ = out + plan_.first_output(t);
        visit(plan_.roots[t], rows, 0, 0, sums_.data());
    }

private:
    // Where a column's value comes from below the node at which the paths parted in it.
    enum class Taken : std::uint8_t { neither, explained, background };

    // Sets sum[0 … width) to the leaves below with the weight of a column taken from the explained row, the next `width` to those with the weight
    // of a column taken from the background. `sum + 2 width` is free memory.
    void visit(std::uint32_t index, std::uint64_t rows, std::size_t a, std::size_t b, double* sum) {
        const Node* node = &plan_.nodes[index];
        const std::size_t width = plan_.width;
        while (node->feature >= 0) {
            const auto feature = static_cast<std::size_t>(node->feature);
            const bool left = node->goes_left(x_[feature]);
            const std::uint64_t lefts = goes_left_[index];
            const Taken taken = taken_[feature];
            std::uint64_t along = rows;   // rows that need only one child
            std::uint32_t next = left ? node->left : node->right;
            if (taken == Taken::neither) {
                along = rows & (left ? lefts : ~lefts);
            } else if (taken == Taken::background) {
                const bool all_left = (rows & ~lefts) == 0;
                along = all_left || (rows & lefts) == 0 ? rows : 0;
                next = all_left ? node->left : node->right;
            }
            if (along != rows) {
                if (taken == Taken::neither) {
                    part(*node, rows, along, a, b, sum);
                } else {
                    fork(*node, rows, lefts, a, b, sum);
                }
                return;
            }
            index = next;
            node = &plan_.nodes[index];
        }
        const double count = std::popcount(rows);
        const double explained = a == 0 ? 0 : count * plan_.weight(a, b);
        const double background = b == 0 ? 0 : count * plan_.weight(b, a);
        const double* const value = plan_.value.data() + index * width;
        for (std::size_t k = 0; k < width; ++k) {
            sum[k] = explained * value[k];
            sum[width + k] = background * value[k];
        }
    }

    // Some rows leave the explained row's path here for the first time in this column.
    void part(const Node& node, std::uint64_t rows, std::uint64_t along, std::size_t a, std::size_t b, double* sum) {
        const std::size_t width = plan_.width;
        const auto feature = static_cast<std::size_t>(node.feature);
        const bool left = node.goes_left(x_[feature]);
        const std::uint32_t own = left ? node.left : node.right;
        const std::uint32_t other = left ? node.right : node.left;
        const std::uint64_t parting = rows & ~along;
        double* const out = out_ + feature * plan_.n_outputs;
        double* const more = sum + 2 * width;
        taken_[feature] = Taken::explained;
        visit(own, parting, a + 1, b, sum);
        taken_[feature] = Taken::background;
        visit(other, parting, a, b + 1, more);
        taken_[feature] = Taken::neither;
        for (std::size_t k = 0; k < width; ++k) {
            out[k] += sum[k] - more[width + k];
            sum[k] += more[k];
            sum[width + k] += more[width + k];
        }
        if (along != 0) {
            visit(own, along, a, b, more);
            add(sum, more);
        }
    }

    // The column comes from the background, whose rows go both ways.
    void fork(const Node& node, std::uint64_t rows, std::uint64_t lefts, std::size_t a, std::size_t b, double* sum) {
        double* const more = sum + 2 * plan_.width;
        visit(node.left, rows & lefts, a, b, sum);
        visit(node.right, rows & ~lefts, a, b, more);
        add(sum, more);
    }

    void add(double* sum, const double* more) const {
        for (std::size_t k = 0; k < 2 * plan_.width; ++k) {
            sum[k] += more[k];
        }
    }

    const Plan& plan_;
    std::vector<Taken> taken_;   // by column
    std::vector<double> sums_;   // levels x 2 x width
    const std::uint64_t* goes_left_ = nullptr;
    const float* x_ = nullptr;
    double* out_ = nullptr;
};

void explain_block(const Plan& plan, MatrixView<const float> x, std::size_t begin, std::size_t end, double* values, StopToken& stop) {
    Walk walk(plan);
    const std::size_t row_size = plan.n_features * plan.n_outputs;
    std::fill_n(values + begin * row_size, (end - begin) * row_size, 0.0);
    for (std::size_t t = 0; t < plan.roots.size(); ++t) {
        for (std::size_t word = 0; word < plan.words; ++word) {
            const std::size_t left = plan.n_background - word * word_bits;
            const std::uint64_t rows = left >= word_bits ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
            for (std::size_t r = begin; r < end; ++r) {
                stop.check();
                walk.tree(t, word, rows, x.row(r).data(), values + r * row_size);
            }
        }
    }
    for (std::size_t i = begin * row_size; i < end * row_size; ++i) {
        values[i] *= plan.scale;
    }
    stop.advance(end - begin);
}

}  // namespace

InterventionalShap::InterventionalShap(const trees::Forest& forest, MatrixView<const float> background, StopToken& stop)
    : plan_(plan_of(arrays_of(forest), background, stop)) {}
InterventionalShap::InterventionalShap(const trees::Boosting& boosting, MatrixView<const float> background, StopToken& stop)
    : plan_(plan_of(arrays_of(boosting), background, stop)) {}
InterventionalShap::InterventionalShap(InterventionalShap&&) noexcept = default;
InterventionalShap& InterventionalShap::operator=(InterventionalShap&&) noexcept = default;
InterventionalShap::~InterventionalShap() = default;

std::size_t InterventionalShap::n_features() const { return plan_->n_features; }
std::size_t InterventionalShap::n_outputs() const { return plan_->n_outputs; }

void InterventionalShap::explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const {
    const Plan& plan = *plan_;
    if (x.cols != plan.n_features) {
        throw InvalidInputError("x", "InterventionalShap", "a matrix of " + std::to_string(plan.n_features) + " columns", std::to_string(x.cols));
    }
    if (values.size() != x.rows * plan.n_features * plan.n_outputs || base.size() != plan.n_outputs) {
        throw InvalidInputError("values and base", "InterventionalShap", "rows x features x outputs, and outputs", std::to_string(values.size()));
    }
    std::ranges::copy(plan.base, base.begin());
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) { explain_block(plan, x, begin, end, values.data(), stop); });
}

}  // namespace emotion::explain
