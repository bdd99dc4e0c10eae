#include "products.hpp"

#include <algorithm>

#include "emotion/core/clones.hpp"

namespace emotion::linear {
namespace {

using Lanes4 = double __attribute__((vector_size(32), aligned(8), may_alias));
using Lanes8 = double __attribute__((vector_size(64), aligned(8), may_alias));

// Four rows at a time, so that a row of coefficients is loaded once for all.
template <class Lanes>
[[gnu::always_inline]] inline void product(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores) {
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const double* const x0 = x + r * features;
        double* const s = scores + r * lanes;
        Lanes a0 = *reinterpret_cast<const Lanes*>(s);
        Lanes a1 = *reinterpret_cast<const Lanes*>(s + lanes);
        Lanes a2 = *reinterpret_cast<const Lanes*>(s + 2 * lanes);
        Lanes a3 = *reinterpret_cast<const Lanes*>(s + 3 * lanes);
        for (std::size_t j = 0; j < features; ++j) {
            const Lanes w = *reinterpret_cast<const Lanes*>(coef + j * lanes);
            a0 += x0[j] * w;
            a1 += x0[features + j] * w;
            a2 += x0[2 * features + j] * w;
            a3 += x0[3 * features + j] * w;
        }
        *reinterpret_cast<Lanes*>(s) = a0;
        *reinterpret_cast<Lanes*>(s + lanes) = a1;
        *reinterpret_cast<Lanes*>(s + 2 * lanes) = a2;
        *reinterpret_cast<Lanes*>(s + 3 * lanes) = a3;
    }
    for (; r < rows; ++r) {
        Lanes a = *reinterpret_cast<const Lanes*>(scores + r * lanes);
        for (std::size_t j = 0; j < features; ++j) {
            a += x[r * features + j] * *reinterpret_cast<const Lanes*>(coef + j * lanes);
        }
        *reinterpret_cast<Lanes*>(scores + r * lanes) = a;
    }
}

// Four features stay in registers while the rows go by.
template <class Lanes>
[[gnu::always_inline]] inline void transposed(const double* x, std::size_t rows, std::size_t features, const double* residuals, std::size_t lanes, double* gradient) {
    std::size_t j = 0;
    for (; j + 4 <= features; j += 4) {
        double* const g = gradient + j * lanes;
        Lanes s0 = *reinterpret_cast<const Lanes*>(g);
        Lanes s1 = *reinterpret_cast<const Lanes*>(g + lanes);
        Lanes s2 = *reinterpret_cast<const Lanes*>(g + 2 * lanes);
        Lanes s3 = *reinterpret_cast<const Lanes*>(g + 3 * lanes);
        const double* row = x + j;
        for (std::size_t r = 0; r < rows; ++r, row += features) {
            const Lanes e = *reinterpret_cast<const Lanes*>(residuals + r * lanes);
            s0 += row[0] * e;
            s1 += row[1] * e;
            s2 += row[2] * e;
            s3 += row[3] * e;
        }
        *reinterpret_cast<Lanes*>(g) = s0;
        *reinterpret_cast<Lanes*>(g + lanes) = s1;
        *reinterpret_cast<Lanes*>(g + 2 * lanes) = s2;
        *reinterpret_cast<Lanes*>(g + 3 * lanes) = s3;
    }
    for (; j < features; ++j) {
        Lanes sum = *reinterpret_cast<const Lanes*>(gradient + j * lanes);
        for (std::size_t r = 0; r < rows; ++r) {
            sum += x[r * features + j] * *reinterpret_cast<const Lanes*>(residuals + r * lanes);
        }
        *reinterpret_cast<Lanes*>(gradient + j * lanes) = sum;
    }
}

// One output: features are dealt to the four lanes in turn; four rows at a time hide the latency of each row's sum. Rows of float32 are widened as they
// are read.
using Floats4 = float __attribute__((vector_size(16), aligned(4), may_alias));
using Floats8 = float __attribute__((vector_size(32), aligned(4), may_alias));

[[gnu::always_inline]] inline void add4(Lanes4& sum, const double* x, const Lanes4& w) { sum += *reinterpret_cast<const Lanes4*>(x) * w; }
[[gnu::always_inline]] inline void add4(Lanes4& sum, const float* x, const Lanes4& w) {
    sum += __builtin_convertvector(*reinterpret_cast<const Floats4*>(x), Lanes4) * w;
}
[[gnu::always_inline]] inline void add8(Lanes8& sum, const double* x, double e) { sum += *reinterpret_cast<const Lanes8*>(x) * e; }
[[gnu::always_inline]] inline void add8(Lanes8& sum, const float* x, double e) {
    sum += __builtin_convertvector(*reinterpret_cast<const Floats8*>(x), Lanes8) * e;
}

template <class T>
[[gnu::always_inline]] inline double ended(const Lanes4& sums, const T* x, const double* coef, std::size_t begin, std::size_t end) {
    double first = sums[0];
    for (std::size_t j = begin; j < end; ++j) {
        first += static_cast<double>(x[j]) * coef[j];
    }
    return (first + sums[1]) + (sums[2] + sums[3]);
}

template <class T>
[[gnu::always_inline]] inline void product1(const T* x, std::size_t rows, std::size_t features, const double* coef, double* scores) {
    const std::size_t whole = features / 4 * 4;
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const T* const x0 = x + r * features;
        Lanes4 a0 = {scores[r], 0, 0, 0};
        Lanes4 a1 = {scores[r + 1], 0, 0, 0};
        Lanes4 a2 = {scores[r + 2], 0, 0, 0};
        Lanes4 a3 = {scores[r + 3], 0, 0, 0};
        for (std::size_t j = 0; j < whole; j += 4) {
            const Lanes4& w = *reinterpret_cast<const Lanes4*>(coef + j);
            add4(a0, x0 + j, w);
            add4(a1, x0 + features + j, w);
            add4(a2, x0 + 2 * features + j, w);
            add4(a3, x0 + 3 * features + j, w);
        }
        scores[r] = ended(a0, x0, coef, whole, features);
        scores[r + 1] = ended(a1, x0 + features, coef, whole, features);
        scores[r + 2] = ended(a2, x0 + 2 * features, coef, whole, features);
        scores[r + 3] = ended(a3, x0 + 3 * features, coef, whole, features);
    }
    for (; r < rows; ++r) {
        Lanes4 a = {scores[r], 0, 0, 0};
        for (std::size_t j = 0; j < whole; j += 4) {
            add4(a, x + r * features + j, *reinterpret_cast<const Lanes4*>(coef + j));
        }
        scores[r] = ended(a, x + r * features, coef, whole, features);
    }
}

