#include "objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "emotion/linear/lbfgs.hpp"
#include "emotion/linear/proximal_lbfgs.hpp"
#include "binary_loss.hpp"
#include "dense_objective.hpp"
#include "products.hpp"
#include "softmax_loss.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t chunk_rows = 64;  // of sparse rows

constexpr double floor_of_limit = 1e-6;  // of the tolerance: below, rounding would decide

template <class T>
class SparseObjective final : public Objective {
public:
    SparseObjective(const SparseRows<T>& x, const SparseColumns<T>& columns, std::span<const std::int32_t> labels, std::span<const double> weights,
                    std::size_t n_outputs, const LogisticOptions& options, Parallel& parallel, StopToken& stop)
        : Objective(labels, weights, x.cols, n_outputs, options), x_(x), columns_(columns), parallel_(parallel), stop_(stop),
          losses_((x.rows() + grain_ - 1) / grain_), intercepts_(losses_.size() * lanes_), residuals_(x.rows() * lanes_) {}

    double operator()(const std::vector<double>& parameters, std::vector<double>& gradient) override {
        parallel_.blocks(x_.rows(), grain_, [&](std::size_t begin, std::size_t end) { losses_[begin / grain_] = block(parameters.data(), begin, end); });
        const std::size_t grain = std::max<std::size_t>(64, (x_.cols + 63) / 64);
        parallel_.blocks(x_.cols, grain, [&](std::size_t begin, std::size_t end) { add_columns(gradient.data(), begin, end); });
        std::fill(gradient.begin() + static_cast<std::ptrdiff_t>(x_.cols * lanes_), gradient.end(), 0.0);
        double loss = 0;
        for (std::size_t b = 0; b < losses_.size(); ++b) {
            loss += losses_[b];
            for (std::size_t c = 0; c < lanes_; ++c) {
                gradient[x_.cols * lanes_ + c] += intercepts_[b * lanes_ + c];
            }
        }
        return finish(loss, parameters, gradient);
    }

private:
    double block(const double* parameters, std::size_t begin, std::size_t end) {
        double* const intercepts = intercepts_.data() + begin / grain_ * lanes_;
        std::fill(intercepts, intercepts + lanes_, 0.0);
        double loss = 0;
        for (std::size_t r = begin; r < end; r += chunk_rows) {
            stop_.check();
            const std::size_t n = std::min(chunk_rows, end - r);
            double* const scores = residuals_.data() + r * lanes_;
            for (std::size_t i = 0; i < n; ++i) {
                score(parameters, r + i, scores + i * lanes_);
            }
            loss += residuals(scores, r, n);
            for (std::size_t i = 0; i < n * lanes_; ++i) {
                intercepts[i % lanes_] += scores[i];
            }
        }
        return loss;
    }

    void score(const double* parameters, std::size_t r, double* scores) const {
        std::copy_n(parameters + x_.cols * lanes_, lanes_, scores);
        for (auto i = static_cast<std::size_t>(x_.starts[r]); i < static_cast<std::size_t>(x_.starts[r + 1]); ++i) {
            const auto value = static_cast<double>(x_.values[i]);
            const double* const coef = parameters + static_cast<std::size_t>(x_.columns[i]) * lanes_;
            for (std::size_t c = 0; c < lanes_; ++c) {
                scores[c] += value * coef[c];
            }
        }
    }

    void add_columns(double* gradient, std::size_t begin, std::size_t end) const {
        stop_.check();
        for (std::size_t j = begin; j < end; ++j) {
            double* const g = gradient + j * lanes_;
            std::fill(g, g + lanes_, 0.0);
            for (auto i = static_cast<std::size_t>(columns_.starts[j]); i < static_cast<std::size_t>(columns_.starts[j + 1]); ++i) {
                const auto value = static_cast<double>(columns_.values[i]);
                const double* const e = residuals_.data() + static_cast<std::size_t>(columns_.rows[i]) * lanes_;
                for (std::size_t c = 0; c < lanes_; ++c) {
                    g[c] += value * e[c];
                }
            }
        }
    }

    SparseRows<T> x_;
    const SparseColumns<T>& columns_;
    Parallel& parallel_;
    StopToken& stop_;
    std::vector<double> losses_;
    std::vector<double> intercepts_;
    std::vector<double> residuals_;
};

}  // namespace

