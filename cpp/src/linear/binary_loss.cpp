#include "binary_loss.hpp"

#include <algorithm>

#include "emotion/core/clones.hpp"

namespace emotion::linear {
namespace {

constexpr std::size_t width = 8;
using Doubles = double __attribute__((vector_size(64), aligned(8), may_alias));
using Integers = std::int64_t __attribute__((vector_size(64), aligned(8), may_alias));
using Labels = std::int32_t __attribute__((vector_size(32), aligned(4), may_alias));

// exp(-a) for a from 0 to 708: with k = round(a / ln 2), 2^-k times the Taylor polynomial of r = k ln 2 - a, whose rest is below 1e-17.
[[gnu::always_inline]] inline void exp_of_minus(const Doubles& a, Doubles& result) {
    constexpr double inverse_ln2 = 0x1.71547652b82fep+0;
    constexpr double ln2_high = 0x1.62e42feep-1;  // 32 bits: times k it is exact
    constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    constexpr double shift = 0x1.8p52;  // adding it rounds to an integer, in the low bits
    const Doubles shifted = a * inverse_ln2 + shift;
    const Doubles k = shifted - shift;
    const Doubles r = (k * ln2_high - a) + k * ln2_low;
    constexpr double coefficients[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                       1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
    Doubles sum = {};
    for (const double c : coefficients) {
        sum = sum * r + c;
    }
    const Doubles zero = Doubles{} + shift;
    const Integers exponent = 1023 - (reinterpret_cast<const Integers&>(shifted) - reinterpret_cast<const Integers&>(zero));
    const Integers power = exponent << 52;
    result = sum * reinterpret_cast<const Doubles&>(power);
}

// log(1 + e) for e from 0 to 1: 2 artanh(s) with s = e / (2 + e), at most 1/3; the rest of the series is below 1e-17 of it.
[[gnu::always_inline]] inline void log_of_one_plus(const Doubles& e, Doubles& result) {
    const Doubles s = e / (2 + e);
    const Doubles square = s * s;
    constexpr double coefficients[] = {1.0 / 33, 1.0 / 31, 1.0 / 29, 1.0 / 27, 1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19,
                                       1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
    Doubles sum = {};
    for (const double c : coefficients) {
        sum = (sum + c) * square;
    }
    result = 2 * (s + s * sum);
}

[[gnu::always_inline]] inline void eight_rows(double* scores, const std::int32_t* labels, const double* weights, Doubles& losses) {
    const Doubles sign = __builtin_convertvector(*reinterpret_cast<const Labels*>(labels), Doubles) * 2 - 1;
    const Doubles weight = *reinterpret_cast<const Doubles*>(weights);
    const Doubles z = sign * *reinterpret_cast<const Doubles*>(scores);
    const Doubles size = z < 0 ? -z : z;
    const Doubles zero = {};
    const Doubles one = zero + 1;
    const Doubles limit = zero + 708;
    Doubles e;
    exp_of_minus(size < limit ? size : limit, e);
    Doubles logs;
    log_of_one_plus(e, logs);
    const Doubles wrong = (z < 0 ? one : e) / (1 + e);
    losses += weight * ((z >= 0 ? zero : -z) + logs);
    *reinterpret_cast<Doubles*>(scores) = -sign * weight * wrong;
}

EMOTION_CLONES double residuals(double* scores, const std::int32_t* labels, const double* weights, std::size_t n) {
    Doubles sums = {};
    std::size_t i = 0;
    for (; i + width <= n; i += width) {
        eight_rows(scores + i, labels + i, weights + i, sums);
    }
    if (i < n) {  // the last rows, filled up with rows without weight
        double s[width] = {};
        double w[width] = {};
        std::int32_t l[width] = {};
        std::copy(scores + i, scores + n, s);
        std::copy(weights + i, weights + n, w);
        std::copy(labels + i, labels + n, l);
        eight_rows(s, l, w, sums);
        std::copy(s, s + (n - i), scores + i);
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

double binary_residuals(double* scores, const std::int32_t* labels, const double* weights, std::size_t n) { return residuals(scores, labels, weights, n); }

}  // namespace emotion::linear
