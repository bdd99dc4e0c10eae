// The smooth part of a logistic regression's objective: mean weighted log loss plus the squares of the penalty.
//
// Parameters are laid out as features x lanes, then one row of lanes for the intercepts; lanes past n_outputs stay zero. Dense rows add up in blocks
// of at least 256; sparse rows write their derivatives once and a copy by columns adds them up. Either way each sum has a fixed order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/linear/logistic_regression.hpp"
#include "emotion/linear/minimization.hpp"
#include "emotion/linear/sparse_rows.hpp"

namespace emotion::linear {

class Objective {
public:
    Objective(std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_features, std::size_t n_outputs, const LogisticOptions& options);
    virtual ~Objective() = default;
    Objective(const Objective&) = delete;
    Objective& operator=(const Objective&) = delete;

    [[nodiscard]] std::size_t n_parameters() const { return (n_features_ + 1) * lanes_; }
    [[nodiscard]] std::size_t lanes() const { return lanes_; }
    [[nodiscard]] bool has_l1() const { return l1_ > 0; }
    [[nodiscard]] std::vector<double> l1_weights() const;  // one a parameter
    [[nodiscard]] double smallest_share() const;           // of the weight of all rows: that of the rarest class that has weight

    // The value; fills the gradient.
    virtual double operator()(const std::vector<double>& parameters, std::vector<double>& gradient) = 0;

protected:
    // Turns the scores of n rows into the derivatives of their weighted losses; returns the sum of losses.
    double residuals(double* scores, std::size_t begin, std::size_t n) const;
    // Turns sums over rows into the objective and its gradient.
    double finish(double loss, const std::vector<double>& parameters, std::vector<double>& gradient) const;

    std::span<const std::int32_t> labels_;
    std::span<const double> weights_;
    std::size_t n_features_;
    std::size_t n_outputs_;
    std::size_t lanes_;
    bool fit_intercept_;
    std::size_t grain_;  // rows of a block

private:
    double total_ = 0;
    double l2_ = 0;
    double l1_ = 0;
    double intercept_share_ = 0;  // of an intercept in the coefficient that is penalised in its place
};

// A sparse matrix by columns.
template <class T>
struct SparseColumns {
    std::vector<T> values;
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> starts;
};

template <class T>
SparseColumns<T> by_columns(const SparseRows<T>& x, const StopToken& stop);

// What is viewed must outlive the objective.
template <class T>
std::unique_ptr<Objective> dense_objective(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights,
                                           std::size_t n_outputs, const LogisticOptions& options, Parallel& parallel, StopToken& stop);
template <class T>
std::unique_ptr<Objective> sparse_objective(const SparseRows<T>& x, const SparseColumns<T>& columns, std::span<const std::int32_t> labels,
                                            std::span<const double> weights, std::size_t n_outputs, const LogisticOptions& options,
                                            Parallel& parallel, StopToken& stop);

// Weights of rows times those of their classes.
std::vector<double> row_weights(std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes, const LogisticOptions& options);

// One model on its way from the start, or from zero: L-BFGS, with a part of absolute values the proximal one. What is given must outlive it.
class Fitting {
public:
    Fitting(Objective& objective, std::size_t n_classes, std::size_t n_features, const LogisticOptions& options, const LogisticModel* start,
            const StopToken& stop);
    Fitting(const Fitting&) = delete;
    Fitting& operator=(const Fitting&) = delete;

    [[nodiscard]] Minimization& search() { return search_; }
    [[nodiscard]] LogisticFit result() const;  // after the end of the search

private:
    std::size_t lanes_;
    bool fit_intercept_;
    std::size_t n_classes_;
    std::size_t n_features_;
    std::vector<double> l1_;
    std::vector<double> parameters_;
    Minimization search_;
};

LogisticFit minimize(Objective& objective, std::size_t n_classes, std::size_t n_features, const LogisticOptions& options, const LogisticModel* start,
                     const StopToken& stop);

}  // namespace emotion::linear
