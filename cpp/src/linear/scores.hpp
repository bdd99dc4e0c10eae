// Scores of one row: sums of their products in a fixed order, on which fits and predictions of each kind agree; and their probabilities.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "emotion/core/views.hpp"
#include "emotion/linear/sparse_rows.hpp"

namespace emotion::linear {

// One score a row of coef (outputs x cols). Dense rows deal their products to four sums in turn, added as ((s0 + s1) + (s2 + s3)) + intercept, with what
// is left over in s0: equal bits on every instruction set, and for one output as among many.
void row_scores(const float* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out);
void row_scores(const double* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out);

template <class T>
inline void row_scores(const MatrixView<const T>& x, std::size_t row, MatrixView<const double> coef, std::span<const double> intercept, double* out) {
    row_scores(x.data + row * x.cols, coef.data, coef.rows, x.cols, intercept.data(), out);
}

// Sparse rows add their products in the order of the columns to the intercept.
template <class T>
inline void row_scores(const SparseRows<T>& x, std::size_t row, MatrixView<const double> coef, std::span<const double> intercept, double* out) {
    for (std::size_t k = 0; k < coef.rows; ++k) {
        double sum = intercept[k];
        for (auto i = static_cast<std::size_t>(x.starts[row]); i < static_cast<std::size_t>(x.starts[row + 1]); ++i) {
            sum += static_cast<double>(x.values[i]) * coef(k, static_cast<std::size_t>(x.columns[i]));
        }
        out[k] = sum;
    }
}

// The logistic function, without overflow for any score.
inline double sigmoid(double score) {
    const double e = std::exp(-std::abs(score));
    return score >= 0 ? 1 / (1 + e) : e / (1 + e);
}

}  // namespace emotion::linear
