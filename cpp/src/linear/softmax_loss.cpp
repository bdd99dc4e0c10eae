#include "softmax_loss.hpp"

#include <algorithm>
#include <cmath>

#include "emotion/core/elementary.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t rows_at_once = 64;

double some_rows(double* scores, const std::int32_t* labels, const double* weights, std::size_t n, std::size_t n_outputs, std::size_t lanes) {
    double gaps[rows_at_once];  // from the own score up to the largest
    double sums[rows_at_once];
    double logs[rows_at_once];
    for (std::size_t i = 0; i < n; ++i) {
        double* const row = scores + i * lanes;
        const double top = *std::max_element(row, row + n_outputs);
        gaps[i] = top - row[static_cast<std::size_t>(labels[i])];
        for (std::size_t c = 0; c < lanes; ++c) {
            row[c] -= top;
        }
    }
    exponentials(scores, n * lanes, scores);
    for (std::size_t i = 0; i < n; ++i) {
        const double* const row = scores + i * lanes;
        double sum = 0;
        for (std::size_t c = 0; c < n_outputs; ++c) {
            sum += row[c];
        }
        sums[i] = sum;
    }
    logarithms(sums, n, logs);
    double loss = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double* const row = scores + i * lanes;
        const double share = weights[i] / sums[i];
        for (std::size_t c = 0; c < n_outputs; ++c) {
            row[c] *= share;
        }
        std::fill(row + n_outputs, row + lanes, 0.0);
        row[static_cast<std::size_t>(labels[i])] -= weights[i];
        loss += weights[i] * (std::isnan(sums[i]) ? sums[i] : gaps[i] + logs[i]);
    }
    return loss;
}

}  // namespace

double softmax_residuals(double* scores, const std::int32_t* labels, const double* weights, std::size_t n, std::size_t n_outputs, std::size_t lanes) {
    double loss = 0;
    for (std::size_t i = 0; i < n; i += rows_at_once) {
        loss += some_rows(scores + i * lanes, labels + i, weights + i, std::min(rows_at_once, n - i), n_outputs, lanes);
    }
    return loss;
}

}  // namespace emotion::linear
