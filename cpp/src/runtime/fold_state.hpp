// The fit of one fold in three parts, so that several pipelines that begin alike share the beginning: start_fold, fit_steps once or more, finish_fold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/runtime/fold_loop.hpp"
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

template <class T>
FoldState<T> start_fold(const LearningData<T>& data, std::span<const std::int64_t> train);

// classifier: for messages.
template <class T>
void fit_steps(FoldState<T>& state, std::span<const StepSpec> steps, const char* classifier, Parallel& parallel, StopToken& stop);

template <class T>
FoldFit finish_fold(const FoldState<T>& state, std::size_t n_features_in, const trees::RankCodes* codes, const EstimatorSpec& spec,
                    Parallel& parallel, StopToken& stop);

}  // namespace emotion::runtime
