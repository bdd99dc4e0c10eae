// Shapley values of any function of rows, by walks along random orders of the columns, or by all coalitions.
//
// Definition: a coalition is a set of known columns; its worth is the mean of the function over background rows in which those columns are the
// explained row's. A walk makes the columns known one by one in an order; what the worth grows by is the share of the column made known. A pair is an
// order walked from its front and from its back, which cancels the part of the error that is odd in the order (Mitchell, Cooper, Frank & Holmes, "Sampling
// permutations for Shapley value estimation", JMLR 2022; antithetic sampling). Shares of a walk sum to the whole growth, so values of any number of pairs
// add up exactly. With all coalitions the shares get Shapley's weights and are exact.
// The function itself is the caller's: this unit writes the rows to ask it for (fill), averages its answers (average), and sums shares (values).
//
// Memory: 4 bytes a pair and column. NaN: copied like numbers. Determinism: orders depend on the seed and the pair alone, so a row's values do not depend on
// the other rows, on batches or on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::explain {

// Which coalitions a row needs: immutable, safe to share between threads.
class PermutationShap {
public:
    // The most columns whose coalitions are all asked for.
    static constexpr std::size_t most_enumerated = 20;

    // n_pairs antithetic pairs a row; 0: all coalitions. Throws InvalidInputError where n_features is 0, or above most_enumerated with 0 pairs.
    PermutationShap(std::size_t n_features, std::size_t n_pairs, std::uint64_t seed);

    [[nodiscard]] std::size_t n_features() const { return n_features_; }
    // Coalitions of a row, without the empty and the whole one.
    [[nodiscard]] std::size_t n_coalitions() const;

    // Coalitions begin … end of the rows one after another (number r * n_coalitions() + c), each with all background rows.
    // out: (end - begin) * background.rows x n_features. O(out). Throws InvalidInputError where the extents do not fit. T: float or double.
    template <class T>
    void fill(MatrixView<const T> x, MatrixView<const T> background, std::size_t begin, std::size_t end, MatrixView<T> out, Parallel& parallel,
              StopToken& stop) const;

    // worth: rows * n_coalitions() x outputs, in fill's order; empty: outputs; whole: rows x outputs. values: rows x n_features x outputs.
    // O(worth), with all coalitions times the columns. Throws InvalidInputError where the extents do not fit.
    void values(MatrixView<const double> worth, std::span<const double> empty, MatrixView<const double> whole, std::span<double> values,
                Parallel& parallel, StopToken& stop) const;

private:
    void walk(MatrixView<const double> worth, std::span<const double> empty, std::span<const double> whole, double* values) const;
    void enumerate(MatrixView<const double> worth, std::span<const double> empty, std::span<const double> whole, double* values) const;
    void known(std::size_t coalition, std::span<std::uint8_t> out) const;

    std::size_t n_features_;
    std::size_t n_pairs_;
    std::vector<std::int32_t> orders_;  // pairs x columns
};

// out(u, k): the mean of scores(u * n_background … , k), summed in the order of the background. scores.rows = out.rows * n_background.
void average_background(MatrixView<const double> scores, std::size_t n_background, MatrixView<double> out);

}  // namespace emotion::explain
