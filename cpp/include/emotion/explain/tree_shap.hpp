// Exact path-dependent Shapley values of a forest's class shares, or of the margins of a boosting model.
//
// Definition: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature Machine
// Intelligence 2 (2020), algorithm 2: a coalition without a column follows both children, weighted by their training cover.
//
// Method: a leaf of value v lies behind m distinct columns; let z_i be the share of cover that passes all conditions on column i, and o_i
// whether the row passes them (1 or 0). The leaf gives column i
//     v (o_i - z_i) * integral over t in (0, 1) of prod over j != i of (z_j (1 - t) + o_j t),
// because the integral of t^k (1 - t)^(m-1-k) is the Shapley weight k! (m-1-k)! / m!. The integrand is a polynomial of degree m - 1, so
// Gauss-Legendre quadrature with ceil(m / 2) points is exact, and every factor is positive.
// Leaves are summed on the way up (as in Yu et al., "Linear TreeShap", NeurIPS 2022, there with polynomials in another base): with D the
// product of the factors above a node, S_a and S_b what its two subtrees give at the points and f the factor of the edge to a (that to b is
// 1 - f), the node's column gets (o - z) * sum over points of D (S_a - S_b), and the node gives S_b + f (S_a - S_b). Where a column comes again
// on a path, f is relative to its factor so far, and what the upper node has counted for it is taken off. Nothing is divided on other nodes.
// O(nodes * points * outputs under the node) a row, eight rows at once as SIMD lanes.
//
// NaN: routed as in prediction. Determinism: a row's sums run over nodes in a fixed order, each in a lane of its own; equal bits for any
// number of threads, whatever rows stand beside it.
// Additivity: base + the sum over columns equals the model's output to 1e-9 in float64 (for margins: relative to the largest).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::explain {

// A model laid out for explanations: an immutable plan, built once, safe to share between threads. The model may be dropped afterwards.
// Outputs are the classes of a forest and the margins of a boosting model.
class TreeShap {
public:
    // The model must be valid (trees::validate). Throws InvalidInputError where a tree is deeper than 4,096 levels or where levels times points
    // exceed 2^20. O(nodes outputs).
    explicit TreeShap(const trees::Forest& forest);
    explicit TreeShap(const trees::Boosting& boosting);
    TreeShap(TreeShap&&) noexcept;
    TreeShap& operator=(TreeShap&&) noexcept;
    ~TreeShap();

    [[nodiscard]] std::size_t n_features() const;
    [[nodiscard]] std::size_t n_outputs() const;

    // values: rows x features x outputs; base: outputs, the cover-weighted mean. Throws InvalidInputError where the extents do not fit.
    // Checks `stop` at every tree and advances it by one a row.
    void explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;

    struct Plan;

private:
    std::unique_ptr<const Plan> plan_;
};

}  // namespace emotion::explain
