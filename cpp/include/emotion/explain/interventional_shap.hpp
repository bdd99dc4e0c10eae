// Exact Shapley values of a forest's class shares, or of a boosting model's margins, against background rows.
//
// Definition: a coalition without a column takes it from a background row, averaged over the background (Lundberg et al., Nature Machine
// Intelligence 2 (2020), the interventional value function). For one background row, a leaf of value v that is reached with a of the columns
// in which the paths of the two rows part taken from the explained row and b taken from the background row gives each of the first
// v (a - 1)! b! / (a + b)! and each of the others -v a! (b - 1)! / (a + b)! (there algorithm 3; Laberge & Pequignot, 2022, prove it).
//
// Method: 64 background rows are the bits of one word. A walk carries those rows whose path parted from the explained row's in the same
// columns, the same way; at a node the word splits into rows that go along and rows that part. Leaves are summed on the way up.
// O(nodes reached by mixtures of the explained and the background rows * outputs) a row, tree and word; at most nodes * background rows.
//
// NaN: routed as in prediction, in both. Determinism: a row is one serial sum; equal bits for any number of threads.
// Additivity: base + the sum over columns equals the model's output to 1e-9 in float64 (for margins: relative to the largest).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::explain {

// A model and its background, laid out for explanations: immutable, safe to share between threads. Model and background may be dropped.
// Memory: 8 bytes a node and 64 background rows.
class InterventionalShap {
public:
    // The model must be valid (trees::validate). Throws InvalidInputError where a tree is deeper than 4,096 levels, where the background is empty,
    // has other columns, or would take more than 4 GiB. O(nodes * background rows).
    InterventionalShap(const trees::Forest& forest, MatrixView<const float> background, StopToken& stop);
    InterventionalShap(const trees::Boosting& boosting, MatrixView<const float> background, StopToken& stop);
    InterventionalShap(InterventionalShap&&) noexcept;
    InterventionalShap& operator=(InterventionalShap&&) noexcept;
    ~InterventionalShap();

    [[nodiscard]] std::size_t n_features() const;
    [[nodiscard]] std::size_t n_outputs() const;

    // values: rows x features x outputs; base: outputs, the mean over the background. Throws InvalidInputError where the extents do not fit.
    // Checks `stop` at every tree and advances it by one a row.
    void explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const;

    struct Plan;

private:
    std::unique_ptr<const Plan> plan_;
};

}  // namespace emotion::explain
