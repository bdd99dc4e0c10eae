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

// Sorts the rows once; bins and errors for any weights of the clusters follow in linear time. Immutable after construction, so it may be
// shared between threads.
//
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
// NaN policy: none allowed (InvalidInputError). Complexity: O(n log n) once, O(n + m) an evaluation. Deterministic; rows are added in order
// of confidence, so sums have equal bits for any order of rows up to ties.
class ReliabilityPlan {
public:
    // confidence in [0, 1]; correct 0 or 1; cluster in [0, n_clusters); n_bins >= 1.
    ReliabilityPlan(std::span<const double> confidence, std::span<const std::uint8_t> correct, std::span<const std::int64_t> cluster,
                    std::size_t n_clusters, std::size_t n_bins, Binning binning);

    [[nodiscard]] std::size_t n_clusters() const noexcept { return n_clusters_; }
    // One entry a bin, empty bins included (weight 0). cluster_weight has one value >= 0 a cluster.
    [[nodiscard]] std::vector<ReliabilityBin> bins(std::span<const double> cluster_weight) const;
    // The (debiased) error for these weights; NaN where all weights are zero.
    [[nodiscard]] double error(std::span<const double> cluster_weight, bool debiased) const;

private:
    struct Row {
        double confidence;
        std::uint32_t cluster;
        bool correct;
        bool starts_block;
    };
    std::vector<Row> rows_;
    std::size_t n_clusters_;
    std::size_t n_bins_;
    Binning binning_;
};

// out[r] = plan.error(weights.row(r), debiased), one replicate a block.
void calibration_errors(const ReliabilityPlan& plan, MatrixView<const double> weights, bool debiased, std::span<double> out,
                        Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
