// What the runs of one call have in common: training rows, first steps, and models that are the beginning of another's.
//
// Definition: runs with equal training rows form a group. Inside it, steps that begin several different continuations are a prefix, fitted once.
// Runs whose steps are equal and whose forests or boosting models (without early stopping) differ in nothing but n_estimators are one task: the
// largest is fitted, the others are its first trees. Sharing never changes a bit, as each fit depends on its rows and options alone.
// Complexity O(runs settings) comparisons of settings, O(rows) for each run. Determinism: groups and tasks are in the order of their first runs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/runtime/fold_loop.hpp"

namespace emotion::runtime {

inline constexpr std::size_t no_prefix = static_cast<std::size_t>(-1);

// The steps [0, depth) of a run's pipeline; `parent` is the prefix that it continues.
struct Prefix {
    std::size_t parent = no_prefix;
    std::size_t run = 0;
    std::size_t depth = 0;
};

struct FitTask {
    std::size_t prefix = no_prefix;   // where the fit starts; no_prefix: from the rows
    std::vector<std::size_t> runs;    // ascending in n_estimators: the last one is fitted
};

struct FoldGroup {
    std::vector<Prefix> prefixes;     // parents first
    std::vector<FitTask> tasks;
};

// Trees or rounds that a run asks for; 1 for other classifiers.
[[nodiscard]] int size_of(const EstimatorSpec& spec);

[[nodiscard]] std::vector<FoldGroup> plan_folds(std::span<const PipelineSpec> specs, std::span<const Fold> folds);

}  // namespace emotion::runtime
