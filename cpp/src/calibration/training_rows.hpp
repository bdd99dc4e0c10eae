// What every calibration fit demands of its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/views.hpp"

namespace emotion::calibration {

// Throws InvalidInputError unless `holds`.
inline void require(bool holds, const char* parameter, const char* caller, const char* rule, double value) {
    if (!holds) {
        throw InvalidInputError(parameter, caller, rule, std::to_string(value));
    }
}

// Probabilities in [0, 1] without NaN, one class code a row, finite non-negative weights (none, or one a row).
void check_training_rows(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller);

// The part of it that is about the codes and weights.
void check_codes_and_weights(std::size_t rows, std::size_t n_classes, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller);

}  // namespace emotion::calibration
