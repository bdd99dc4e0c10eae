// Standardisation of columns: z = (x - mean) / scale.
//
// Definition: mean and population variance of the finite-or-infinite, non-NaN values of a column, weighted where weights are given. Source:
// Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979): blocks of `moments_block_rows`
// rows are summed in two passes each and merged in row order. A column whose variance is within rounding of zero has scale 1 (the rule of
// scikit-learn: var <= n eps var + (n mean eps)^2). Complexity O(rows columns).
// NaN policy: ignored in the sums, kept in the output. Determinism: the order of the sums depends on the row order alone, so rows that are
// visited by index give the bits of the copied rows. Threads: `fit` over blocks of columns; equal bits for any number.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/views.hpp"

namespace emotion::preprocessing {

inline constexpr std::size_t moments_block_rows = 256;

// Running weighted count, mean and sum of squared deviations, one a column.
struct Moments {
    std::vector<double> weight;
    std::vector<double> mean;
    std::vector<double> deviation;

    explicit Moments(std::size_t columns = 0) : weight(columns), mean(columns), deviation(columns) {}

    // Adds at most moments_block_rows rows. Callers that want equal bits cut at multiples of moments_block_rows. weights: empty or one a row.
    template <class T>
    void add_block(MatrixView<const T> block, std::span<const double> weights) {
        add_block(block, weights, 0, block.cols);
    }
    template <class T>
    void add_block(MatrixView<const T> block, std::span<const double> weights, std::size_t begin_column, std::size_t end_column);

    // Adds all rows, block after block, threaded over columns.
    template <class T>
    void add(MatrixView<const T> x, std::span<const double> weights, Parallel& parallel);
};

// What a fitted scaler does. mean and scale have one value a column; a switched-off part is skipped.
struct StandardScaler {
    std::vector<double> mean;
    std::vector<double> scale;
    bool with_mean = true;
    bool with_std = true;

    // z rounded once to T. Non-decreasing in value, since scale > 0.
    template <class T>
    [[nodiscard]] T transform(T value, std::size_t column) const {
        double z = static_cast<double>(value);
        if (with_mean) {
            z -= mean[column];
        }
        if (with_std) {
            z /= scale[column];
        }
        return static_cast<T>(z);
    }
    template <class T>
    void transform(MatrixView<const T> x, MatrixView<T> out) const;
    template <class T>
    void inverse_transform(MatrixView<const T> x, MatrixView<T> out) const;
};

[[nodiscard]] std::vector<double> variances(const Moments& moments);
[[nodiscard]] StandardScaler finish_scaler(const Moments& moments, bool with_mean, bool with_std);

}  // namespace emotion::preprocessing
