// What every calibration fit demands of its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/core/views.hpp"

namespace emotion::calibration {

// Probabilities in [0, 1] without NaN, one class code a row, finite non-negative weights (none, or one a row).
void check_training_rows(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller);

// The part of it that is about the codes and weights.
void check_codes_and_weights(std::size_t rows, std::size_t n_classes, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller);

}  // namespace emotion::calibration
