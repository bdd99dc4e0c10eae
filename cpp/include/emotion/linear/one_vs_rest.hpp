// Binary logistic regressions of many labels on the same rows: one against the rest for classes, binary relevance for sets of labels.
//
// Definition: each label's fit is fit_logistic (logistic_regression.hpp) on that label alone, bit for bit. Complexity: that of the fits. Dense rows
// are read once for up to 16 labels, which go on in lock-step; sparse ones share their copy by columns. Threads: blocks of rows, and of sparse rows labels
// too, are tasks; equal bits for any number of threads.
// NaN policy: callers refuse NaN.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/linear/logistic_regression.hpp"

namespace emotion::linear {

// labels: n_labels x rows, 0 or 1, each label both absent and present somewhere. weights: empty or one a row. starts: empty or one model a label.
template <class T>
std::vector<LogisticFit> fit_one_vs_rest(MatrixView<const T> x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop,
                                         std::span<const LogisticModel> starts = {});
template <class T>
std::vector<LogisticFit> fit_one_vs_rest(const SparseRows<T>& x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop,
                                         std::span<const LogisticModel> starts = {});

// One class against the rest for each of n_classes >= 2 (one fit in all for two), labels 0 … n_classes-1, every class present.
template <class T>
LogisticFit fit_classes(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                        const LogisticOptions& options, Parallel& parallel, StopToken& stop);

// out: rows x n_labels, scores or (proba) each label's own probability; coef: n_labels x features. Each row's values depend on that row alone.
template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, MatrixView<const T> x, bool proba, MatrixView<double> out);
template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, const SparseRows<T>& x, bool proba, MatrixView<double> out);

}  // namespace emotion::linear
