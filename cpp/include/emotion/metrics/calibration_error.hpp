// Reliability bins and the expected calibration error of the top label.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::metrics {

enum class Binning { equal_mass, equal_width };

struct ReliabilityBin {
    double weight = 0;      // rows, or their total weight
    double confidence = 0;  // mean confidence
    double accuracy = 0;    // share of correct rows
};

// Definitions. With n rows (weights count as copies) and m bins, equal-mass bins put a row into bin floor(m (a + b) / (2 n)), where a and b
// are the weight below and up to the row's block of equal confidences: ties are never parted, so the order of rows does not matter, and a
// weight of 2 acts as a copied row. Equal-width bins put confidence c into bin min(m - 1, floor(m c)).
//   ECE = sum over bins of (n_b / n) |acc_b - conf_b|   (Naeini, Cooper & Hauskrecht, AAAI 2015)
// Plug-in ECE is biased upwards: with acc_b estimated from n_b rows, |acc_b - conf_b| is above zero for a perfectly calibrated model too.
// The debiased error subtracts the bias that Kumar, Liang & Ma ("Verified uncertainty calibration", NeurIPS 2019, and their package)
// estimate by drawing acc_b from N(acc_b, acc_b (1 - acc_b) / n_b). The mean of that folded normal distribution has a closed form
// (Leone, Nelson & Nottingham, Technometrics 1961), used here instead of draws: with d = |acc_b - conf_b| and s^2 = acc_b (1 - acc_b) / n_b,
//   E|X| = s sqrt(2 / pi) exp(-d^2 / (2 s^2)) + d erf(d / (s sqrt 2)),   term_b = d - (E|X| - d) = 2 d - E|X|.
// The debiased value may be negative when the model is calibrated better than chance allows; callers clip for display.
//
// NaN policy: none allowed (InvalidInputError). Complexity: O(n log n). Deterministic; rows are added in order of confidence, so sums have
// equal bits for any order of rows up to ties.

// One entry a bin, empty bins included (weight 0; all of them where all weights are zero). confidence in [0, 1]; correct 0 or 1; no weight:
// every row counts 1; else one value >= 0 a row; n_bins from 1 to 1,000,000.
std::vector<ReliabilityBin> reliability_bins(std::span<const double> confidence, std::span<const std::uint8_t> correct,
                                             std::span<const double> weight, std::size_t n_bins, Binning binning);

// The (debiased) error of these bins; NaN where all are empty.
double calibration_error(std::span<const ReliabilityBin> bins, bool debiased);

// Sums of each cluster in equal-mass bins whose edges are those of all rows, each of them counting 1: (clusters, 3 n_bins), first the numbers of
// rows, then the sums of confidence, then those of correct rows. cluster in [0, n_clusters).
Matrix<double> cluster_bins(std::span<const double> confidence, std::span<const std::uint8_t> correct, std::span<const std::int64_t> cluster,
                            std::size_t n_clusters, std::size_t n_bins);

// out[r] = the debiased error where the clusters of the table weigh weights.row(r), the edges of the bins staying where they are; NaN where all
// weights are zero. O(clusters x bins) a replicate; equal bits for any number of threads.
void calibration_errors(MatrixView<const double> table, MatrixView<const double> weights, std::span<double> out, Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
