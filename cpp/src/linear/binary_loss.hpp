// Losses of two classes and their derivatives, eight rows at a time.
//
// Definition: with z the score of a row, negated where the label is 0, the loss is w log(1 + exp(-z)) and its derivative by the score is
// -w / (1 + exp(z)) where the label is 1, w / (1 + exp(z)) elsewhere. exp and log1p are polynomials of our own (error below 4 units in the last place), so
// that bits are equal on every instruction set. Losses are dealt to eight sums in turn, added in a fixed tree. NaN policy: a score that is not a number
// gives a loss that is none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emotion::linear {

// scores: in, the scores of n rows; out, the derivatives. labels: 0 or 1. Returns the sum of losses.
double binary_residuals(double* scores, const std::int32_t* labels, const double* weights, std::size_t n);

}  // namespace emotion::linear
