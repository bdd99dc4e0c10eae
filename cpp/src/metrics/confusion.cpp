#include "emotion/metrics/confusion.hpp"

#include <algorithm>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::metrics {
namespace {

std::size_t checked(std::int64_t code, std::size_t limit, const char* parameter) {
    if (code < 0 || static_cast<std::uint64_t>(code) >= limit) {
        throw InvalidInputError(parameter, "confusion_counts", "codes from 0 to " + std::to_string(limit) + " (exclusive)", std::to_string(code));
    }
    return static_cast<std::size_t>(code);
}

}  // namespace

void confusion_counts(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted, std::span<const double> weight,
                      std::span<const std::int64_t> cluster, std::size_t n_clusters, std::size_t n_classes, std::span<double> out) {
    const std::size_t n = truth.size();
    if (predicted.size() != n || (!weight.empty() && weight.size() != n) || (!cluster.empty() && cluster.size() != n)) {
        throw InvalidInputError("predicted, weight and cluster", "confusion_counts", "as long as truth, " + std::to_string(n), "another length");
    }
    if (out.size() != n_clusters * n_classes * n_classes) {
        throw InvalidInputError("out", "confusion_counts", "of clusters x classes x classes values", std::to_string(out.size()));
    }
    std::fill(out.begin(), out.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t g = cluster.empty() ? 0 : checked(cluster[i], n_clusters, "cluster");
        const std::size_t t = checked(truth[i], n_classes, "truth");
        const std::size_t p = checked(predicted[i], n_classes, "predicted");
        out[(g * n_classes + t) * n_classes + p] += weight.empty() ? 1.0 : weight[i];
    }
}

}  // namespace emotion::metrics
