#include "dense_objective.hpp"

#include <algorithm>

#include "binary_loss.hpp"
#include "products.hpp"
#include "softmax_loss.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t chunk_values = 6144;  // that are widened to float64 and kept in the cache together

constexpr std::size_t chunk_bytes = 24576;  // of rows of one output, which are read twice as they are

constexpr std::size_t step_rows = 4;  // rows that a product takes at once

}  // namespace

template <class T>
DenseObjective<T>::DenseObjective(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_outputs,
                                  const LogisticOptions& options, Parallel& parallel, StopToken& stop)
    : Objective(labels, weights, x.cols, n_outputs, options), x_(x), parallel_(parallel), stop_(stop) {
    const std::size_t n_blocks = (x.rows + grain_ - 1) / grain_;
    losses_.resize(n_blocks);
    gradients_.resize(n_blocks * n_parameters());
}

template <class T>
std::size_t DenseObjective<T>::rows_of_one_output() const {
    return std::clamp<std::size_t>(chunk_bytes / sizeof(T) / std::max<std::size_t>(x_.cols, 1) / 8 * 8, 8, 256);
}

template <class T>
void DenseObjective<T>::fetch_ahead(std::size_t r, std::size_t chunk_rows, std::size_t i) const {
    const std::size_t begin = std::min(r + chunk_rows + i, x_.rows);
    const std::size_t end = std::min({begin + step_rows, r + 2 * chunk_rows, x_.rows});
    constexpr std::size_t line = 64;
    const auto* const from = reinterpret_cast<const char*>(x_.data + begin * x_.cols);
    for (std::size_t b = 0; b < (end - begin) * x_.cols * sizeof(T); b += line) {
        __builtin_prefetch(from + b, 0, 2);
    }
}

template <class T>
double* DenseObjective<T>::partial(std::size_t begin) {
    double* const found = gradients_.data() + begin / grain_ * n_parameters();
    std::fill(found, found + n_parameters(), 0.0);
    return found;
}

template <class T>
double DenseObjective<T>::operator()(const std::vector<double>& parameters, std::vector<double>& gradient) {
    parallel_.blocks(x_.rows, grain_, [&](std::size_t begin, std::size_t end) {
        stop_.check();
        double* const own = partial(begin);
        losses_[begin / grain_] = lanes_ == 1 ? block_of_one(parameters.data(), own, begin, end) : block(parameters.data(), own, begin, end);
    });
    return collect(parameters, gradient);
}

template <class T>
void DenseObjective<T>::answer(std::span<Question> questions) {
    if (questions.size() == 1) {
        questions[0].value = (*questions[0].objective)(*questions[0].parameters, *questions[0].gradient);
        return;
    }
    const DenseObjective& any = *questions[0].objective;
    any.parallel_.blocks(any.x_.rows, any.grain_, [&](std::size_t begin, std::size_t end) {
        any.stop_.check();
        block_of_labels(questions, begin, end);
    });
    for (Question& q : questions) {
        q.value = q.objective->collect(*q.parameters, *q.gradient);
    }
}

template <class T>
double DenseObjective<T>::collect(const std::vector<double>& parameters, std::vector<double>& gradient) const {
    double loss = 0;
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for (std::size_t b = 0; b < losses_.size(); ++b) {
        loss += losses_[b];
        const double* const partial = gradients_.data() + b * gradient.size();
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            gradient[i] += partial[i];
        }
    }
    return finish(loss, parameters, gradient);
}

template <class T>
double DenseObjective<T>::block(const double* parameters, double* partial, std::size_t begin, std::size_t end) const {
    const std::size_t chunk_rows = std::clamp<std::size_t>(chunk_values / std::max<std::size_t>(x_.cols, 1) / 4 * 4, 4, 64);
    std::vector<double> rows(chunk_rows * x_.cols);
    std::vector<double> scores(chunk_rows * lanes_);
    double* const intercepts = partial + x_.cols * lanes_;
    double loss = 0;
    for (std::size_t r = begin; r < end; r += chunk_rows) {
        const std::size_t n = std::min(chunk_rows, end - r);
        for (std::size_t i = 0; i < n; ++i) {
            std::copy_n(parameters + x_.cols * lanes_, lanes_, scores.begin() + static_cast<std::ptrdiff_t>(i * lanes_));
        }
        for (std::size_t i = 0; i < n; i += step_rows) {
            const std::size_t few = std::min(step_rows, n - i);
            fetch_ahead(r, chunk_rows, i);
            widen(x_.data + (r + i) * x_.cols, few * x_.cols, rows.data() + i * x_.cols);
            add_product(rows.data() + i * x_.cols, few, x_.cols, parameters, lanes_, scores.data() + i * lanes_);
        }
        loss += softmax_residuals(scores.data(), labels_.data() + r, weights_.data() + r, n, n_outputs_, lanes_);
        add_transposed_product(rows.data(), n, x_.cols, scores.data(), lanes_, partial);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t c = 0; c < lanes_; ++c) {
                intercepts[c] += scores[i * lanes_ + c];
            }
        }
    }
    return loss;
}