Objective::Objective(std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_features, std::size_t n_outputs, const LogisticOptions& options)
    : labels_(labels), weights_(weights), n_features_(n_features), n_outputs_(n_outputs), lanes_(padded_lanes(n_outputs)),
      fit_intercept_(options.fit_intercept), grain_(std::max<std::size_t>(256, (labels.size() + 63) / 64)) {
    for (std::size_t begin = 0; begin < labels.size(); begin += grain_) {
        double sum = 0;
        for (std::size_t i = begin; i < std::min(labels.size(), begin + grain_); ++i) {
            sum += weights_[i];
        }
        total_ += sum;
    }
    if (!std::isinf(options.c)) {
        l2_ = (1.0 - options.l1_ratio) / (options.c * total_);
        l1_ = options.l1_ratio / (options.c * total_);
    }
    if (options.intercept_scaling > 0 && fit_intercept_) {
        intercept_share_ = 1 / options.intercept_scaling;
    }
}

std::vector<double> Objective::l1_weights() const {
    std::vector<double> result(n_parameters(), 0.0);
    for (std::size_t j = 0; j < n_features_; ++j) {
        std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(j * lanes_), n_outputs_, l1_);
    }
    std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(n_features_ * lanes_), n_outputs_, l1_ * intercept_share_);
    return result;
}

double Objective::smallest_share() const {
    std::vector<double> sums(std::max<std::size_t>(n_outputs_, 2), 0.0);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
        sums[static_cast<std::size_t>(labels_[i])] += weights_[i];
    }
    double smallest = total_;
    for (const double sum : sums) {
        smallest = sum > 0 ? std::min(smallest, sum) : smallest;
    }
    return smallest / total_;
}

double Objective::residuals(double* scores, std::size_t begin, std::size_t n) const {
    return n_outputs_ == 1 ? binary_residuals(scores, labels_.data() + begin, weights_.data() + begin, n)
                           : softmax_residuals(scores, labels_.data() + begin, weights_.data() + begin, n, n_outputs_, lanes_);
}

double Objective::finish(double loss, const std::vector<double>& parameters, std::vector<double>& gradient) const {
    double square = 0;
    const std::size_t n_coef = n_features_ * lanes_;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        gradient[i] /= total_;
        if (i < n_coef) {
            gradient[i] += l2_ * parameters[i];
            square += parameters[i] * parameters[i];
        } else if (!fit_intercept_) {
            gradient[i] = 0;
        } else if (intercept_share_ > 0) {
            const double stand_in = parameters[i] * intercept_share_;
            gradient[i] += l2_ * stand_in * intercept_share_;
            square += stand_in * stand_in;
        }
    }
    return loss / total_ + 0.5 * l2_ * square;
}

template <class T>
SparseColumns<T> by_columns(const SparseRows<T>& x, const StopToken& stop) {
    SparseColumns<T> result;
    result.values.resize(x.values.size());
    result.rows.resize(x.values.size());
    result.starts.resize(x.cols + 1);
    for (const std::int32_t column : x.columns) {
        ++result.starts[static_cast<std::size_t>(column) + 1];
    }
    for (std::size_t j = 0; j < x.cols; ++j) {
        result.starts[j + 1] += result.starts[j];
    }
    std::vector<std::int64_t> next(result.starts.begin(), result.starts.end() - 1);
    for (std::size_t r = 0; r < x.rows(); ++r) {
        if (r % 4096 == 0) {
            stop.check();
        }
        for (auto i = static_cast<std::size_t>(x.starts[r]); i < static_cast<std::size_t>(x.starts[r + 1]); ++i) {
            const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(x.columns[i])]++);
            result.values[to] = x.values[i];
            result.rows[to] = static_cast<std::int32_t>(r);
        }
    }
    return result;
}

template <class T>
std::unique_ptr<Objective> dense_objective(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights,
                                           std::size_t n_outputs, const LogisticOptions& options, Parallel& parallel, StopToken& stop) {
    return std::make_unique<DenseObjective<T>>(x, labels, weights, n_outputs, options, parallel, stop);
}

template <class T>
std::unique_ptr<Objective> sparse_objective(const SparseRows<T>& x, const SparseColumns<T>& columns, std::span<const std::int32_t> labels,
                                            std::span<const double> weights, std::size_t n_outputs, const LogisticOptions& options,
                                            Parallel& parallel, StopToken& stop) {
    return std::make_unique<SparseObjective<T>>(x, columns, labels, weights, n_outputs, options, parallel, stop);
}

