#include "scores.hpp"

#include "emotion/core/clones.hpp"

namespace emotion::linear {
namespace {

using Lanes4 = double __attribute__((vector_size(32), aligned(8), may_alias));
using Floats4 = float __attribute__((vector_size(16), aligned(4), may_alias));

[[gnu::always_inline]] inline void load(Lanes4& four, const double* x) { four = *reinterpret_cast<const Lanes4*>(x); }
[[gnu::always_inline]] inline void load(Lanes4& four, const float* x) { four = __builtin_convertvector(*reinterpret_cast<const Floats4*>(x), Lanes4); }

template <class T>
[[gnu::always_inline]] inline double ended(const Lanes4& sums, const T* row, const double* coef, std::size_t begin, std::size_t end, double intercept) {
    double first = sums[0];
    for (std::size_t j = begin; j < end; ++j) {
        first += static_cast<double>(row[j]) * coef[j];
    }
    return ((first + sums[1]) + (sums[2] + sums[3])) + intercept;
}

// Four outputs at a time: each four values are widened once for all, and four sums hide the latency of each.
template <class T>
[[gnu::always_inline]] inline void scores(const T* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out) {
    const std::size_t whole = cols / 4 * 4;
    std::size_t k = 0;
    for (; k + 4 <= outputs; k += 4) {
        const double* const c0 = coef + k * cols;
        const double* const c1 = c0 + cols;
        const double* const c2 = c1 + cols;
        const double* const c3 = c2 + cols;
        Lanes4 s0 = {0, 0, 0, 0};
        Lanes4 s1 = s0;
        Lanes4 s2 = s0;
        Lanes4 s3 = s0;
        for (std::size_t j = 0; j < whole; j += 4) {
            Lanes4 x;
            load(x, row + j);
            s0 += x * *reinterpret_cast<const Lanes4*>(c0 + j);
            s1 += x * *reinterpret_cast<const Lanes4*>(c1 + j);
            s2 += x * *reinterpret_cast<const Lanes4*>(c2 + j);
            s3 += x * *reinterpret_cast<const Lanes4*>(c3 + j);
        }
        out[k] = ended(s0, row, c0, whole, cols, intercept[k]);
        out[k + 1] = ended(s1, row, c1, whole, cols, intercept[k + 1]);
        out[k + 2] = ended(s2, row, c2, whole, cols, intercept[k + 2]);
        out[k + 3] = ended(s3, row, c3, whole, cols, intercept[k + 3]);
    }
    for (; k < outputs; ++k) {
        const double* const c = coef + k * cols;
        Lanes4 s = {0, 0, 0, 0};
        for (std::size_t j = 0; j < whole; j += 4) {
            Lanes4 x;
            load(x, row + j);
            s += x * *reinterpret_cast<const Lanes4*>(c + j);
        }
        out[k] = ended(s, row, c, whole, cols, intercept[k]);
    }
}

EMOTION_CLONES void scores_of_floats(const float* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out) {
    scores(row, coef, outputs, cols, intercept, out);
}
EMOTION_CLONES void scores_of_doubles(const double* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out) {
    scores(row, coef, outputs, cols, intercept, out);
}

}  // namespace

void row_scores(const float* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out) {
    scores_of_floats(row, coef, outputs, cols, intercept, out);
}
void row_scores(const double* row, const double* coef, std::size_t outputs, std::size_t cols, const double* intercept, double* out) {
    scores_of_doubles(row, coef, outputs, cols, intercept, out);
}

}  // namespace emotion::linear
