#include "objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "emotion/linear/lbfgs.hpp"
#include "emotion/linear/proximal_lbfgs.hpp"
#include "binary_loss.hpp"
#include "products.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t chunk_values = 2048;  // that are widened to float64 and kept in the cache together

constexpr std::size_t chunk_bytes = 24576;  // of rows of one output, which are read twice as they are

constexpr double floor_of_limit = 1e-6;  // of the tolerance: below, rounding would decide

std::size_t rows_of_a_chunk(std::size_t cols) { return std::clamp<std::size_t>(chunk_values / std::max<std::size_t>(cols, 1) / 4 * 4, 4, 64); }

template <class T>
class DenseObjective final : public Objective {
public:
    DenseObjective(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_outputs,
                   const LogisticOptions& options, Parallel& parallel, StopToken& stop)
        : Objective(labels, weights, x.cols, n_outputs, options), x_(x), parallel_(parallel), stop_(stop) {
        const std::size_t n_blocks = (x.rows + grain_ - 1) / grain_;
        losses_.resize(n_blocks);
        gradients_.resize(n_blocks * n_parameters());
    }

    double operator()(const std::vector<double>& parameters, std::vector<double>& gradient) override {
        const std::size_t size = n_parameters();
        parallel_.blocks(x_.rows, grain_, [&](std::size_t begin, std::size_t end) {
            stop_.check();
            const std::size_t b = begin / grain_;
            double* const partial = gradients_.data() + b * size;
            std::fill(partial, partial + size, 0.0);
            losses_[b] = lanes_ == 1 ? block_of_one(parameters.data(), partial, begin, end) : block(parameters.data(), partial, begin, end);
        });
        double loss = 0;
        std::fill(gradient.begin(), gradient.end(), 0.0);
        for (std::size_t b = 0; b < losses_.size(); ++b) {
            loss += losses_[b];
            const double* const partial = gradients_.data() + b * size;
            for (std::size_t i = 0; i < size; ++i) {
                gradient[i] += partial[i];
            }
        }
        return finish(loss, parameters, gradient);
    }

private:
    double block(const double* parameters, double* partial, std::size_t begin, std::size_t end) const {
        const std::size_t chunk_rows = rows_of_a_chunk(x_.cols);
        std::vector<double> rows(chunk_rows * x_.cols);
        std::vector<double> scores(chunk_rows * lanes_);
        double loss = 0;
        for (std::size_t r = begin; r < end; r += chunk_rows) {
            const std::size_t n = std::min(chunk_rows, end - r);
            const T* const from = x_.data + r * x_.cols;
            widen(from, n * x_.cols, rows.data());
            for (std::size_t i = 0; i < n; ++i) {
                std::copy_n(parameters + x_.cols * lanes_, lanes_, scores.begin() + static_cast<std::ptrdiff_t>(i * lanes_));
            }
            add_product(rows.data(), n, x_.cols, parameters, lanes_, scores.data());
            for (std::size_t i = 0; i < n; ++i) {
                loss += residual(scores.data() + i * lanes_, r + i);
            }
            add_transposed_product(rows.data(), n, x_.cols, scores.data(), lanes_, partial);
            double* const intercepts = partial + x_.cols * lanes_;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t c = 0; c < lanes_; ++c) {
                    intercepts[c] += scores[i * lanes_ + c];
                }
            }
        }
        return loss;
    }

    double block_of_one(const double* parameters, double* partial, std::size_t begin, std::size_t end) const {
        const std::size_t chunk_rows = std::clamp<std::size_t>(chunk_bytes / sizeof(T) / std::max<std::size_t>(x_.cols, 1) / 8 * 8, 8, 256);
        std::vector<double> scores(chunk_rows);
        double loss = 0;
        for (std::size_t r = begin; r < end; r += chunk_rows) {
            const std::size_t n = std::min(chunk_rows, end - r);
            const T* const rows = x_.data + r * x_.cols;
            std::fill_n(scores.begin(), n, parameters[x_.cols]);
            add_product(rows, n, x_.cols, parameters, scores.data());
            loss += binary_residuals(scores.data(), labels_.data() + r, weights_.data() + r, n);
            add_transposed_product(rows, n, x_.cols, scores.data(), partial);
            for (std::size_t i = 0; i < n; ++i) {
                partial[x_.cols] += scores[i];
            }
        }
        return loss;
    }

    MatrixView<const T> x_;
    Parallel& parallel_;
    StopToken& stop_;
    std::vector<double> losses_;
    std::vector<double> gradients_;
};

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
        for (std::size_t r = begin; r < end; ++r) {
            if (r % 256 == 0) {
                stop_.check();
            }
            double* const scores = residuals_.data() + r * lanes_;
            std::copy_n(parameters + x_.cols * lanes_, lanes_, scores);
            for (auto i = static_cast<std::size_t>(x_.starts[r]); i < static_cast<std::size_t>(x_.starts[r + 1]); ++i) {
                const auto value = static_cast<double>(x_.values[i]);
                const double* const coef = parameters + static_cast<std::size_t>(x_.columns[i]) * lanes_;
                for (std::size_t c = 0; c < lanes_; ++c) {
                    scores[c] += value * coef[c];
                }
            }
            loss += residual(scores, r);
            for (std::size_t c = 0; c < lanes_; ++c) {
                intercepts[c] += scores[c];
            }
        }
        return loss;
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
}

