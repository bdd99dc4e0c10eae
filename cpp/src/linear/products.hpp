// The two matrix products of a linear model's gradient, for few outputs. Outputs are padded to whole groups of lanes, one output a lane, so
// vectors never cross a sum: each sum adds its terms in row or feature order, with equal bits on every instruction set. A single output
// (one lane) deals its features to four sums in turn, added as (s0 + s1) + (s2 + s3), with what is left over in s0.
#pragma once

#include <cstddef>

namespace emotion::linear {

[[nodiscard]] std::size_t padded_lanes(std::size_t n_outputs);

// Values of either float type as float64.
void widen(const float* from, std::size_t n, double* to);
void widen(const double* from, std::size_t n, double* to);

// Of several outputs: scores (rows x lanes) += x (rows x features) * coef (features x lanes)
void add_product(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores);

// gradient (features x lanes) += x^T * residuals (rows x lanes)
void add_transposed_product(const double* x, std::size_t rows, std::size_t features, const double* residuals, std::size_t lanes, double* gradient);

// The same of one output, for rows of either float type, of equal bits where their values are equal.
void add_product(const float* x, std::size_t rows, std::size_t features, const double* coef, double* scores);
void add_product(const double* x, std::size_t rows, std::size_t features, const double* coef, double* scores);
void add_transposed_product(const float* x, std::size_t rows, std::size_t features, const double* residuals, double* gradient);
void add_transposed_product(const double* x, std::size_t rows, std::size_t features, const double* residuals, double* gradient);

// The same of several labels of one output each, which share the rows: label l has coefs[l], scores[l], residuals[l] and gradients[l]. Each label's bits
// are those of the products of one output.
void add_products(const double* x, std::size_t rows, std::size_t features, const double* const* coefs, double* const* scores, std::size_t n_labels);
void add_transposed_products(const double* x, std::size_t rows, std::size_t features, const double* const* residuals, double* const* gradients,
                             std::size_t n_labels);

}  // namespace emotion::linear
