// Univariate selection of columns by the F statistic of a one-way analysis of variance.
//
// Definition: F = (SS_between / (k - 1)) / (SS_within / (n - k)) over k classes and n rows; source: Fisher, "Statistical Methods for Research
// Workers" (1925), ch. VII. Sums are centred on class means (two passes), so a constant column gives exactly 0/0 = NaN. Complexity
// O(rows columns). NaN policy: callers refuse NaN. Determinism: sums in row order, threads over columns; equal bits for any number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/views.hpp"

namespace emotion::preprocessing {

// Two passes over the rows in equal order: add_first for every block, between_passes, add_second for every block, scores.
class AnovaSums {
public:
    AnovaSums(std::size_t columns, std::size_t n_classes);

    template <class T>
    void add_first(MatrixView<const T> block, std::span<const std::int32_t> labels) {
        add_first(block, labels, 0, block.cols);
    }
    template <class T>
    void add_first(MatrixView<const T> block, std::span<const std::int32_t> labels, std::size_t begin_column, std::size_t end_column);
    // counts: rows of each class, over all blocks.
    void between_passes(std::span<const std::size_t> counts);
    template <class T>
    void add_second(MatrixView<const T> block, std::span<const std::int32_t> labels) {
        add_second(block, labels, 0, block.cols);
    }
    template <class T>
    void add_second(MatrixView<const T> block, std::span<const std::int32_t> labels, std::size_t begin_column, std::size_t end_column);
    // F of every column. Classes without rows do not count. NaN: constant column; infinity: no variance inside classes.
    [[nodiscard]] std::vector<double> scores() const;

private:
    std::size_t columns_;
    std::size_t n_classes_;
    std::vector<double> shift_;   // the first row: keeps sums small and constant columns exact
    std::vector<std::uint8_t> seen_;
    Matrix<double> mean_;         // class x column: sums, then means, of x - shift
    std::vector<double> within_;
    std::vector<std::size_t> counts_;
};

template <class T>
[[nodiscard]] std::vector<double> f_classif(MatrixView<const T> x, std::span<const std::int32_t> labels, std::size_t n_classes, Parallel& parallel);

[[nodiscard]] std::vector<std::size_t> class_counts(std::span<const std::int32_t> labels, std::size_t n_classes);

// The k columns of the highest scores, ascending by column. Among equal scores the later column wins and NaN loses to everything, as in
// scikit-learn. k larger than the number of columns selects all.
[[nodiscard]] std::vector<std::int32_t> k_best(std::span<const double> scores, std::size_t k);

}  // namespace emotion::preprocessing