// Eight features at a time, each with its sum in row order.
template <class T>
[[gnu::always_inline]] inline void transposed1(const T* x, std::size_t rows, std::size_t features, const double* e, double* gradient) {
    const std::size_t whole = features / 8 * 8;
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const T* const x0 = x + r * features;
        const T* const x1 = x0 + features;
        const T* const x2 = x1 + features;
        const T* const x3 = x2 + features;
        const double e0 = e[r];
        const double e1 = e[r + 1];
        const double e2 = e[r + 2];
        const double e3 = e[r + 3];
        for (std::size_t j = 0; j < whole; j += 8) {
            auto* const g = reinterpret_cast<Lanes8*>(gradient + j);
            Lanes8 sum = *g;
            add8(sum, x0 + j, e0);
            add8(sum, x1 + j, e1);
            add8(sum, x2 + j, e2);
            add8(sum, x3 + j, e3);
            *g = sum;
        }
        for (std::size_t j = whole; j < features; ++j) {
            gradient[j] = (((gradient[j] + static_cast<double>(x0[j]) * e0) + static_cast<double>(x1[j]) * e1) + static_cast<double>(x2[j]) * e2) +
                          static_cast<double>(x3[j]) * e3;
        }
    }
    for (; r < rows; ++r) {
        for (std::size_t j = 0; j < features; ++j) {
            gradient[j] += static_cast<double>(x[r * features + j]) * e[r];
        }
    }
}

