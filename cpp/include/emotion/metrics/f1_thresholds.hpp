// Thresholds of scores that give each label its largest F1.
//
// Definition: a label is predicted where its score is above the threshold. Rows sorted by score once give the true positives of every cut; with i
// rows above the cut, t of them true, and p true rows in all, F1 = 2 t / (i + p). Fractions are compared as integers, so the maximum over all cuts
// is exact; of equal ones the highest threshold wins. The threshold lies midway between the two scores beside the cut. Source: Lipton, Elkan &
// Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure" (2014). Complexity O(rows log rows) a label. NaN policy: refused.
// Determinism: labels are independent tasks; equal bits for any number of threads. A label that no row has gets its highest score, above which is none.
#pragma once

#include <cstdint>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::metrics {

// truth: rows x labels, 0 or 1; scores of the same shape, finite. thresholds and f1: one a label.
void best_f1_thresholds(MatrixView<const std::uint8_t> truth, MatrixView<const double> scores, std::span<double> thresholds, std::span<double> f1,
                        Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
