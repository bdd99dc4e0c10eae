// The spectra of eight windowed frames of n = 2 R C real samples in two passes over memory (the "four-step" transform: Bailey 1990; Van Loan 1992, §3.3).
//
// The m = R C complex values z[j] = x[2j] + i x[2j + 1] stand as R rows of C columns. Pass 1 takes each column through an R-point transform in the
// first-level cache, turns value k of column c by exp(-2 pi i k c / m) and stores it in row k. Pass 2 takes each row through a C-point transform: value
// q of row k is Z[k + R q]. As Z[k] and Z[m - k] lie in rows k and R - k, such rows are taken in pairs, and the spectrum of the real frames follows at
// once. R and C are 8, 16, 32 or 64. A value is 16 floats: eight real parts (one a frame), eight imaginary parts.
#pragma once

#include <cstddef>

#include "lanes.hpp"
#include "transpose.hpp"

namespace emotion::audio {

inline constexpr std::size_t value_size = 2 * lanes;

struct Complex {
    Lane re, im;
};
static EMOTION_INLINE Complex load_value(const float* p) { return {load(p), load(p + lanes)}; }
static EMOTION_INLINE void store_value(float* p, Complex z) {
    store(p, z.re);
    store(p + lanes, z.im);
}
static EMOTION_INLINE Complex plus(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
static EMOTION_INLINE Complex minus(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
static EMOTION_INLINE Complex minus_i(Complex a) { return {a.im, -a.re}; }
static EMOTION_INLINE Complex times(Complex z, float c, float s) { return {z.re * c - z.im * s, z.re * s + z.im * c}; }

// Transforms of four and eight values in registers, in place.
static EMOTION_INLINE void butterfly(Complex (&z)[4]) {
    const Complex a = plus(z[0], z[2]), b = minus(z[0], z[2]), c = plus(z[1], z[3]), d = minus_i(minus(z[1], z[3]));
    z[0] = plus(a, c);
    z[1] = plus(b, d);
    z[2] = minus(a, c);
    z[3] = minus(b, d);
}
static EMOTION_INLINE void butterfly(Complex (&z)[8]) {
    constexpr float half = 0.70710678F;  // sqrt(1/2)
    Complex even[4] = {z[0], z[2], z[4], z[6]}, odd[4] = {z[1], z[3], z[5], z[7]};
    butterfly(even);
    butterfly(odd);
    odd[1] = {(odd[1].re + odd[1].im) * half, (odd[1].im - odd[1].re) * half};
    odd[2] = minus_i(odd[2]);
    odd[3] = {(odd[3].im - odd[3].re) * half, (odd[3].re + odd[3].im) * -half};
    for (int k = 0; k < 4; ++k) {
        z[k] = plus(even[k], odd[k]);
        z[k + 4] = minus(even[k], odd[k]);
    }
}

// Where a small transform puts its results.
struct InOrder {
    float* out;
    EMOTION_INLINE void put(std::size_t k, Complex z) const { store_value(out + k * value_size, z); }
};
struct Turned {  // by w[k], `stride` floats apart
    float* out;
    std::size_t stride;
    const float* w;
    EMOTION_INLINE void put(std::size_t k, Complex z) const { store_value(out + k * stride, times(z, w[2 * k], w[2 * k + 1])); }
};

// A transform of A B values. roots: exp(-2 pi i b k / (A B)) at 2 (b A + k). Worked example: of 8 x 4, the first stage takes values b, b + 4, …,
// b + 28 for b < 4, the second the four turned results of equal k, which are X[k], X[k + 8], X[k + 16], X[k + 24].
template <int A, int B, class Sink>
EMOTION_INLINE void small_transform(const float* x, const float* roots, Sink sink) {
    alignas(64) float work[A * B * value_size];
    for (std::size_t b = 0; b < B; ++b) {
        Complex z[A];
        for (std::size_t a = 0; a < A; ++a) {
            z[a] = load_value(x + (b + B * a) * value_size);
        }
        butterfly(z);
        store_value(work + b * value_size, z[0]);
        for (std::size_t k = 1; k < A; ++k) {
            const float* w = roots + 2 * (b * A + k);
            store_value(work + (k * B + b) * value_size, times(z[k], w[0], w[1]));
        }
    }
    for (std::size_t k = 0; k < A; ++k) {
        Complex z[B];
        for (std::size_t b = 0; b < B; ++b) {
            z[b] = load_value(work + (k * B + b) * value_size);
        }
        butterfly(z);
        for (std::size_t q = 0; q < B; ++q) {
            sink.put(k + A * q, z[q]);
        }
    }
}
template <int N, class Sink>
EMOTION_INLINE void small_transform(const float* x, const float* roots, Sink sink) {
    if constexpr (N == 8) {
        Complex z[8];
        for (std::size_t a = 0; a < 8; ++a) {
            z[a] = load_value(x + a * value_size);
        }
        butterfly(z);
        for (std::size_t k = 0; k < 8; ++k) {
            sink.put(k, z[k]);
        }
    } else if constexpr (N == 16) {
        small_transform<4, 4>(x, roots, sink);
    } else if constexpr (N == 32) {
        small_transform<8, 4>(x, roots, sink);
    } else {
        small_transform<8, 8>(x, roots, sink);
    }
}
// The first factor of a small transform, as above.
constexpr std::size_t first_factor(std::size_t n) { return n == 16 ? 4 : 8; }

// Where a first pass takes its values from: four neighbouring ones, the first of them z[j].
struct FrameSource {
    const float* signal;
    std::size_t hop;
    const float* window;
    EMOTION_INLINE void get(std::size_t j, Complex (&z)[4]) const {
        TransposeBlock block;
        const Lane w = load(window + 2 * j);
        for (std::size_t l = 0; l < lanes; ++l) {
            block.r[l] = load(signal + l * hop + 2 * j) * w;
        }
        transpose(block);
        for (std::size_t i = 0; i < 4; ++i) {
            z[i] = {block.r[2 * i], block.r[2 * i + 1]};
        }
    }
};
// The even sequence of `half` (m + 1 values), mirrored beyond m.
struct EvenSource {
    const float* half;
    std::size_t m;
    EMOTION_INLINE void get(std::size_t j, Complex (&z)[4]) const {
        const bool mirrored = 2 * j >= m;  // all four: m is a multiple of eight, and value m itself is its own mirror image
        const float* const first = half + (mirrored ? 2 * (m - j) : 2 * j) * lanes;
        for (std::ptrdiff_t i = 0; i < 4; ++i) {
            const std::ptrdiff_t re = mirrored ? -2 * i : 2 * i, im = mirrored ? re - 1 : re + 1;
            z[i] = {load(first + re * static_cast<std::ptrdiff_t>(lanes)), load(first + im * static_cast<std::ptrdiff_t>(lanes))};
        }
    }
};

// Pass 1, four columns at a time. turns: exp(-2 pi i k c / m) at 2 (c R + k).
template <int R, class Source>
EMOTION_INLINE void column_pass(Source source, std::size_t columns, const float* roots, const float* turns, float* rows, std::size_t stride) {
    alignas(64) float values[4 * R * value_size];
    for (std::size_t c = 0; c < columns; c += 4) {
        for (std::size_t r = 0; r < R; ++r) {
            Complex z[4];
            source.get(r * columns + c, z);
            for (std::size_t i = 0; i < 4; ++i) {
                store_value(values + (i * R + r) * value_size, z[i]);
            }
        }
        for (std::size_t i = 0; i < 4; ++i) {
            small_transform<R>(values + i * R * value_size, roots, Turned{rows + (c + i) * value_size, stride, turns + 2 * (c + i) * R});
        }
    }
}

// Spectra of the real frames from Z[k] = a and Z[m - k] = b: X[k] = E + w O and X[m - k] = conj(E - w O) with E = (a + conj b) / 2, O = (a - conj b) / 2i
// and w = exp(-2 pi i k / n).
struct PowerOut {
    float* out;
    EMOTION_INLINE void put(std::size_t k, Complex twice) const {
        store(out + k * lanes, (twice.re * twice.re + twice.im * twice.im) * 0.25F);
    }
};
struct ComplexOut {
    float *re, *im;
    EMOTION_INLINE void put(std::size_t k, Complex twice) const {
        store(re + k * lanes, twice.re * 0.5F);
        store(im + k * lanes, twice.im * 0.5F);
    }
};
struct RealOut {  // the first `count` real parts
    float* out;
    std::size_t count;
    EMOTION_INLINE void put(std::size_t k, Complex twice) const {
        if (k < count) {
            store(out + k * lanes, twice.re * 0.5F);
        }
    }
};
template <class Out>
EMOTION_INLINE void unpack_pair(Complex a, Complex b, std::size_t k, std::size_t m, const float* wc, const float* ws, Out out) {
    const Complex even{a.re + b.re, a.im - b.im};
    const Complex turned = times({a.im + b.im, b.re - a.re}, wc[k], ws[k]);
    out.put(k, plus(even, turned));
    out.put(m - k, {even.re - turned.re, turned.im - even.im});
}

// Pass 2. rows: R rows of C values, `stride` floats apart.
template <int C, class Out>
EMOTION_INLINE void row_pass(const float* rows, std::size_t r, std::size_t stride, const float* roots, const float* wc, const float* ws, Out out) {
    alignas(64) float low[C * value_size], high[C * value_size];
    const std::size_t m = r * C;
    small_transform<C>(rows, roots, InOrder{low});
    for (std::size_t q = 0; q <= C / 2; ++q) {
        unpack_pair(load_value(low + q * value_size), load_value(low + (q == 0 ? 0 : C - q) * value_size), r * q, m, wc, ws, out);
    }
    for (std::size_t k = 1; k < r / 2; ++k) {
        small_transform<C>(rows + k * stride, roots, InOrder{low});
        small_transform<C>(rows + (r - k) * stride, roots, InOrder{high});
        for (std::size_t q = 0; q < C; ++q) {
            unpack_pair(load_value(low + q * value_size), load_value(high + (C - 1 - q) * value_size), k + r * q, m, wc, ws, out);
        }
    }
    small_transform<C>(rows + r / 2 * stride, roots, InOrder{low});
    for (std::size_t q = 0; q < C / 2; ++q) {
        unpack_pair(load_value(low + q * value_size), load_value(low + (C - 1 - q) * value_size), r / 2 + r * q, m, wc, ws, out);
    }
}

}  // namespace emotion::audio