// Four rows and two labels at a time: eight sums hide the latency, and each row is loaded once for both.
[[gnu::always_inline]] inline void product_of_two(const double* x, std::size_t rows, std::size_t features, const double* c, const double* d, double* s, double* t) {
    const std::size_t whole = features / 4 * 4;
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const double* const x0 = x + r * features;
        const double* const x1 = x0 + features;
        const double* const x2 = x1 + features;
        const double* const x3 = x2 + features;
        Lanes4 a0 = {s[r], 0, 0, 0};
        Lanes4 a1 = {s[r + 1], 0, 0, 0};
        Lanes4 a2 = {s[r + 2], 0, 0, 0};
        Lanes4 a3 = {s[r + 3], 0, 0, 0};
        Lanes4 b0 = {t[r], 0, 0, 0};
        Lanes4 b1 = {t[r + 1], 0, 0, 0};
        Lanes4 b2 = {t[r + 2], 0, 0, 0};
        Lanes4 b3 = {t[r + 3], 0, 0, 0};
        for (std::size_t j = 0; j < whole; j += 4) {
            const Lanes4 v = *reinterpret_cast<const Lanes4*>(c + j);
            const Lanes4 w = *reinterpret_cast<const Lanes4*>(d + j);
            const Lanes4 y0 = *reinterpret_cast<const Lanes4*>(x0 + j);
            const Lanes4 y1 = *reinterpret_cast<const Lanes4*>(x1 + j);
            const Lanes4 y2 = *reinterpret_cast<const Lanes4*>(x2 + j);
            const Lanes4 y3 = *reinterpret_cast<const Lanes4*>(x3 + j);
            a0 += y0 * v;
            b0 += y0 * w;
            a1 += y1 * v;
            b1 += y1 * w;
            a2 += y2 * v;
            b2 += y2 * w;
            a3 += y3 * v;
            b3 += y3 * w;
        }
        s[r] = ended(a0, x0, c, whole, features);
        s[r + 1] = ended(a1, x1, c, whole, features);
        s[r + 2] = ended(a2, x2, c, whole, features);
        s[r + 3] = ended(a3, x3, c, whole, features);
        t[r] = ended(b0, x0, d, whole, features);
        t[r + 1] = ended(b1, x1, d, whole, features);
        t[r + 2] = ended(b2, x2, d, whole, features);
        t[r + 3] = ended(b3, x3, d, whole, features);
    }
    if (r < rows) {
        product1(x + r * features, rows - r, features, c, s + r);
        product1(x + r * features, rows - r, features, d, t + r);
    }
}

// Eight features of four labels stay in registers while the rows go by.
[[gnu::always_inline]] inline void transposed_of_four(const double* x, std::size_t rows, std::size_t features, const double* const* e, double* const* g) {
    const double* const e0 = e[0];
    const double* const e1 = e[1];
    const double* const e2 = e[2];
    const double* const e3 = e[3];
    std::size_t j = 0;
    for (; j + 8 <= features; j += 8) {
        Lanes8 s0 = *reinterpret_cast<const Lanes8*>(g[0] + j);
        Lanes8 s1 = *reinterpret_cast<const Lanes8*>(g[1] + j);
        Lanes8 s2 = *reinterpret_cast<const Lanes8*>(g[2] + j);
        Lanes8 s3 = *reinterpret_cast<const Lanes8*>(g[3] + j);
        const double* row = x + j;
        for (std::size_t r = 0; r < rows; ++r, row += features) {
            const Lanes8 v = *reinterpret_cast<const Lanes8*>(row);
            s0 += v * e0[r];
            s1 += v * e1[r];
            s2 += v * e2[r];
            s3 += v * e3[r];
        }
        *reinterpret_cast<Lanes8*>(g[0] + j) = s0;
        *reinterpret_cast<Lanes8*>(g[1] + j) = s1;
        *reinterpret_cast<Lanes8*>(g[2] + j) = s2;
        *reinterpret_cast<Lanes8*>(g[3] + j) = s3;
    }
    for (; j < features; ++j) {
        for (std::size_t l = 0; l < 4; ++l) {
            double sum = g[l][j];
            for (std::size_t r = 0; r < rows; ++r) {
                sum += x[r * features + j] * e[l][r];
            }
            g[l][j] = sum;
        }
    }
}

EMOTION_CLONES void product_labels(const double* x, std::size_t rows, std::size_t features, const double* const* coefs, double* const* scores, std::size_t n) {
    std::size_t l = 0;
    for (; l + 2 <= n; l += 2) {
        product_of_two(x, rows, features, coefs[l], coefs[l + 1], scores[l], scores[l + 1]);
    }
    if (l < n) {
        product1(x, rows, features, coefs[l], scores[l]);
    }
}
EMOTION_CLONES void transposed_labels(const double* x, std::size_t rows, std::size_t features, const double* const* e, double* const* g, std::size_t n) {
    std::size_t l = 0;
    for (; l + 4 <= n; l += 4) {
        transposed_of_four(x, rows, features, e + l, g + l);
    }
    for (; l < n; ++l) {
        transposed1(x, rows, features, e[l], g[l]);
    }
}

