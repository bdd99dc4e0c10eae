#include "emotion/explain/tree_shap.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "quadrature.hpp"
#include "tree_program.hpp"
#include "tree_walk.hpp"

namespace emotion::explain {

struct TreeShap::Plan {
    Program program;
    std::vector<Quadrature> rules;  // by the number of points
};

namespace {

using Plan = TreeShap::Plan;

// The memory of one walk over all trees, for one block of rows.
class Block {
public:
    explicit Block(const Plan& plan) : plan_(plan), program_(plan.program) {
        const std::size_t at_points = (program_.levels + 1) * program_.points;
        x_.resize(program_.n_features);
        product_.resize(at_points);
        factor_.resize(at_points);
        kernel_.resize(at_points);
        open_.resize(program_.levels + 1);
        excess_.resize(program_.levels + 1);
        result_.resize(program_.slots * program_.n_outputs * program_.points);
        sum_.resize(program_.n_features * program_.n_outputs);
    }

    // Rows begin … end (at most eight) of x; their values in `out`.
    void explain(MatrixView<const float> x, std::size_t begin, std::size_t end, double* out, const StopToken& stop) {
        for (std::size_t j = 0; j < x.cols; ++j) {
            for (std::size_t r = 0; r < lanes; ++r) {
                x_[j].value[r] = begin + r < end ? x(begin + r, j) : 0.0F;
            }
        }
        std::ranges::fill(sum_, LaneBlock{});
        const WalkMemory memory{x_.front().value, product_.front().value, factor_.front().value, kernel_.front().value,
                                open_.front().value, excess_.front().value, result_.front().value, sum_.front().value};
        for (const TreeProgram& tree : program_.trees) {
            stop.check();
            const Quadrature& rule = plan_.rules[tree.points];
            walk(program_, tree, {rule.at.data(), rule.complement.data(), rule.weight.data(), tree.points}, memory);
        }
        const std::size_t row_size = sum_.size();
        for (std::size_t r = begin; r < end; ++r) {
            write(r - begin, out + (r - begin) * row_size);
        }
    }

private:
    void write(std::size_t lane, double* out) const {
        const std::size_t n_outputs = program_.n_outputs;
        for (std::size_t j = 0; j < program_.n_features; ++j) {
            double others = 0;
            for (std::size_t k = 0; k < n_outputs; ++k) {
                const double value = sum_[j * n_outputs + k].value[lane] * program_.scale;
                out[j * n_outputs + k] = value;
                others += value;
            }
            if (program_.implied >= 0) {
                out[j * n_outputs + static_cast<std::size_t>(program_.implied)] = others == 0 ? 0 : -others;
            }
        }
    }

    const Plan& plan_;
    const Program& program_;
    std::vector<FloatLaneBlock> x_;
    std::vector<LaneBlock> product_;
    std::vector<LaneBlock> factor_;
    std::vector<LaneBlock> kernel_;
    std::vector<LaneBlock> open_;
    std::vector<LaneBlock> excess_;
    std::vector<LaneBlock> result_;
    std::vector<LaneBlock> sum_;
};

std::unique_ptr<const Plan> plan_of(const TreeArrays& trees) {
    auto plan = std::make_unique<Plan>();
    plan->program = compile(trees);
    for (std::size_t n = 0; n <= plan->program.points; ++n) {
        plan->rules.push_back(gauss_legendre(n));
    }
    return plan;
}

}  // namespace

TreeShap::TreeShap(const trees::Forest& forest) : plan_(plan_of(arrays_of(forest))) {}
TreeShap::TreeShap(const trees::Boosting& boosting) : plan_(plan_of(arrays_of(boosting))) {}
TreeShap::TreeShap(TreeShap&&) noexcept = default;
TreeShap& TreeShap::operator=(TreeShap&&) noexcept = default;
TreeShap::~TreeShap() = default;

std::size_t TreeShap::n_features() const { return plan_->program.n_features; }
std::size_t TreeShap::n_outputs() const { return plan_->program.n_outputs; }

void TreeShap::explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const {
    const Plan& plan = *plan_;
    if (x.cols != n_features()) {
        throw InvalidInputError("x", "tree_shap", "a matrix of " + std::to_string(n_features()) + " columns", std::to_string(x.cols));
    }
    const std::size_t row_size = n_features() * n_outputs();
    if (values.size() != x.rows * row_size || base.size() != n_outputs()) {
        throw InvalidInputError("values and base", "tree_shap", "rows x features x outputs, and outputs", std::to_string(values.size()));
    }
    std::ranges::copy(plan.program.base, base.begin());
    parallel.blocks(x.rows, lanes, [&](std::size_t begin, std::size_t end) {
        Block(plan).explain(x, begin, end, values.data() + begin * row_size, stop);
        stop.advance(end - begin);
    });
}

}  // namespace emotion::explain