std::vector<double> row_weights(std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_classes, const LogisticOptions& options) {
    std::vector<double> result(labels.size(), 1.0);
    if (!weights.empty()) {
        std::copy(weights.begin(), weights.end(), result.begin());
    }
    std::vector<double> by_class = options.class_weights;
    if (options.balanced) {
        std::vector<double> count(n_classes);
        double total = 0;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            count[static_cast<std::size_t>(labels[i])] += result[i];
            total += result[i];
        }
        by_class.assign(n_classes, 0.0);
        for (std::size_t k = 0; k < n_classes; ++k) {
            by_class[k] = count[k] > 0 ? total / (static_cast<double>(n_classes) * count[k]) : 0.0;
        }
    }
    if (!by_class.empty()) {
        for (std::size_t i = 0; i < labels.size(); ++i) {
            result[i] *= by_class[static_cast<std::size_t>(labels[i])];
        }
    }
    return result;
}

// What the largest component of the smallest subgradient may be: see LogisticOptions.
static double limit_of(Objective& objective, double tol) {
    if (!objective.has_l1()) {
        return tol;
    }
    std::vector<double> zero(objective.n_parameters());
    std::vector<double> gradient(zero.size());
    objective(zero, gradient);
    zero.resize(zero.size() - objective.lanes());  // intercepts do not scale with the columns
    gradient.resize(zero.size());
    const double largest = largest_subgradient(zero, gradient, objective.l1_weights());
    return largest > 0 ? std::clamp(tol * objective.smallest_share() * largest, floor_of_limit * tol, tol) : tol * objective.smallest_share();
}

static std::vector<double> start_of(const Objective& objective, std::size_t n_outputs, std::size_t n_features, const LogisticOptions& options,
                                    const LogisticModel* start) {
    const std::size_t lanes = objective.lanes();
    std::vector<double> parameters(objective.n_parameters());
    if (start != nullptr) {
        for (std::size_t k = 0; k < n_outputs; ++k) {
            for (std::size_t j = 0; j < n_features; ++j) {
                parameters[j * lanes + k] = start->coef[k * n_features + j];
            }
            parameters[n_features * lanes + k] = options.fit_intercept ? start->intercept[k] : 0.0;
        }
    }
    return parameters;
}

Fitting::Fitting(Objective& objective, std::size_t n_classes, std::size_t n_features, const LogisticOptions& options, const LogisticModel* start,
                 const StopToken& stop)
    : lanes_(objective.lanes()), fit_intercept_(options.fit_intercept), n_classes_(n_classes), n_features_(n_features), l1_(objective.l1_weights()),
      parameters_(start_of(objective, n_classes == 2 ? 1 : n_classes, n_features, options, start)),
      search_([&] {
          const LbfgsOptions limits{limit_of(objective, options.tol), options.max_iter};
          return objective.has_l1() ? minimization_by_proximal_lbfgs(parameters_, l1_, limits, [&stop] { stop.check(); })
                                    : minimization_by_lbfgs(parameters_, limits);
      }()) {}

LogisticFit Fitting::result() const {
    LogisticFit fit;
    fit.n_iter = search_.result().n_iter;
    fit.converged = search_.result().converged;
    fit.model.n_classes = n_classes_;
    fit.model.n_features = n_features_;
    const std::size_t n_outputs = fit.model.n_outputs();
    fit.model.coef.resize(n_outputs * n_features_);
    fit.model.intercept.resize(n_outputs);
    for (std::size_t k = 0; k < n_outputs; ++k) {
        for (std::size_t j = 0; j < n_features_; ++j) {
            fit.model.coef[k * n_features_ + j] = parameters_[j * lanes_ + k];
        }
        fit.model.intercept[k] = fit_intercept_ ? parameters_[n_features_ * lanes_ + k] : 0.0;
    }
    return fit;
}

LogisticFit minimize(Objective& objective, std::size_t n_classes, std::size_t n_features, const LogisticOptions& options, const LogisticModel* start,
                     const StopToken& stop) {
    Fitting fitting(objective, n_classes, n_features, options, start, stop);
    fitting.search().run([&](const std::vector<double>& p, std::vector<double>& g) { return objective(p, g); });
    return fitting.result();
}

#define EMOTION_INSTANTIATE(T)                                                                                                              \
    template SparseColumns<T> by_columns(const SparseRows<T>&, const StopToken&);                                                           \
    template std::unique_ptr<Objective> dense_objective(MatrixView<const T>, std::span<const std::int32_t>, std::span<const double>,        \
                                                        std::size_t, const LogisticOptions&, Parallel&, StopToken&);                        \
    template std::unique_ptr<Objective> sparse_objective(const SparseRows<T>&, const SparseColumns<T>&, std::span<const std::int32_t>,      \
                                                         std::span<const double>, std::size_t, const LogisticOptions&, Parallel&,           \
                                                         StopToken&);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::linear