EMOTION_CLONES void product_floats(const float* x, std::size_t rows, std::size_t features, const double* coef, double* scores) {
    product1(x, rows, features, coef, scores);
}
EMOTION_CLONES void product_doubles(const double* x, std::size_t rows, std::size_t features, const double* coef, double* scores) {
    product1(x, rows, features, coef, scores);
}
EMOTION_CLONES void transposed_floats(const float* x, std::size_t rows, std::size_t features, const double* e, double* gradient) {
    transposed1(x, rows, features, e, gradient);
}
EMOTION_CLONES void transposed_doubles(const double* x, std::size_t rows, std::size_t features, const double* e, double* gradient) {
    transposed1(x, rows, features, e, gradient);
}

EMOTION_CLONES void widen_floats(const float* from, std::size_t n, double* to) {
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        *reinterpret_cast<Lanes8*>(to + i) = __builtin_convertvector(*reinterpret_cast<const Floats8*>(from + i), Lanes8);
    }
    for (; i < n; ++i) {
        to[i] = static_cast<double>(from[i]);
    }
}

EMOTION_CLONES void product4(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores) {
    product<Lanes4>(x, rows, features, coef, lanes, scores);
}
EMOTION_CLONES void product8(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores) {
    product<Lanes8>(x, rows, features, coef, lanes, scores);
}
EMOTION_CLONES void transposed4(const double* x, std::size_t rows, std::size_t features, const double* e, std::size_t lanes, double* gradient) {
    transposed<Lanes4>(x, rows, features, e, lanes, gradient);
}
EMOTION_CLONES void transposed8(const double* x, std::size_t rows, std::size_t features, const double* e, std::size_t lanes, double* gradient) {
    transposed<Lanes8>(x, rows, features, e, lanes, gradient);
}

}  // namespace

std::size_t padded_lanes(std::size_t n_outputs) { return n_outputs == 1 ? 1 : (n_outputs + 3) / 4 * 4; }

void widen(const float* from, std::size_t n, double* to) { widen_floats(from, n, to); }
void widen(const double* from, std::size_t n, double* to) { std::copy_n(from, n, to); }

void add_product(const float* x, std::size_t rows, std::size_t features, const double* coef, double* scores) {
    product_floats(x, rows, features, coef, scores);
}
void add_product(const double* x, std::size_t rows, std::size_t features, const double* coef, double* scores) {
    product_doubles(x, rows, features, coef, scores);
}
void add_transposed_product(const float* x, std::size_t rows, std::size_t features, const double* residuals, double* gradient) {
    transposed_floats(x, rows, features, residuals, gradient);
}
void add_transposed_product(const double* x, std::size_t rows, std::size_t features, const double* residuals, double* gradient) {
    transposed_doubles(x, rows, features, residuals, gradient);
}

void add_products(const double* x, std::size_t rows, std::size_t features, const double* const* coefs, double* const* scores, std::size_t n_labels) {
    product_labels(x, rows, features, coefs, scores, n_labels);
}
void add_transposed_products(const double* x, std::size_t rows, std::size_t features, const double* const* residuals, double* const* gradients,
                             std::size_t n_labels) {
    transposed_labels(x, rows, features, residuals, gradients, n_labels);
}

void add_product(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores) {
    std::size_t lane = 0;
    for (; lane + 8 <= lanes; lane += 8) {
        product8(x, rows, features, coef + lane, lanes, scores + lane);
    }
    if (lane < lanes) {
        product4(x, rows, features, coef + lane, lanes, scores + lane);
    }
}

void add_transposed_product(const double* x, std::size_t rows, std::size_t features, const double* residuals, std::size_t lanes, double* gradient) {
    std::size_t lane = 0;
    for (; lane + 8 <= lanes; lane += 8) {
        transposed8(x, rows, features, residuals + lane, lanes, gradient + lane);
    }
    if (lane < lanes) {
        transposed4(x, rows, features, residuals + lane, lanes, gradient + lane);
    }
}

}  // namespace emotion::linear
