#include "emotion/metrics/calibration_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::metrics {
namespace {

// E|X| for X ~ N(mean, sd^2), mean >= 0.
double folded_normal_mean(double mean, double sd) {
    if (sd <= 0) {
        return mean;
    }
    const double z = mean / sd;
    return sd * std::sqrt(2.0 / std::numbers::pi) * std::exp(-0.5 * z * z) + mean * std::erf(z / std::numbers::sqrt2);
}

}  // namespace

ReliabilityPlan::ReliabilityPlan(std::span<const double> confidence, std::span<const std::uint8_t> correct,
                                 std::span<const std::int64_t> cluster, std::size_t n_clusters, std::size_t n_bins, Binning binning)
    : n_clusters_(n_clusters), n_bins_(n_bins), binning_(binning) {
    const std::size_t n = confidence.size();
    if (correct.size() != n || cluster.size() != n) {
        throw InvalidInputError("correct and cluster", "ReliabilityPlan", "as long as confidence, " + std::to_string(n), "another length");
    }
    if (n_bins < 1 || n_bins > 1'000'000) {
        throw InvalidInputError("n_bins", "ReliabilityPlan", "from 1 to 1000000", std::to_string(n_bins));
    }
    for (std::size_t i = 0; i < n; ++i) {
        if (!(confidence[i] >= 0.0 && confidence[i] <= 1.0)) {
            throw InvalidInputError("confidence", "ReliabilityPlan", "between 0 and 1", std::to_string(confidence[i]));
        }
        if (cluster[i] < 0 || static_cast<std::uint64_t>(cluster[i]) >= n_clusters) {
            throw InvalidInputError("cluster", "ReliabilityPlan", "codes from 0 to " + std::to_string(n_clusters) + " (exclusive)",
                                    std::to_string(cluster[i]));
        }
    }
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return confidence[a] < confidence[b]; });
    rows_.reserve(n);
    for (std::size_t k = 0; k < n; ++k) {
        const std::size_t i = order[k];
        const bool starts = k == 0 || confidence[i] != confidence[order[k - 1]];
        rows_.push_back({confidence[i], static_cast<std::uint32_t>(cluster[i]), correct[i] != 0, starts});
    }
}

std::vector<ReliabilityBin> ReliabilityPlan::bins(std::span<const double> cluster_weight) const {
    if (cluster_weight.size() != n_clusters_) {
        throw InvalidInputError("cluster_weight", "ReliabilityPlan", "one value a cluster", std::to_string(cluster_weight.size()));
    }
    std::vector<ReliabilityBin> bins(n_bins_);
    double total = 0;
    for (const Row& row : rows_) {
        total += cluster_weight[row.cluster];
    }
    if (!(total > 0)) {
        return bins;
    }
    const auto m = static_cast<double>(n_bins_);
    double below = 0;
    for (std::size_t begin = 0; begin < rows_.size();) {
        std::size_t end = begin;
        double weight = 0;
        double correct = 0;
        do {
            const double w = cluster_weight[rows_[end].cluster];
            weight += w;
            correct += rows_[end].correct ? w : 0.0;
            ++end;
        } while (end < rows_.size() && !rows_[end].starts_block);
        const double confidence = rows_[begin].confidence;
        const double position = binning_ == Binning::equal_width ? m * confidence : m * (below + 0.5 * weight) / total;
        ReliabilityBin& bin = bins[std::min(n_bins_ - 1, static_cast<std::size_t>(position))];
        bin.weight += weight;
        bin.confidence += weight * confidence;
        bin.accuracy += correct;
        below += weight;
        begin = end;
    }
    for (ReliabilityBin& bin : bins) {
        if (bin.weight > 0) {
            bin.confidence /= bin.weight;
            bin.accuracy /= bin.weight;
        }
    }
    return bins;
}

double ReliabilityPlan::error(std::span<const double> cluster_weight, bool debiased) const {
    double total = 0;
    double sum = 0;
    for (const ReliabilityBin& bin : bins(cluster_weight)) {
        if (!(bin.weight > 0)) {
            continue;
        }
        const double gap = std::abs(bin.accuracy - bin.confidence);
        const double sd = std::sqrt(std::max(0.0, bin.accuracy * (1.0 - bin.accuracy)) / bin.weight);
        sum += bin.weight * (debiased ? 2.0 * gap - folded_normal_mean(gap, sd) : gap);
        total += bin.weight;
    }
    return total > 0 ? sum / total : std::numeric_limits<double>::quiet_NaN();
}

void calibration_errors(const ReliabilityPlan& plan, MatrixView<const double> weights, bool debiased, std::span<double> out,
                        Parallel& parallel, StopToken& stop) {
    if (weights.cols != plan.n_clusters() || out.size() != weights.rows) {
        throw InvalidInputError("weights", "calibration_errors", "a matrix of replicates x clusters", std::to_string(weights.cols) + " columns");
    }
    parallel.blocks(weights.rows, 16, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
            stop.check();
            out[r] = plan.error(weights.row(r), debiased);
        }
    });
}

}  // namespace emotion::metrics
