// Sums of products of a signal with itself moved, and the peak of such a function between its samples: what periods.cpp compares cycles with.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "emotion/core/clones.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr long reach = 8;  // of the sinc interpolation

// out[j] = sum over i < n of x[i] y[i + j], j < count rounded up to sixteens.
EMOTION_CLONES void lag_products(const float* x, const float* y, std::size_t n, std::size_t count, float* out) {
    for (std::size_t j = 0; j < count; j += 2 * lanes) {
        Lane a = {}, b = {};
        for (std::size_t i = 0; i < n; ++i) {
            a += x[i] * load(y + i + j);
            b += x[i] * load(y + i + j + lanes);
        }
        store(out + j, a);
        store(out + j + lanes, b);
    }
}

// w[i] = (1 + cos(phase + i step)) / 2, i < n rounded up to eights, by rotation of eight phasors.
EMOTION_CLONES void hann_weights(double phase, double step, std::size_t n, float* w) {
    double c[lanes], s[lanes];
    for (std::size_t l = 0; l < lanes; ++l) {
        c[l] = __builtin_cos(phase + static_cast<double>(l) * step);
        s[l] = __builtin_sin(phase + static_cast<double>(l) * step);
    }
    const double turn_c = __builtin_cos(static_cast<double>(lanes) * step), turn_s = __builtin_sin(static_cast<double>(lanes) * step);
    for (std::size_t i = 0; i < n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            w[i + l] = static_cast<float>(0.5 + 0.5 * c[l]);
            const double next = c[l] * turn_c - s[l] * turn_s;
            s[l] = c[l] * turn_s + s[l] * turn_c;
            c[l] = next;
        }
    }
}

// Sums in eight parts, so that a fixed order is also a fast one.
EMOTION_CLONES double sum(const float* x, std::size_t n) {
    double parts[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            parts[l] += static_cast<double>(x[i + l]);
        }
    }
    for (; i < n; ++i) {
        parts[i % lanes] += static_cast<double>(x[i]);
    }
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}
EMOTION_CLONES double sum_of_products(const float* x, const float* y, std::size_t n) {
    double parts[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            parts[l] += static_cast<double>(x[i + l]) * static_cast<double>(y[i + l]);
        }
    }
    for (; i < n; ++i) {
        parts[i % lanes] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    }
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

// The sinc interpolation, with a Hann taper, of v at x; v must reach from floor(x) - reach + 1 to floor(x) + reach.
inline double interpolate(const float* v, double x) {
    // cos(pi i / reach) and sin(pi i / reach), i = 1 - reach … reach
    static const auto turns = [] {
        std::array<std::array<double, 2>, static_cast<std::size_t>(2 * reach)> t{};
        for (long i = 1 - reach; i <= reach; ++i) {
            const double angle = std::numbers::pi * static_cast<double>(i) / static_cast<double>(reach);
            t[static_cast<std::size_t>(i + reach - 1)] = {std::cos(angle), std::sin(angle)};
        }
        return t;
    }();
    const double whole = std::floor(x), fraction = x - whole;
    const auto k = static_cast<long>(whole);
    if (fraction < 1e-12) {
        return static_cast<double>(v[k]);
    }
    const double angle = std::numbers::pi * fraction, sine = std::sin(angle) / std::numbers::pi;
    const double c = std::cos(angle / static_cast<double>(reach)), s = std::sin(angle / static_cast<double>(reach));
    double sum = 0.0;
    for (long i = 1 - reach; i <= reach; ++i) {
        const auto& turn = turns[static_cast<std::size_t>(i + reach - 1)];
        const double taper = 0.5 + 0.5 * (c * turn[0] + s * turn[1]);
        sum += static_cast<double>(v[k + i]) * taper * (i % 2 == 0 ? sine : -sine) / (fraction - static_cast<double>(i));
    }
    return sum;
}

struct Peak {
    double at, height;
};
// The peak next to the largest of v[first … last], by parabolas through ever closer points of the interpolation.
inline Peak find_peak(const float* v, std::size_t first, std::size_t last) {
    const float* const top = std::max_element(v + first, v + last + 1);
    double x = static_cast<double>(top - v), height = static_cast<double>(*top);
    for (const double h : {0.5, 0.125}) {
        const double a = interpolate(v, x - h), b = interpolate(v, x), c = interpolate(v, x + h), bend = a - 2.0 * b + c;
        if (bend < 0.0) {
            const double shift = std::clamp(0.5 * (a - c) / bend, -1.0, 1.0);
            height = b - 0.25 * (a - c) * shift;
            x += shift * h;
        }
    }
    return {x, height};
}

// products[j] /= w(begin + j), w the autocorrelation of a Hann window `width` long, 1 at 0 (Boersma 1993, eq. 8), times energy.
inline void divide_by_hann_correlation(float* products, long begin, std::size_t count, double width, double energy) {
    const double turn = 2.0 * std::numbers::pi / width;
    double c = std::cos(turn * static_cast<double>(begin)), s = std::sin(turn * static_cast<double>(begin));
    const double step_c = std::cos(turn), step_s = std::sin(turn);
    for (std::size_t j = 0; j < count; ++j) {
        const double lag = static_cast<double>(begin + static_cast<long>(j)), u = std::abs(lag) / width;
        const double window = (1.0 - u) * (2.0 / 3.0 + c / 3.0) + (lag < 0.0 ? -s : s) / (2.0 * std::numbers::pi);
        products[j] = static_cast<float>(static_cast<double>(products[j]) / (energy * window));
        const double next = c * step_c - s * step_s;
        s = c * step_s + s * step_c;
        c = next;
    }
}

// products[j] /= sqrt(own x energies[j]), 0 where that is none.
EMOTION_CLONES void divide_by_energies(float* products, const double* energies, double own, std::size_t count) {
    for (std::size_t j = 0; j < count; ++j) {
        const double scale = own * energies[j];
        const double root = __builtin_sqrt(scale > 0.0 ? scale : 1.0);
        products[j] = scale > 0.0 ? static_cast<float>(static_cast<double>(products[j]) / root) : 0.0F;
    }
}

}  // namespace
}  // namespace emotion::audio
