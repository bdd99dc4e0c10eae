// Exact Shapley values of linear margins against a background.
//
// Definition: the margins are intercept + sum_j coef(k, j) z(r, j), and each z column is made from one column of the explained table (a
// scaler, a selection, filled gaps). Unknown columns come from a background row, averaged over the background. Then the value of an explained column is
// the sum over its z columns of coef(k, j) (z(r, j) - mean_j), mean_j being the mean of z over the background (Lundberg & Lee, "A unified approach to
// interpreting model predictions", NeurIPS 2017, corollary 1). It needs no assumption on how columns go together: the background enters by its mean alone.
// Complexity: O(rows columns outputs). NaN policy: callers refuse NaN in z. Determinism: one row is one serial loop; equal bits for any number of threads.
// Threads: blocks of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::explain {

// Views of what a linear model knows; the memory is the caller's.
struct LinearMargins {
    MatrixView<const double> coef;        // outputs x z columns
    std::span<const double> intercept;    // outputs
    std::span<const double> mean;         // z columns: of the background
    std::span<const std::int32_t> source; // z columns: the explained column that each is made from
    std::size_t n_features = 0;           // explained columns
};

// values: rows x n_features x outputs; base: outputs, the margins at the mean. Throws InvalidInputError where the extents do not fit.
// T: float or double.
template <class T>
void linear_shap(const LinearMargins& model, MatrixView<const T> z, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop);

}  // namespace emotion::explain
