#include "emotion/preprocessing/select_k_best.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "emotion/core/clones.hpp"

namespace emotion::preprocessing {
namespace {

constexpr std::size_t columns_a_task = 128;
constexpr std::size_t block_rows = 256;

template <class T>
[[gnu::always_inline]] inline void shifted_sum(const T* row, const double* shift, double* sum, std::size_t n) {
    for (std::size_t c = 0; c < n; ++c) {
        sum[c] += static_cast<double>(row[c]) - shift[c];
    }
}

template <class T>
[[gnu::always_inline]] inline void squares(const T* row, const double* shift, const double* mean, double* sum, std::size_t n) {
    for (std::size_t c = 0; c < n; ++c) {
        const double d = (static_cast<double>(row[c]) - shift[c]) - mean[c];
        sum[c] += d * d;
    }
}

EMOTION_CLONES void add_row(const float* row, const double* shift, double* sum, std::size_t n) { shifted_sum(row, shift, sum, n); }
EMOTION_CLONES void add_row(const double* row, const double* shift, double* sum, std::size_t n) { shifted_sum(row, shift, sum, n); }
EMOTION_CLONES void add_squares(const float* row, const double* shift, const double* mean, double* sum, std::size_t n) {
    squares(row, shift, mean, sum, n);
}
EMOTION_CLONES void add_squares(const double* row, const double* shift, const double* mean, double* sum, std::size_t n) {
    squares(row, shift, mean, sum, n);
}

}  // namespace

AnovaSums::AnovaSums(std::size_t columns, std::size_t n_classes)
    : columns_(columns), n_classes_(n_classes), shift_(columns), seen_(columns), mean_(n_classes, columns), within_(columns), counts_(n_classes) {}

template <class T>
void AnovaSums::add_first(MatrixView<const T> block, std::span<const std::int32_t> labels, std::size_t begin, std::size_t end) {
    if (block.rows == 0) {
        return;
    }
    for (std::size_t c = begin; c < end; ++c) {
        if (seen_[c] == 0) {
            seen_[c] = 1;
            shift_[c] = static_cast<double>(block(0, c));
        }
    }
    for (std::size_t r = 0; r < block.rows; ++r) {
        const T* const row = block.data + r * block.cols;
        double* const sum = mean_.row(static_cast<std::size_t>(labels[r])).data();
        add_row(row + begin, shift_.data() + begin, sum + begin, end - begin);
    }
}

void AnovaSums::between_passes(std::span<const std::size_t> counts) {
    counts_.assign(counts.begin(), counts.end());
    for (std::size_t k = 0; k < n_classes_; ++k) {
        if (counts_[k] == 0) {
            continue;
        }
        for (double& mean : mean_.row(k)) {
            mean /= static_cast<double>(counts_[k]);
        }
    }
}

template <class T>
void AnovaSums::add_second(MatrixView<const T> block, std::span<const std::int32_t> labels, std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < block.rows; ++r) {
        const T* const row = block.data + r * block.cols;
        const double* const mean = mean_.row(static_cast<std::size_t>(labels[r])).data();
        add_squares(row + begin, shift_.data() + begin, mean + begin, within_.data() + begin, end - begin);
    }
}

std::vector<double> AnovaSums::scores() const {
    const auto n = static_cast<double>(std::accumulate(counts_.begin(), counts_.end(), std::size_t{0}));
    const auto classes = static_cast<double>(std::count_if(counts_.begin(), counts_.end(), [](std::size_t count) { return count > 0; }));
    std::vector<double> result(columns_);
    for (std::size_t c = 0; c < columns_; ++c) {
        double grand = 0;
        for (std::size_t k = 0; k < n_classes_; ++k) {
            grand += static_cast<double>(counts_[k]) * mean_(k, c);
        }
        grand /= n;
        double between = 0;
        for (std::size_t k = 0; k < n_classes_; ++k) {
            const double d = mean_(k, c) - grand;
            between += static_cast<double>(counts_[k]) * d * d;
        }
        result[c] = (between / (classes - 1)) / (within_[c] / (n - classes));
    }
    return result;
}

template <class T>
std::vector<double> f_classif(MatrixView<const T> x, std::span<const std::int32_t> labels, std::size_t n_classes, Parallel& parallel) {
    AnovaSums sums(x.cols, n_classes);
    const auto each_block = [&](auto&& fn) {
        parallel.blocks(x.cols, columns_a_task, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = 0; r < x.rows; r += block_rows) {
                const std::size_t rows = std::min(block_rows, x.rows - r);
                fn(MatrixView<const T>{x.data + r * x.cols, rows, x.cols}, labels.subspan(r, rows), begin, end);
            }
        });
    };
    each_block([&](auto block, auto part, std::size_t begin, std::size_t end) { sums.add_first(block, part, begin, end); });
    sums.between_passes(class_counts(labels, n_classes));
    each_block([&](auto block, auto part, std::size_t begin, std::size_t end) { sums.add_second(block, part, begin, end); });
    return sums.scores();
}

std::vector<std::size_t> class_counts(std::span<const std::int32_t> labels, std::size_t n_classes) {
    std::vector<std::size_t> counts(n_classes);
    for (const std::int32_t label : labels) {
        ++counts[static_cast<std::size_t>(label)];
    }
    return counts;
}

std::vector<std::int32_t> k_best(std::span<const double> scores, std::size_t k) {
    std::vector<std::int32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    const auto rank = [&](std::int32_t i) {
        const double score = scores[static_cast<std::size_t>(i)];
        return std::isnan(score) ? std::numeric_limits<double>::lowest() : score;
    };
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return rank(a) < rank(b); });
    order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(std::min(k, order.size())));
    std::sort(order.begin(), order.end());
    return order;
}

#define EMOTION_INSTANTIATE(T)                                                                                                           \
    template void AnovaSums::add_first(MatrixView<const T>, std::span<const std::int32_t>, std::size_t, std::size_t);                    \
    template void AnovaSums::add_second(MatrixView<const T>, std::span<const std::int32_t>, std::size_t, std::size_t);                   \
    template std::vector<double> f_classif(MatrixView<const T>, std::span<const std::int32_t>, std::size_t, Parallel&);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::preprocessing
