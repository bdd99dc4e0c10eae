// Sigmoid (Platt) calibration, one class against the rest, then normalised.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/views.hpp"

namespace emotion::calibration {

// Class k: f_k = log(c / (1 - c)) with c = min(max(p_k, floor), 1 - floor), s_k = 1 / (1 + exp(a_k f_k + b_k)); q_k = s_k / sum_j s_j, or
// 1 / classes each where that sum is zero. The floor is probability_floor of temperature.hpp. a = -1, b = 0 leave two-class probabilities
// above the floor as they are. In place is allowed. A row with a NaN gives a row of NaN. O(rows x classes); serial; deterministic.
void apply_sigmoid(MatrixView<const double> proba, std::span<const double> a, std::span<const double> b, MatrixView<double> out);

struct SigmoidFit {
    std::vector<double> a;
    std::vector<double> b;
};

// Minimises for each class the weighted cross-entropy between s_k and Platt's targets, (N+ + 1) / (N+ + 2) for rows of the class and
// 1 / (N- + 2) for the others (N: total weights). The targets keep the fit finite for separable data. Newton's method; steps are cut so that no row's
// a f + b moves by more than 1.5, which makes each lower the loss for certain (Bach, "Self-concordant analysis for logistic regression", 2010,
// proposition 1): the loss is never computed. From 8,192 rows on it starts where every 16th row ends. It ends at a gradient below 1e-10 of the weight,
// or where the last step is certain to lead below it. Ridge 1e-12 on the Hessian.
// Source of the targets: Platt, "Probabilistic outputs for support vector machines", 1999.
// With no row at all, a = -1 and b = 0. y holds codes in [0, classes); `weight` may be empty. NaN is an InvalidInputError.
// O(steps x rows x classes); serial; deterministic.
[[nodiscard]] SigmoidFit fit_sigmoid(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight);

}  // namespace emotion::calibration
