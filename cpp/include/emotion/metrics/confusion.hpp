// Confusion counts: what accuracy, recall, precision, F1, kappa and the correlation coefficient are computed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/core/views.hpp"

namespace emotion::metrics {

// out[g][t][p] = the weight of the rows of cluster g (a speaker) with true class t and predicted class p; `out` holds
// clusters x n_classes x n_classes values, which are set. `weight` may be empty (every row counts 1); `cluster` may be empty (one cluster).
// A code outside [0, n_classes), or a cluster outside [0, n_clusters), is an InvalidInputError. Rows are added in order: serial, O(rows).
void confusion_counts(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, std::span<const double> weight,
                      std::span<const std::int64_t> cluster, std::size_t n_clusters, std::size_t n_classes, std::span<double> out);

}  // namespace emotion::metrics
