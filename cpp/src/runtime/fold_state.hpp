// The fit of one fold in parts, so that several pipelines that begin alike share the beginning: start_fold, fit_steps once or more, share_rows where
// several classifiers follow, finish_fold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/views.hpp"
#include "emotion/runtime/fold_loop.hpp"
#include "emotion/trees/boosting.hpp"
#include "training_rows.hpp"

namespace emotion::runtime {

// Training rows behind some fitted steps. A copy is a few numbers a row and column, and the matrix of synthetic rows where there are any.
template <class T>
struct FoldState {
    TrainingRows<T> rows;
    std::vector<std::int32_t> classes;  // global classes that the rows have, ascending
    std::vector<FittedStep> steps;

    FoldState() = default;
    FoldState(FoldState&&) noexcept = default;
    FoldState& operator=(FoldState&&) noexcept = default;
    FoldState& operator=(const FoldState&) = delete;
    FoldState(const FoldState& other) : rows(other.rows), classes(other.classes), steps(other.steps) {
        if (!rows.own.empty()) {
            rows.x.data = rows.own.data();  // of this copy
        }
    }
};

// Rows of a state, each once: copies of a sampler share their row.
struct OwnRows {
    Matrix<float> x;
    std::vector<std::int32_t> rows;  // position -> row of x
};

// What several classifiers behind one state read: made once, then read by all of them at a time.
template <class T>
struct SharedRows {
    std::vector<T> dense;                    // the transformed rows of all positions, for logistic regressions; empty: not made
    OwnRows boosting;                        // for boosting; empty: not made
    std::vector<trees::BoostingBins> bins;   // of `boosting`
};

template <class T>
FoldState<T> start_fold(const LearningData<T>& data, std::span<const std::int64_t> train);

// classifier: for messages.
template <class T>
void fit_steps(FoldState<T>& state, std::span<const StepSpec> steps, const char* classifier, Parallel& parallel, StopToken& stop);

// Makes what at least two of the classifiers have in common; nothing for forests, whose codes belong to the whole matrix. Refuses what their fits refuse.
template <class T>
SharedRows<T> share_rows(const FoldState<T>& state, std::span<const EstimatorSpec* const> specs, Parallel& parallel, StopToken& stop);

// shared: null, or of this state.
template <class T>
FoldFit finish_fold(const FoldState<T>& state, std::size_t n_features_in, const trees::RankCodes* codes, const EstimatorSpec& spec,
                    const SharedRows<T>* shared, Parallel& parallel, StopToken& stop);

}  // namespace emotion::runtime
