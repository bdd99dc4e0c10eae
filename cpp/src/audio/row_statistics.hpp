// Statistics of the frames of each descriptor.
#pragma once

#include <cstddef>
#include <span>

#include "emotion/core/views.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

typedef double Quad __attribute__((vector_size(32)));
typedef float FloatQuad __attribute__((vector_size(16), aligned(4), may_alias));

static EMOTION_INLINE FloatQuad load_quad(const float* p) { return *reinterpret_cast<const FloatQuad*>(p); }

EMOTION_CLONES void summarize_row(const float* x, std::size_t n, float* out) {
    const std::size_t whole = n / 4 * 4;
    Quad sums = {}, squares = {};
    for (std::size_t t = 0; t < whole; t += 4) {
        sums += __builtin_convertvector(load_quad(x + t), Quad);
    }
    for (std::size_t t = whole; t < n; ++t) {
        sums[t % 4] += static_cast<double>(x[t]);
    }
    const double mean = ((sums[0] + sums[1]) + (sums[2] + sums[3])) / static_cast<double>(n);
    float low = x[0], high = x[0];
    FloatQuad lows = {low, low, low, low}, highs = lows;
    for (std::size_t t = 0; t < whole; t += 4) {
        const FloatQuad v = load_quad(x + t);
        const Quad d = __builtin_convertvector(v, Quad) - mean;
        squares += d * d;
        lows = v < lows ? v : lows;
        highs = v > highs ? v : highs;
    }
    for (std::size_t t = whole; t < n; ++t) {
        const double d = static_cast<double>(x[t]) - mean;
        squares[t % 4] += d * d;
        low = x[t] < low ? x[t] : low;
        high = x[t] > high ? x[t] : high;
    }
    for (std::size_t l = 0; l < 4; ++l) {
        low = lows[l] < low ? lows[l] : low;
        high = highs[l] > high ? highs[l] : high;
    }
    out[0] = static_cast<float>(mean);
    out[1] = static_cast<float>(__builtin_sqrt(((squares[0] + squares[1]) + (squares[2] + squares[3])) / static_cast<double>(n)));
    out[2] = low;
    out[3] = high;
}

// Mean, standard deviation (ddof 0), minimum and maximum of each row; sums in float64, four running sums added in a fixed order. Plain loops: the
// same by a library's reductions took 2.3 times as long, as each statistic walks the matrix anew (docs/adr/0007).
inline void summarize(MatrixView<const float> rows, std::span<float> out) {
    for (std::size_t r = 0; r < rows.rows; ++r) {
        summarize_row(rows.data + r * rows.cols, rows.cols, &out[4 * r]);
    }
}

}  // namespace
}  // namespace emotion::audio
