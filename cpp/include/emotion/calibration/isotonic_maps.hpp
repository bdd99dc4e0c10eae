// Isotonic calibration: one isotonic map a class, of its probability against being the true class, then normalised.
//
// Definition: isotonic.hpp. Source: Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
// Without weights the targets are 0 and 1 alone, and all sums are whole numbers: each row is one integer, its probability with the target in the
// last bit. They are sorted by two counting passes over the first 22 binary digits of the probability and a few insertions, and every rise from
// ones to zeros is pooled before blocks are compared. The result is fit_isotonic's, bit for bit.
// Complexity: O(rows x classes) for spread probabilities, O(rows log rows x classes) at worst. Serial; deterministic: the order of the rows
// changes nothing but the rounding of weighted sums over ties. NaN is an InvalidInputError in a fit, and stays NaN in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/views.hpp"

namespace emotion::calibration {

// One map a class: the corners of class k stand at offsets[k] … offsets[k + 1].
struct IsotonicMaps {
    std::vector<std::int64_t> offsets;
    std::vector<double> x;
    std::vector<double> y;
};

// Maps of each class's probability against being the true class. y holds codes in [0, classes); `weight` may be empty.
[[nodiscard]] IsotonicMaps fit_isotonic_maps(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight);

// q_k is proportional to max(f_k(p_k), floor), the floor being probability_floor of temperature.hpp: a step function says 0 wherever no row
// of the class was seen, which no finite sample can know. A map without corners leaves its column as it is. In place is allowed. A row
// with a NaN gives a row of NaN.
void apply_isotonic_maps(MatrixView<const double> proba, const IsotonicMaps& maps, MatrixView<double> out);

// Throws InvalidInputError naming `caller` unless the maps are of n_classes classes, and each as apply_isotonic wants it, with y from 0 to 1.
void validate(const IsotonicMaps& maps, std::size_t n_classes, const char* caller);

}  // namespace emotion::calibration
