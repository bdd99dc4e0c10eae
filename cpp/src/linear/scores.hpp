// One score of one row, the sum of its products in a fixed order, on which fits and predictions of each kind agree; and its probability.
#pragma once

#include <cmath>
#include <cstddef>

#include "emotion/core/views.hpp"
#include "emotion/linear/sparse_rows.hpp"

namespace emotion::linear {

// Dense rows deal their products to four sums in turn.
template <class T>
inline double row_score(const T* row, const double* coef, std::size_t cols, double intercept) {
    double sums[4] = {0, 0, 0, 0};
    std::size_t j = 0;
    for (; j + 4 <= cols; j += 4) {
        for (std::size_t lane = 0; lane < 4; ++lane) {
            sums[lane] += static_cast<double>(row[j + lane]) * coef[j + lane];
        }
    }
    for (; j < cols; ++j) {
        sums[0] += static_cast<double>(row[j]) * coef[j];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + intercept;
}

template <class T>
inline double row_score(const MatrixView<const T>& x, std::size_t row, const double* coef, double intercept) {
    return row_score(x.data + row * x.cols, coef, x.cols, intercept);
}

template <class T>
inline double row_score(const SparseRows<T>& x, std::size_t row, const double* coef, double intercept) {
    double sum = intercept;
    for (auto i = static_cast<std::size_t>(x.starts[row]); i < static_cast<std::size_t>(x.starts[row + 1]); ++i) {
        sum += static_cast<double>(x.values[i]) * coef[x.columns[i]];
    }
    return sum;
}

// The logistic function, without overflow for any score.
inline double sigmoid(double score) {
    const double e = std::exp(-std::abs(score));
    return score >= 0 ? 1 / (1 + e) : e / (1 + e);
}

}  // namespace emotion::linear
