// Temperature scaling: one number that makes all probabilities bolder or more careful and never changes their order.
#pragma once

#include <cstdint>
#include <span>

#include "emotion/core/views.hpp"

namespace emotion::calibration {

// Probabilities are raised to this before a logarithm is taken (and, for log-odds, lowered to 1 minus this). Trees vote exactly 0; without a
// floor a single such row whose class is the true one would decide the temperature alone. 1e-4 is below the share of one tree of thousands.
inline constexpr double probability_floor = 1e-4;

inline constexpr double min_temperature = 0.05;
inline constexpr double max_temperature = 20.0;

// q_k = exp(log(max(p_k, floor)) / T) / sum_j exp(log(max(p_j, floor)) / T), row by row. In place is allowed (out may be the same memory).
// Needs T in [min_temperature, max_temperature]. A row with a NaN gives a row of NaN. O(rows x classes); serial; deterministic.
// Source: Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2, on log-probabilities.
void apply_temperature(MatrixView<const double> proba, double temperature, MatrixView<double> out);

// The T that minimises the weighted mean of -log q_y. In beta = 1 / T this is convex: its derivative
//   g(beta) = sum_i w_i (sum_k q_ik(beta) l_ik - l_i,y_i),  l = log(max(p, floor)),
// grows with beta, and its slope is the variance of l under q. Newton steps on g, safeguarded by a bracket of [1 / max, 1 / min] that every
// step shrinks and bisects where Newton would leave it; ends when beta moves by less than 1e-12 relatively, after at most 200 steps.
// Perfect separation runs to min_temperature, anti-correlated probabilities to max_temperature. Where no row has two different probabilities
// (or no row is left) the loss does not depend on T and the answer is 1.
// y holds codes in [0, classes); `weight` may be empty. NaN is an InvalidInputError. O(steps x rows x classes); serial; deterministic.
[[nodiscard]] double fit_temperature(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight);

// The same for scores on any scale instead of probabilities (decision functions): the beta = 1 / T of least log loss of softmax(beta s), from
// 1e-6 to 1e6 over the largest spread of a row. A score of -infinity marks a class that the row's model did not know; NaN and +infinity are an
// InvalidInputError. 1 where the loss does not depend on it.
[[nodiscard]] double fit_inverse_temperature(MatrixView<const double> scores, std::span<const std::int64_t> y, std::span<const double> weight);

}  // namespace emotion::calibration
