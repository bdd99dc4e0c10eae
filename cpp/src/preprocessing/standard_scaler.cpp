#include "emotion/preprocessing/standard_scaler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "emotion/core/clones.hpp"

namespace emotion::preprocessing {
namespace {

constexpr std::size_t columns_a_task = 32;

EMOTION_CLONES void scale_row(const float* from, const double* shift, const double* divisor, float* to, std::size_t n) {
    for (std::size_t c = 0; c < n; ++c) {
        to[c] = static_cast<float>((static_cast<double>(from[c]) - shift[c]) / divisor[c]);
    }
}

EMOTION_CLONES void scale_row(const double* from, const double* shift, const double* divisor, double* to, std::size_t n) {
    for (std::size_t c = 0; c < n; ++c) {
        to[c] = (from[c] - shift[c]) / divisor[c];
    }
}

// Sums of one block, kept column by column; the row loop is outside so that memory is read in order.
struct BlockSums {
    std::vector<double> shift, weight, sum, mean, square, rest;
    explicit BlockSums(std::size_t n) : shift(n), weight(n), sum(n), mean(n), square(n), rest(n) {}
};

template <class T>
BlockSums sums_of(MatrixView<const T> block, std::span<const double> weights, std::size_t begin, std::size_t end) {
    const std::size_t n = end - begin;
    BlockSums s(n);
    for (std::size_t r = 0; r < block.rows; ++r) {
        const T* const row = block.data + r * block.cols + begin;
        const double w = weights.empty() ? 1.0 : weights[r];
        for (std::size_t c = 0; c < n; ++c) {
            const auto x = static_cast<double>(row[c]);
            if (std::isnan(x) || w == 0) {
                continue;
            }
            if (s.weight[c] == 0) {
                s.shift[c] = x;  // sums of x - shift: a constant column has mean x and deviation 0 without rounding
            }
            s.weight[c] += w;
            s.sum[c] += w * (x - s.shift[c]);
        }
    }
    for (std::size_t c = 0; c < n; ++c) {
        s.mean[c] = s.weight[c] > 0 ? s.shift[c] + s.sum[c] / s.weight[c] : 0;
    }
    for (std::size_t r = 0; r < block.rows; ++r) {
        const T* const row = block.data + r * block.cols + begin;
        const double w = weights.empty() ? 1.0 : weights[r];
        for (std::size_t c = 0; c < n; ++c) {
            const auto x = static_cast<double>(row[c]);
            if (std::isnan(x) || w == 0) {
                continue;
            }
            const double d = x - s.mean[c];
            s.square[c] += w * d * d;
            s.rest[c] += w * d;
        }
    }
    return s;
}

}  // namespace

template <class T>
void Moments::add_block(MatrixView<const T> block, std::span<const double> weights, std::size_t begin, std::size_t end) {
    const BlockSums s = sums_of(block, weights, begin, end);
    for (std::size_t c = 0; c < end - begin; ++c) {
        if (s.weight[c] == 0) {
            continue;
        }
        const std::size_t j = begin + c;
        const double block_deviation = std::max(0.0, s.square[c] - s.rest[c] * s.rest[c] / s.weight[c]);
        if (weight[j] == 0) {
            weight[j] = s.weight[c];
            mean[j] = s.mean[c];
            deviation[j] = block_deviation;
            continue;
        }
        const double total = weight[j] + s.weight[c];
        const double delta = s.mean[c] - mean[j];
        deviation[j] += block_deviation + delta * delta * (weight[j] * s.weight[c] / total);
        mean[j] += delta * (s.weight[c] / total);
        weight[j] = total;
    }
}

template <class T>
void Moments::add(MatrixView<const T> x, std::span<const double> weights, Parallel& parallel) {
    parallel.blocks(x.cols, columns_a_task, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = 0; r < x.rows; r += moments_block_rows) {
            const std::size_t rows = std::min(moments_block_rows, x.rows - r);
            add_block(MatrixView<const T>{x.data + r * x.cols, rows, x.cols}, weights.empty() ? weights : weights.subspan(r, rows), begin, end);
        }
    });
}

template <class T>
void StandardScaler::transform(MatrixView<const T> x, MatrixView<T> out) const {
    const std::vector<double> zero(with_mean ? 0 : x.cols, 0.0);
    const std::vector<double> one(with_std ? 0 : x.cols, 1.0);  // x - 0 and x / 1 are x: one loop without branches serves all
    const double* const shift = with_mean ? mean.data() : zero.data();
    const double* const divisor = with_std ? scale.data() : one.data();
    for (std::size_t r = 0; r < x.rows; ++r) {
        scale_row(x.data + r * x.cols, shift, divisor, out.data + r * x.cols, x.cols);
    }
}

template <class T>
void StandardScaler::inverse_transform(MatrixView<const T> x, MatrixView<T> out) const {
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t c = 0; c < x.cols; ++c) {
            double z = static_cast<double>(x(r, c));
            if (with_std) {
                z *= scale[c];
            }
            if (with_mean) {
                z += mean[c];
            }
            out(r, c) = static_cast<T>(z);
        }
    }
}

std::vector<double> variances(const Moments& moments) {
    std::vector<double> result(moments.mean.size());
    for (std::size_t c = 0; c < result.size(); ++c) {
        result[c] = moments.weight[c] > 0 ? moments.deviation[c] / moments.weight[c] : std::numeric_limits<double>::quiet_NaN();
    }
    return result;
}

StandardScaler finish_scaler(const Moments& moments, bool with_mean, bool with_std) {
    StandardScaler scaler;
    scaler.with_mean = with_mean;
    scaler.with_std = with_std;
    scaler.mean = moments.mean;
    scaler.scale.assign(moments.mean.size(), 1.0);
    const std::vector<double> variance = variances(moments);
    constexpr double eps = std::numeric_limits<double>::epsilon();
    for (std::size_t c = 0; c < variance.size(); ++c) {
        if (moments.weight[c] == 0) {
            scaler.mean[c] = 0;  // a column without values: NaN stays NaN whatever is subtracted
            continue;
        }
        const double n = moments.weight[c];
        const double rounding = n * moments.mean[c] * eps;
        if (variance[c] > n * eps * variance[c] + rounding * rounding) {
            scaler.scale[c] = std::sqrt(variance[c]);
        }
    }
    return scaler;
}

#define EMOTION_INSTANTIATE(T)                                                                                              \
    template void Moments::add_block(MatrixView<const T>, std::span<const double>, std::size_t, std::size_t);               \
    template void Moments::add(MatrixView<const T>, std::span<const double>, Parallel&);                                    \
    template void StandardScaler::transform(MatrixView<const T>, MatrixView<T>) const;                                      \
    template void StandardScaler::inverse_transform(MatrixView<const T>, MatrixView<T>) const;
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::preprocessing
