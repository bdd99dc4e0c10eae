// Exact path-dependent Shapley values of a forest's class shares.
//
// Definition: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
// Intelligence 2 (2020), algorithm 2: a coalition without a column follows both children, weighted by their training cover.
//
// Method: a leaf of value v lies behind m distinct columns; let z_i be the share of cover that passes all conditions on column i, and o_i
// whether the row passes them (1 or 0). The leaf gives column i
//     v (o_i - z_i) * integral over t in (0, 1) of prod over j != i of (z_j (1 - t) + o_j t),
// because the integral of t^k (1 - t)^(m-1-k) is the Shapley weight k! (m-1-k)! / m!. The integrand is a polynomial of degree m - 1, so
// Gauss-Legendre quadrature with ceil(m / 2) points is exact, and as every factor is positive nothing cancels. One walk over a tree keeps
// the products at all points; O(nodes * points + leaves * columns on the path * points) a row and tree.
//
// NaN: routed as in prediction. Determinism: each row is one serial sum over trees and leaves; equal bits for any number of threads.
// Additivity: base + the sum over columns equals predict_proba to 1e-9 in float64.
#pragma once

#include <memory>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::explain {

// A forest laid out for explanations: an immutable plan, built once, safe to share between threads. The forest may be dropped afterwards.
class TreeShap {
public:
    // The forest must be valid (trees::validate). Throws InvalidInputError where a tree is deeper than 4,096 levels. O(nodes classes).
    explicit TreeShap(const trees::Forest& forest);
    TreeShap(TreeShap&&) noexcept;
    TreeShap& operator=(TreeShap&&) noexcept;
    ~TreeShap();

    // values: rows x features x classes; base: classes, the cover-weighted mean output. Throws InvalidInputError where the extents do not
    // fit. Advances `stop` by one a row.
    void explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;

    struct Plan;

private:
    std::unique_ptr<const Plan> plan_;
};

// The same with a plan that serves one call.
void tree_shap(const trees::Forest& forest, MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop);

}  // namespace emotion::explain
