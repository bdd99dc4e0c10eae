#include "products.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(EMOTION_NO_CLONES)
#define EMOTION_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define EMOTION_CLONES
#endif

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

template <class Lanes>
[[gnu::always_inline]] inline void transposed(const double* x, std::size_t rows, std::size_t features, const double* residuals, std::size_t lanes, double* gradient) {
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const double* const x0 = x + r * features;
        const double* const e = residuals + r * lanes;
        const Lanes e0 = *reinterpret_cast<const Lanes*>(e);
        const Lanes e1 = *reinterpret_cast<const Lanes*>(e + lanes);
        const Lanes e2 = *reinterpret_cast<const Lanes*>(e + 2 * lanes);
        const Lanes e3 = *reinterpret_cast<const Lanes*>(e + 3 * lanes);
        for (std::size_t j = 0; j < features; ++j) {
            auto* const g = reinterpret_cast<Lanes*>(gradient + j * lanes);
            Lanes sum = *g;
            sum += x0[j] * e0;
            sum += x0[features + j] * e1;
            sum += x0[2 * features + j] * e2;
            sum += x0[3 * features + j] * e3;
            *g = sum;
        }
    }
    for (; r < rows; ++r) {
        const Lanes e = *reinterpret_cast<const Lanes*>(residuals + r * lanes);
        for (std::size_t j = 0; j < features; ++j) {
            *reinterpret_cast<Lanes*>(gradient + j * lanes) += x[r * features + j] * e;
        }
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

void add_product(const double* x, std::size_t rows, std::size_t features, const double* coef, std::size_t lanes, double* scores) {
    if (lanes == 1) {
        for (std::size_t r = 0; r < rows; ++r) {
            double sums[4] = {scores[r], 0, 0, 0};
            std::size_t j = 0;
            for (; j + 4 <= features; j += 4) {
                for (std::size_t lane = 0; lane < 4; ++lane) {
                    sums[lane] += x[r * features + j + lane] * coef[j + lane];
                }
            }
            for (; j < features; ++j) {
                sums[0] += x[r * features + j] * coef[j];
            }
            scores[r] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        }
        return;
    }
    std::size_t lane = 0;
    for (; lane + 8 <= lanes; lane += 8) {
        product8(x, rows, features, coef + lane, lanes, scores + lane);
    }
    if (lane < lanes) {
        product4(x, rows, features, coef + lane, lanes, scores + lane);
    }
}

void add_transposed_product(const double* x, std::size_t rows, std::size_t features, const double* residuals, std::size_t lanes, double* gradient) {
    if (lanes == 1) {
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t j = 0; j < features; ++j) {
                gradient[j] += x[r * features + j] * residuals[r];
            }
        }
        return;
    }
    std::size_t lane = 0;
    for (; lane + 8 <= lanes; lane += 8) {
        transposed8(x, rows, features, residuals + lane, lanes, gradient + lane);
    }
    if (lane < lanes) {
        transposed4(x, rows, features, residuals + lane, lanes, gradient + lane);
    }
}

}  // namespace emotion::linear
