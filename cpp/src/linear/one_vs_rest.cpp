#include "emotion/linear/one_vs_rest.hpp"

#include <algorithm>
#include <memory>

#include "dense_objective.hpp"
#include "objective.hpp"
#include "scores.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t labels_at_once = 16;  // more would not read x less often, but take memory

// One label: what its objective views, and its fit on the way.
template <class AnyObjective>
struct Label {
    std::vector<std::int32_t> classes;
    std::vector<double> weights;
    std::unique_ptr<AnyObjective> objective;
    std::unique_ptr<Fitting> fitting;
};

// Labels of dense rows go on in lock-step: each pass over x answers all that are not at their end.
template <class T>
void fit_together(std::span<Label<DenseObjective<T>>> labels, Parallel& parallel, const StopToken& stop) {
    std::vector<Label<DenseObjective<T>>*> open;
    for (auto& label : labels) {
        open.push_back(&label);
    }
    std::vector<typename DenseObjective<T>::Question> questions;
    while (true) {
        stop.check();
        std::vector<std::uint8_t> asks(open.size());
        parallel.each(open.size(), [&](std::size_t i) { asks[i] = open[i]->fitting->search().advance() ? 1 : 0; });
        std::size_t kept = 0;
        questions.clear();
        for (std::size_t i = 0; i < open.size(); ++i) {
            if (asks[i] != 0) {
                Minimization& search = open[i]->fitting->search();
                questions.push_back({open[i]->objective.get(), &search.point(), &search.gradient(), 0});
                open[kept++] = open[i];
            }
        }
        open.resize(kept);
        if (open.empty()) {
            return;
        }
        DenseObjective<T>::answer(questions);
        for (std::size_t i = 0; i < open.size(); ++i) {
            open[i]->fitting->search().give(questions[i].value);
        }
    }
}

}  // namespace

template <class T>
std::vector<LogisticFit> fit_one_vs_rest(MatrixView<const T> x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, std::span<const LogisticModel> starts) {
    std::vector<LogisticFit> fits(labels.rows);
    for (std::size_t first = 0; first < labels.rows; first += labels_at_once) {
        std::vector<Label<DenseObjective<T>>> together(std::min(labels_at_once, labels.rows - first));
        parallel.each(together.size(), [&](std::size_t i) {
            auto& label = together[i];
            const auto row = labels.row(first + i);
            label.classes.assign(row.begin(), row.end());
            label.weights = row_weights(label.classes, weights, 2, options);
            label.objective = std::make_unique<DenseObjective<T>>(x, label.classes, label.weights, 1, options, parallel, stop);
            label.fitting = std::make_unique<Fitting>(*label.objective, 2, x.cols, options, starts.empty() ? nullptr : &starts[first + i], stop);
        });
        fit_together<T>(together, parallel, stop);
        for (std::size_t i = 0; i < together.size(); ++i) {
            fits[first + i] = together[i].fitting->result();
        }
    }
    return fits;
}

template <class T>
std::vector<LogisticFit> fit_one_vs_rest(const SparseRows<T>& x, MatrixView<const std::uint8_t> labels, std::span<const double> weights,
                                         const LogisticOptions& options, Parallel& parallel, StopToken& stop, std::span<const LogisticModel> starts) {
    const SparseColumns<T> columns = by_columns(x, stop);
    std::vector<LogisticFit> fits(labels.rows);
    parallel.each(labels.rows, [&](std::size_t k) {
        stop.check();
        const auto row = labels.row(k);
        const std::vector<std::int32_t> own(row.begin(), row.end());
        const std::vector<double> w = row_weights(own, weights, 2, options);
        const auto objective = sparse_objective(x, columns, std::span<const std::int32_t>(own), std::span<const double>(w), 1, options, parallel, stop);
        fits[k] = minimize(*objective, 2, x.cols, options, starts.empty() ? nullptr : &starts[k], stop);
    });
    return fits;
}

template <class T>
LogisticFit fit_classes(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes,
                        const LogisticOptions& options, Parallel& parallel, StopToken& stop) {
    if (n_classes == 2) {
        return fit_logistic(x, labels, weights, 2, options, parallel, stop);
    }
    Matrix<std::uint8_t> own(n_classes, labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        own(static_cast<std::size_t>(labels[i]), i) = 1;
    }
    LogisticFit all;
    all.model.n_classes = n_classes;
    all.model.n_features = x.cols;
    all.model.one_vs_rest = true;
    all.converged = true;
    for (const LogisticFit& fit : fit_one_vs_rest(x, own.view(), weights, options, parallel, stop)) {
        all.model.coef.insert(all.model.coef.end(), fit.model.coef.begin(), fit.model.coef.end());
        all.model.intercept.push_back(fit.model.intercept[0]);
        all.n_iter = std::max(all.n_iter, fit.n_iter);
        all.converged = all.converged && fit.converged;
    }
    return all;
}

template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, MatrixView<const T> x, bool proba, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows; ++r) {
        row_scores(x, r, coef, intercept, out.row(r).data());
        if (proba) {
            std::ranges::transform(out.row(r), out.row(r).begin(), sigmoid);
        }
    }
}

template <class T>
void one_vs_rest_scores(MatrixView<const double> coef, std::span<const double> intercept, const SparseRows<T>& x, bool proba, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        row_scores(x, r, coef, intercept, out.row(r).data());
        if (proba) {
            std::ranges::transform(out.row(r), out.row(r).begin(), sigmoid);
        }
    }
}

#define EMOTION_INSTANTIATE(T)                                                                                                              \
    template std::vector<LogisticFit> fit_one_vs_rest(MatrixView<const T>, MatrixView<const std::uint8_t>, std::span<const double>,         \
                                                      const LogisticOptions&, Parallel&, StopToken&, std::span<const LogisticModel>);       \
    template std::vector<LogisticFit> fit_one_vs_rest(const SparseRows<T>&, MatrixView<const std::uint8_t>, std::span<const double>,        \
                                                      const LogisticOptions&, Parallel&, StopToken&, std::span<const LogisticModel>);       \
    template LogisticFit fit_classes(MatrixView<const T>, std::span<const std::int32_t>, std::span<const double>, std::size_t,              \
                                     const LogisticOptions&, Parallel&, StopToken&);                                                       \
    template void one_vs_rest_scores(MatrixView<const double>, std::span<const double>, MatrixView<const T>, bool, MatrixView<double>);      \
    template void one_vs_rest_scores(MatrixView<const double>, std::span<const double>, const SparseRows<T>&, bool, MatrixView<double>);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::linear
