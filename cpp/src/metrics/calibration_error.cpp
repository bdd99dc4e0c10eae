#include "emotion/metrics/calibration_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

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

void check_rows(std::span<const double> confidence, std::span<const std::uint8_t> correct, std::size_t n_bins, const char* caller) {
    if (correct.size() != confidence.size()) {
        throw InvalidInputError("correct", caller, "as long as confidence, " + std::to_string(confidence.size()), std::to_string(correct.size()));
    }
    if (n_bins < 1 || n_bins > 1'000'000) {
        throw InvalidInputError("n_bins", caller, "from 1 to 1000000", std::to_string(n_bins));
    }
    for (const double value : confidence) {
        if (!(value >= 0.0 && value <= 1.0)) {
            throw InvalidInputError("confidence", caller, "between 0 and 1", std::to_string(value));
        }
    }
}

// Calls visit(rows, weight of them, their bin) for each block of equal confidences, in rising order.
template <class Visit>
void visit_blocks(std::span<const double> confidence, std::span<const double> weight, std::size_t n_bins, Binning binning, Visit visit) {
    const std::size_t n = confidence.size();
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return confidence[a] < confidence[b]; });
    const auto weight_of = [&](std::size_t row) { return weight.empty() ? 1.0 : weight[row]; };
    double total = 0;
    for (const std::size_t row : order) {
        total += weight_of(row);
    }
    if (!(total > 0)) {
        return;
    }
    const auto m = static_cast<double>(n_bins);
    double below = 0;
    for (std::size_t begin = 0; begin < n;) {
        std::size_t end = begin;
        double own = 0;
        for (; end < n && confidence[order[end]] == confidence[order[begin]]; ++end) {
            own += weight_of(order[end]);
        }
        const double position = binning == Binning::equal_width ? m * confidence[order[begin]] : m * (below + 0.5 * own) / total;
        visit(std::span<const std::size_t>(order).subspan(begin, end - begin), own, std::min(n_bins - 1, static_cast<std::size_t>(position)));
        below += own;
        begin = end;
    }
}

}  // namespace

std::vector<ReliabilityBin> reliability_bins(std::span<const double> confidence, std::span<const std::uint8_t> correct,
                                             std::span<const double> weight, std::size_t n_bins, Binning binning) {
    constexpr const char* caller = "reliability_bins";
    check_rows(confidence, correct, n_bins, caller);
    if (!weight.empty() && weight.size() != confidence.size()) {
        throw InvalidInputError("weight", caller, "as long as confidence, " + std::to_string(confidence.size()), std::to_string(weight.size()));
    }
    std::vector<ReliabilityBin> bins(n_bins);
    visit_blocks(confidence, weight, n_bins, binning, [&](std::span<const std::size_t> rows, double own, std::size_t b) {
        double right = 0;
        for (const std::size_t row : rows) {
            right += correct[row] != 0 ? (weight.empty() ? 1.0 : weight[row]) : 0.0;
        }
        bins[b].weight += own;
        bins[b].confidence += own * confidence[rows[0]];
        bins[b].accuracy += right;
    });
    for (ReliabilityBin& bin : bins) {
        if (bin.weight > 0) {
            bin.confidence /= bin.weight;
            bin.accuracy /= bin.weight;
        }
    }
    return bins;
}

double calibration_error(std::span<const ReliabilityBin> bins, bool debiased) {
    double total = 0;
    double sum = 0;
    for (const ReliabilityBin& bin : bins) {
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

Matrix<double> cluster_bins(std::span<const double> confidence, std::span<const std::uint8_t> correct, std::span<const std::int64_t> cluster,
                            std::size_t n_clusters, std::size_t n_bins) {
    constexpr const char* caller = "cluster_bins";
    check_rows(confidence, correct, n_bins, caller);
    if (cluster.size() != confidence.size()) {
        throw InvalidInputError("cluster", caller, "as long as confidence, " + std::to_string(confidence.size()), std::to_string(cluster.size()));
    }
    for (const std::int64_t code : cluster) {
        if (code < 0 || static_cast<std::uint64_t>(code) >= n_clusters) {
            throw InvalidInputError("cluster", caller, "codes from 0 to " + std::to_string(n_clusters) + " (exclusive)", std::to_string(code));
        }
    }
    Matrix<double> table(n_clusters, 3 * n_bins);
    visit_blocks(confidence, {}, n_bins, Binning::equal_mass, [&](std::span<const std::size_t> rows, double, std::size_t b) {
        for (const std::size_t row : rows) {
            const auto sums = table.view().row(static_cast<std::size_t>(cluster[row]));
            sums[b] += 1.0;
            sums[n_bins + b] += confidence[row];
            sums[2 * n_bins + b] += correct[row] != 0 ? 1.0 : 0.0;
        }
    });
    return table;
}

void calibration_errors(MatrixView<const double> table, MatrixView<const double> weights, std::span<double> out, Parallel& parallel, StopToken& stop) {
    if (table.cols % 3 != 0 || table.rows != weights.cols || out.size() != weights.rows) {
        throw InvalidInputError("weights", "calibration_errors", "a matrix of replicates x clusters", std::to_string(weights.cols) + " columns");
    }
    const std::size_t n_bins = table.cols / 3;
    parallel.blocks(weights.rows, 16, [&](std::size_t begin, std::size_t end) {
        std::vector<double> sums(table.cols);
        std::vector<ReliabilityBin> bins(n_bins);
        for (std::size_t r = begin; r < end; ++r) {
            stop.check();
            std::fill(sums.begin(), sums.end(), 0.0);
            for (std::size_t g = 0; g < table.rows; ++g) {
                const double w = weights(r, g);
                const auto row = table.row(g);
                for (std::size_t j = 0; j < sums.size(); ++j) {
                    sums[j] += w * row[j];
                }
            }
            for (std::size_t b = 0; b < n_bins; ++b) {
                const double rows = sums[b];
                bins[b] = rows > 0 ? ReliabilityBin{rows, sums[n_bins + b] / rows, sums[2 * n_bins + b] / rows} : ReliabilityBin{};
            }
            out[r] = calibration_error(bins, true);
        }
    });
}

}  // namespace emotion::metrics
