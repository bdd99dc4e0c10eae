// Multinomial and binary logistic regression with an L2, an L1 or an elastic net penalty, on dense or sparse rows.
//
// Definition: minimises sum_i w_i loss_i / sum_i w_i + (r |coef|_1 + (1 - r) |coef|^2 / 2) / (C sum_i w_i) with r = l1_ratio, the intercepts unpenalised unless asked for;
// binary problems have one row of coefficients (class 1), more classes one row each with a softmax. Source: lbfgs.hpp, and proximal_lbfgs.hpp where
// r > 0. The end: no component of the gradient is larger than tol. With absolute values no component of the smallest subgradient is larger than tol nor
// than tol times the rarest class's share of the weight times the largest component of a coefficient where all parameters are 0 (at least tol / 1e6),
// much like liblinear (Fan et al., 2008): relative to the scale of the columns. Complexity O(values classes) an iteration, values = rows columns or those
// that a sparse matrix holds.
// Everything is computed in float64, whatever the type of x. NaN policy: callers refuse NaN. Determinism: partial sums belong to blocks of
// 256 rows and are added in block order; equal bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/linear/sparse_rows.hpp"

namespace emotion::linear {

struct LogisticOptions {
    double c = 1.0;                     // inverse strength of the penalty; infinity: none
    double l1_ratio = 0;                // the share of absolute values in the penalty, 0 to 1; the rest is squares
    double tol = 1e-4;                  // see above
    int max_iter = 100;
    bool fit_intercept = true;
    double intercept_scaling = 0;       // above 0 the intercept is penalised too, as the coefficient of a column that holds this value
    bool balanced = false;              // class weights n / (k n_c), n_c the weighted count
    std::vector<double> class_weights;  // one a class; empty: all 1
    bool one_vs_rest = false;           // of fit_classes: one binary fit a class against the rest, class_weights then being of the rest and the class
};

// coef: n_outputs x n_features, row-major. n_outputs is 1 for two classes. one_vs_rest: of more classes each output is a class against the rest, and
// probabilities are these classes' own, scaled to add up to 1 (as they are where all are 0).
struct LogisticModel {
    std::size_t n_classes = 0;
    std::size_t n_features = 0;
    std::vector<double> coef;
    std::vector<double> intercept;
    bool one_vs_rest = false;

    [[nodiscard]] std::size_t n_outputs() const { return n_classes == 2 ? 1 : n_classes; }
};

struct LogisticFit {
    LogisticModel model;
    int n_iter = 0;
    bool converged = false;
};

// labels: 0 … n_classes-1, every class present, n_classes >= 2. weights: empty or one a row. start: null or a model to start from.
template <class T>
LogisticFit fit_logistic(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, const LogisticModel* start = nullptr);

// The same for sparse rows, which are never made dense; a copy by columns lives as long as the fit.
template <class T>
LogisticFit fit_logistic(const SparseRows<T>& x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, const LogisticModel* start = nullptr);

// out: rows x n_outputs scores. Each row's value depends on that row alone.
template <class T>
void decision_function(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out);

// out: rows x n_classes; each row sums to 1.
template <class T>
void predict_proba(const LogisticModel& model, MatrixView<const T> x, MatrixView<double> out);

template <class T>
void decision_function(const LogisticModel& model, const SparseRows<T>& x, MatrixView<double> out);
template <class T>
void predict_proba(const LogisticModel& model, const SparseRows<T>& x, MatrixView<double> out);

// The probabilities of predict_proba from coefficients that are not copied: as many rows as there are outputs. X: a view of dense rows, or sparse ones.
template <class X>
void class_probabilities(MatrixView<const double> coef, std::span<const double> intercept, const X& x, MatrixView<double> out, bool one_vs_rest = false);

// Throws ModelFormatError unless the arrays fit the counts and hold finite numbers.
void validate(const LogisticModel& model);

}  // namespace emotion::linear
