// The log loss of margins, its first and second derivatives, by the array functions of core/elementary.hpp: the same bits on every machine.
// Serial, no allocation. Margins are finite.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emotion/core/views.hpp"

namespace emotion::trees {

// out[p] = log(sum over the rows c of margins of exp(margins(c, p))), for begin <= p < end.
void log_sum_exp(MatrixView<const double> margins, std::size_t begin, std::size_t end, double* out);
// p = exp(margin - normaliser), or the logistic function of the margin where there is no normaliser;
// g = w (p - (label == target)), h = w p (1 - p). weights: null for all 1.
void gradients(const double* margin, const double* normaliser, const std::int32_t* labels, std::int32_t target, const double* weights, std::size_t n,
               double* g, double* h);
// -log of the probability of the row's label; margins: outputs x rows, one output for two classes.
double row_loss(MatrixView<const double> margins, std::size_t row, std::int32_t label);

}  // namespace emotion::trees
