// Scores that are functions of confusion counts, for loops that score thousands of tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "emotion/core/views.hpp"

namespace emotion::metrics {

enum class Rate : std::uint8_t { accuracy, balanced_accuracy, macro_f1, weighted_f1, kappa, matthews };

// "accuracy", "balanced_accuracy" (or "uar"), "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef"; InvalidInputError otherwise.
[[nodiscard]] Rate rate_named(std::string_view name, const char* caller);

// The score of counts (true class by predicted class), of which the first n_classes are real classes: a last row and column for rows
// without a prediction takes part in totals but is no class. Definitions:
//   accuracy = sum n_cc / n                       balanced_accuracy = mean over classes with rows of n_cc / n_c.
//   F1_c = 2 n_cc / (n_c. + n_.c)                 macro_f1 = mean over classes that occur or are predicted; weighted_f1: weights n_c.
//   kappa = (n sum n_cc - sum n_c. n_.c) / (n^2 - sum n_c. n_.c)                               (Cohen 1960)
//   matthews = (n sum n_cc - sum n_c. n_.c) / sqrt((n^2 - sum n_c.^2) (n^2 - sum n_.c^2))      (Gorodkin 2004), 0 where that is 0 / 0
// NaN where a score is undefined. `margins` is room for 2 x counts.rows values. O(rows^2); serial; sums in index order.
[[nodiscard]] double rate_of(MatrixView<const double> counts, std::size_t n_classes, Rate rate, double* margins);

}  // namespace emotion::metrics