template <class T>
double DenseObjective<T>::block_of_one(const double* parameters, double* partial, std::size_t begin, std::size_t end) const {
    const std::size_t chunk_rows = rows_of_one_output();
    std::vector<double> scores(chunk_rows);
    double loss = 0;
    for (std::size_t r = begin; r < end; r += chunk_rows) {
        const std::size_t n = std::min(chunk_rows, end - r);
        const T* const rows = x_.data + r * x_.cols;
        std::fill_n(scores.begin(), n, parameters[x_.cols]);
        for (std::size_t i = 0; i < n; i += step_rows) {
            fetch_ahead(r, chunk_rows, i);
            add_product(rows + i * x_.cols, std::min(step_rows, n - i), x_.cols, parameters, scores.data() + i);
        }
        loss += binary_residuals(scores.data(), labels_.data() + r, weights_.data() + r, n);
        add_transposed_product(rows, n, x_.cols, scores.data(), partial);
        for (std::size_t i = 0; i < n; ++i) {
            partial[x_.cols] += scores[i];
        }
    }
    return loss;
}

// The chunks are those of block_of_one, so that each label's losses are added in the same order.
template <class T>
void DenseObjective<T>::block_of_labels(std::span<Question> questions, std::size_t begin, std::size_t end) {
    const DenseObjective& any = *questions[0].objective;
    const std::size_t n_labels = questions.size();
    const std::size_t cols = any.x_.cols;
    const std::size_t chunk_rows = any.rows_of_one_output();
    std::vector<double> rows(chunk_rows * cols);
    std::vector<double> scores(chunk_rows * n_labels);
    std::vector<const double*> parameters(n_labels);
    std::vector<double*> own_scores(n_labels);
    std::vector<double*> step_scores(n_labels);
    std::vector<double*> partials(n_labels);
    std::vector<double> losses(n_labels);
    for (std::size_t l = 0; l < n_labels; ++l) {
        parameters[l] = questions[l].parameters->data();
        own_scores[l] = scores.data() + l * chunk_rows;
        partials[l] = questions[l].objective->partial(begin);
    }
    for (std::size_t r = begin; r < end; r += chunk_rows) {
        const std::size_t n = std::min(chunk_rows, end - r);
        for (std::size_t l = 0; l < n_labels; ++l) {
            std::fill_n(own_scores[l], n, parameters[l][cols]);
        }
        for (std::size_t i = 0; i < n; i += step_rows) {
            const std::size_t few = std::min(step_rows, n - i);
            any.fetch_ahead(r, chunk_rows, i);
            widen(any.x_.data + (r + i) * cols, few * cols, rows.data() + i * cols);
            for (std::size_t l = 0; l < n_labels; ++l) {
                step_scores[l] = own_scores[l] + i;
            }
            add_products(rows.data() + i * cols, few, cols, parameters.data(), step_scores.data(), n_labels);
        }
        for (std::size_t l = 0; l < n_labels; ++l) {
            const DenseObjective& objective = *questions[l].objective;
            losses[l] += binary_residuals(own_scores[l], objective.labels_.data() + r, objective.weights_.data() + r, n);
            for (std::size_t i = 0; i < n; ++i) {
                partials[l][cols] += own_scores[l][i];
            }
        }
        add_transposed_products(rows.data(), n, cols, own_scores.data(), partials.data(), n_labels);
    }
    for (std::size_t l = 0; l < n_labels; ++l) {
        questions[l].objective->losses_[begin / any.grain_] = losses[l];
    }
}

template class DenseObjective<float>;
template class DenseObjective<double>;

}  // namespace emotion::linear
