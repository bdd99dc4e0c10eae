#include "log_loss.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "emotion/core/elementary.hpp"

namespace emotion::trees {

void log_sum_exp(MatrixView<const double> margins, std::size_t begin, std::size_t end, double* out) {
    const std::size_t n = end - begin;
    std::vector<double> largest(margins.row(0).begin() + static_cast<std::ptrdiff_t>(begin), margins.row(0).begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<double> shifted(n);
    std::vector<double> sum(n, 0.0);
    for (std::size_t c = 1; c < margins.rows; ++c) {
        for (std::size_t i = 0; i < n; ++i) {
            largest[i] = std::max(largest[i], margins(c, begin + i));
        }
    }
    for (std::size_t c = 0; c < margins.rows; ++c) {
        for (std::size_t i = 0; i < n; ++i) {
            shifted[i] = margins(c, begin + i) - largest[i];
        }
        exponentials(shifted.data(), n, shifted.data());
        for (std::size_t i = 0; i < n; ++i) {
            sum[i] += shifted[i];
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        out[begin + i] = largest[i] + std::log(sum[i]);
    }
}

void gradients(const double* margin, const double* normaliser, const std::int32_t* labels, std::int32_t target, const double* weights, std::size_t n,
               double* g, double* h) {
    for (std::size_t i = 0; i < n; ++i) {
        g[i] = normaliser != nullptr ? margin[i] - normaliser[i] : -margin[i];
    }
    exponentials(g, n, g);
    for (std::size_t i = 0; i < n; ++i) {
        const double p = normaliser != nullptr ? std::min(1.0, g[i]) : 1.0 / (1.0 + g[i]);
        const double w = weights != nullptr ? weights[i] : 1.0;
        g[i] = w * (p - (labels[i] == target ? 1.0 : 0.0));
        h[i] = w * (p * (1.0 - p));
    }
}

double row_loss(MatrixView<const double> margins, std::size_t row, std::int32_t label) {
    if (margins.rows == 1) {
        const double toward = label == 1 ? margins(0, row) : -margins(0, row);
        return std::max(0.0, -toward) + std::log1p(std::exp(-std::abs(toward)));
    }
    double largest = margins(0, row);
    for (std::size_t c = 1; c < margins.rows; ++c) {
        largest = std::max(largest, margins(c, row));
    }
    double sum = 0;
    for (std::size_t c = 0; c < margins.rows; ++c) {
        sum += std::exp(margins(c, row) - largest);
    }
    return largest + std::log(sum) - margins(static_cast<std::size_t>(label), row);
}

}  // namespace emotion::trees
