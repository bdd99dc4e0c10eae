// Prior correction: probabilities of a model that was trained with other shares of the classes than those it is used on.
//
// Definition: where the classes differ in their shares alone (p(x | k) is the same), Bayes' rule gives
//   q_k = p_k r_k / sum_j p_j r_j,   r_k = target_k / trained_k,
// with the shares that the model was trained with (after over- or under-sampling and class weights) and those it shall answer for.
// Source: Saerens, Latinne & Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 2002,
// equation 2.4; Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, theorem 2.
// Complexity: O(rows x classes); serial; deterministic.
#pragma once

#include <span>

#include "emotion/core/views.hpp"

namespace emotion::calibration {

// In place is allowed. The priors need not sum to 1. A class without a trained prior was unknown to the model and keeps probability 0. A row that
// has no probability left gets the target prior (of the classes with a trained one, if there is such a share). A row with a NaN gives a row of NaN.
// Throws InvalidInputError unless both priors hold one finite number >= 0 a class, and not only zeros.
void correct_priors(MatrixView<const double> proba, std::span<const double> trained, std::span<const double> target, MatrixView<double> out);

// Throws InvalidInputError naming `caller` unless `priors` holds n_classes finite numbers >= 0 whose sum is finite and above 0.
void validate_priors(std::span<const double> priors, std::size_t n_classes, const char* parameter, const char* caller);

}  // namespace emotion::calibration
