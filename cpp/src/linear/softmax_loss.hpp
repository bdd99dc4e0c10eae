// Losses of several classes and their derivatives, by softmax, many rows at a time.
//
// Definition: with z the scores of a row, the loss is w (log sum_c exp(z_c) - z_label), and its derivative by score c is w (p_c - [c = label]), p_c =
// exp(z_c) / sum exp(z). The largest score is taken off first. exp and log are the core's (elementary.hpp), so bits are equal on every instruction set.
// Losses are added in row order. Complexity O(n lanes). NaN policy: a score that is not a number gives a loss that is none. Serial.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emotion::linear {

// scores: n rows of `lanes`, of which the first n_outputs count; in, the scores; out, the derivatives, 0 in the other lanes. Returns the sum of losses.
double softmax_residuals(double* scores, const std::int32_t* labels, const double* weights, std::size_t n, std::size_t n_outputs, std::size_t lanes);

}  // namespace emotion::linear
