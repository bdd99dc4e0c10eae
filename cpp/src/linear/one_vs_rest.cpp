#include "emotion/linear/one_vs_rest.hpp"

#include <cmath>

#include "objective.hpp"
#include "scores.hpp"

namespace emotion::linear {
namespace {

// objective_of(labels, weights) makes the objective of one label.
template <class Make>
std::vector<LogisticFit> fit_labels(MatrixView<const std::uint8_t> labels, std::span<const double> weights, std::size_t n_features,
                                    const LogisticOptions& options, Parallel& parallel, StopToken& stop, std::span<const LogisticModel> starts,
                                    const Make& objective_of) {
    std::vector<LogisticFit> fits(labels.rows);
    parallel.each(labels.rows, [&](std::size_t k) {
        stop.check();
        const auto row = labels.row(k);
        const std::vector<std::int32_t> own(row.begin(), row.end());
        const std::vector<double> w = row_weights(own, weights, 2, options);
        const auto objective = objective_of(own, w);
        fits[k] = minimize(*objective, 2, n_features, options, starts.empty() ? nullptr : &starts[k], stop);
    });
    return fits;
}

double probability(double score) {
    const double e = std::exp(-std::abs(score));
    return score >= 0 ? 1 / (1 + e) : e / (1 + e);
}

}  // namespace

template <class T>
std::vector<LogisticFit> fit_one_vs_rest(MatrixView<const T> x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, std::span<const LogisticModel> starts) {
    return fit_labels(labels, weights, x.cols, options, parallel, stop, starts, [&](const auto& own, const auto& w) {
        return dense_objective(x, std::span<const std::int32_t>(own), std::span<const double>(w), 1, options, parallel, stop);
    });
}

template <class T>
std::vector<LogisticFit> fit_one_vs_rest(const SparseRows<T>& x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, std::span<const LogisticModel> starts) {
    const SparseColumns<T> columns = by_columns(x, stop);
    return fit_labels(labels, weights, x.cols, options, parallel, stop, starts, [&](const auto& own, const auto& w) {
        return sparse_objective(x, columns, std::span<const std::int32_t>(own), std::span<const double>(w), 1, options, parallel, stop);
    });
}

template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, MatrixView<const T> x, bool proba, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t k = 0; k < coef.rows; ++k) {
            const double score = row_score(x.data + r * x.cols, coef.data + k * coef.cols, x.cols, intercept[k]);
            out(r, k) = proba ? probability(score) : score;
        }
    }
}

template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, const SparseRows<T>& x, bool proba, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        for (std::size_t k = 0; k < coef.rows; ++k) {
            const double score = row_score(x, r, coef.data + k * coef.cols, intercept[k]);
            out(r, k) = proba ? probability(score) : score;
        }
    }
}

#define EMOTION_INSTANTIATE(T)                                                                                                              \
    template std::vector<LogisticFit> fit_one_vs_rest(MatrixView<const T>, MatrixView<const std::uint8_t>, std::span<const double>,         \
                                                      const LogisticOptions&, Parallel&, StopToken&, std::span<const LogisticModel>);       \
    template std::vector<LogisticFit> fit_one_vs_rest(const SparseRows<T>&, MatrixView<const std::uint8_t>, std::span<const double>,        \
                                                      const LogisticOptions&, Parallel&, StopToken&, std::span<const LogisticModel>);       \
    template void one_vs_rest_scores(MatrixView<const double>, std::span<const double>, MatrixView<const T>, bool, MatrixView<double>);      \
    template void one_vs_rest_scores(MatrixView<const double>, std::span<const double>, const SparseRows<T>&, bool, MatrixView<double>);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::linear