std::vector<double> Objective::l1_weights() const {
    std::vector<double> result(n_parameters(), 0.0);
    for (std::size_t j = 0; j < n_features_; ++j) {
        std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(j * lanes_), n_outputs_, l1_);
    }
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

double Objective::residual(double* scores, std::size_t row) const {
    const auto label = static_cast<std::size_t>(labels_[row]);
    const double weight = weights_[row];
    if (n_outputs_ == 1) {
        const double z = label == 1 ? scores[0] : -scores[0];
        const double e = std::exp(-std::abs(z));
        const double p_wrong = z >= 0 ? e / (1 + e) : 1 / (1 + e);
        scores[0] = weight * (label == 1 ? -p_wrong : p_wrong);
        return weight * ((z >= 0 ? 0.0 : -z) + std::log1p(e));
    }
    const double top = *std::max_element(scores, scores + n_outputs_);
    const double own = scores[label];
    double sum = 0;
    for (std::size_t c = 0; c < n_outputs_; ++c) {
        scores[c] = std::exp(scores[c] - top);
        sum += scores[c];
    }
    for (std::size_t c = 0; c < n_outputs_; ++c) {
        scores[c] = weight * (scores[c] / sum - (c == label ? 1.0 : 0.0));
    }
    return weight * (top + std::log(sum) - own);
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

LogisticFit minimize(Objective& objective, std::size_t n_classes, std::size_t n_features, const LogisticOptions& options, const LogisticModel* start,
                     const StopToken& stop) {
    LogisticFit fit;
    fit.model.n_classes = n_classes;
    fit.model.n_features = n_features;
    const std::size_t n_outputs = fit.model.n_outputs();
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
    const auto evaluate = [&](const std::vector<double>& p, std::vector<double>& g) { return objective(p, g); };
    const LbfgsOptions limits{limit_of(objective, options.tol), options.max_iter};
    const LbfgsResult result = objective.has_l1() ? minimize_proximal_lbfgs(parameters, objective.l1_weights(), evaluate, limits, [&] { stop.check(); })
                                                  : minimize_lbfgs(parameters, evaluate, limits);
    fit.n_iter = result.n_iter;
    fit.converged = result.converged;
    fit.model.coef.resize(n_outputs * n_features);
    fit.model.intercept.resize(n_outputs);
    for (std::size_t k = 0; k < n_outputs; ++k) {
        for (std::size_t j = 0; j < n_features; ++j) {
            fit.model.coef[k * n_features + j] = parameters[j * lanes + k];
        }
        fit.model.intercept[k] = options.fit_intercept ? parameters[n_features * lanes + k] : 0.0;
    }
    return fit;
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
