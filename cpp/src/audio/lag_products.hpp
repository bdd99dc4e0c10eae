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

// Eights of lags at a time: sums over even i and over odd i, so that no addition waits for the one before. x may have any n >= 1.
template <std::size_t eights>
EMOTION_INLINE void lag_block(const float* x, const float* y, std::size_t n, float* out) {
    Lane even[eights] = {}, odd[eights] = {};
    std::size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        for (std::size_t b = 0; b < eights; ++b) {
            even[b] += x[i] * load(y + i + b * lanes);
            odd[b] += x[i + 1] * load(y + i + 1 + b * lanes);
        }
    }
    for (std::size_t b = 0; b < eights; ++b) {
        store(out + b * lanes, (i < n ? even[b] + x[i] * load(y + i + b * lanes) : even[b]) + odd[b]);
    }
}

// out[j] = sum over i < n of x[i] y[i + j], j < m, m = count rounded up to eights: y is readable for n + m - 1 values, out has room for m.
EMOTION_CLONES void lag_products(const float* x, const float* y, std::size_t n, std::size_t count, float* out) {
    std::size_t j = 0;
    for (; j + 3 * lanes < count; j += 4 * lanes) {
        lag_block<4>(x, y + j, n, out + j);
    }
    if (j + 2 * lanes < count) {
        lag_block<3>(x, y + j, n, out + j);
    } else if (j + lanes < count) {
        lag_block<2>(x, y + j, n, out + j);
    } else if (j < count) {
        lag_block<1>(x, y + j, n, out + j);
    }
}

// frame[i] = w[i] (x[i] - mean), w[i] = (1 + cos(phase + i step)) / 2, i < n, by rotation of eight phasors. Returns the sum of its squares.
EMOTION_CLONES double hann_frame(const float* x, float mean, double phase, double step, std::size_t n, float* frame) {
    const double step_c = __builtin_cos(step), step_s = __builtin_sin(step);
    double c[lanes], s[lanes], parts[lanes] = {};
    c[0] = __builtin_cos(phase);
    s[0] = __builtin_sin(phase);
    for (std::size_t l = 1; l < lanes; ++l) {
        c[l] = c[l - 1] * step_c - s[l - 1] * step_s;
        s[l] = c[l - 1] * step_s + s[l - 1] * step_c;
    }
    double turn_c = step_c, turn_s = step_s;  // of eight steps: doubled three times
    for (int doubling = 0; doubling < 3; ++doubling) {
        const double twice = turn_c * turn_c - turn_s * turn_s;
        turn_s = 2.0 * turn_c * turn_s;
        turn_c = twice;
    }
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            const float v = static_cast<float>(0.5 + 0.5 * c[l]) * (x[i + l] - mean);
            frame[i + l] = v;
            parts[l] += static_cast<double>(v) * static_cast<double>(v);
            const double next = c[l] * turn_c - s[l] * turn_s;
            s[l] = c[l] * turn_s + s[l] * turn_c;
            c[l] = next;
        }
    }
    for (std::size_t l = 0; i + l < n; ++l) {
        const float v = static_cast<float>(0.5 + 0.5 * c[l]) * (x[i + l] - mean);
        frame[i + l] = v;
        parts[l] += static_cast<double>(v) * static_cast<double>(v);
    }
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
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

// The taps of the sinc interpolation with a Hann taper: value i + 1 - reach counts (-1)^i' sin(pi f) / pi / (f - i') (1 + cos(pi (f - i') / reach)) / 2 at
// the fraction f, with i' = i + 1 - reach. What of it does not depend on f:
struct SincTaps {
    static constexpr std::size_t count = static_cast<std::size_t>(2 * reach);
    double flat[count], cosine[count], sine[count], place[count];  // (-1)^i' / 2 pi times 1, cos and sin of pi i' / reach; i'
    SincTaps() {
        for (std::size_t i = 0; i < count; ++i) {
            place[i] = static_cast<double>(static_cast<long>(i) + 1 - reach);
            flat[i] = (i % 2 == static_cast<std::size_t>(reach - 1) % 2 ? 0.5 : -0.5) / std::numbers::pi;
            cosine[i] = flat[i] * std::cos(std::numbers::pi * place[i] / static_cast<double>(reach));
            sine[i] = flat[i] * std::sin(std::numbers::pi * place[i] / static_cast<double>(reach));
        }
    }
};

// The interpolation at v[fraction], 0 < fraction < 1; c, s: cosine and sine of pi fraction / reach. v must reach from 1 - reach to reach.
EMOTION_CLONES double sinc_sum(const float* v, double fraction, double c, double s, const SincTaps& taps) {
    constexpr std::size_t count = SincTaps::count;
    double terms[count];
    for (std::size_t i = 0; i < count; ++i) {
        const double weight = taps.flat[i] + (c * taps.cosine[i] + s * taps.sine[i]);
        terms[i] = static_cast<double>(v[static_cast<long>(i) + 1 - reach]) * weight / (fraction - taps.place[i]);
    }
    for (std::size_t half = count / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) {
            terms[i] += terms[i + half];
        }
    }
    double c_pi = c, s_pi = s;  // doubled up to pi fraction
    for (long doubling = 1; doubling < reach; doubling *= 2) {
        const double twice = c_pi * c_pi - s_pi * s_pi;
        s_pi = 2.0 * c_pi * s_pi;
        c_pi = twice;
    }
    return terms[0] * s_pi;
}

struct Peak {
    double at, height;
};
// The peak next to the largest of v[first … last], by parabolas through ever closer points of the interpolation: half a sample apart, then an eighth.
// v must reach from first - reach to last + reach.
inline Peak find_peak(const float* v, std::size_t first, std::size_t last) {
    static const SincTaps taps;
    const auto turn = [](double fraction) {
        const double angle = std::numbers::pi * fraction / static_cast<double>(reach);
        return std::array<double, 2>{std::cos(angle), std::sin(angle)};
    };
    static const auto half = turn(0.5), eighth = turn(0.125), rest = turn(0.875);
    const float* const top = std::max_element(v + first, v + last + 1);
    double x = static_cast<double>(top - v), height = static_cast<double>(*top);
    const auto refine = [&](double h, double a, double b, double c) {
        const double bend = a - 2.0 * b + c;
        if (bend < 0.0) {
            const double shift = std::clamp(0.5 * (a - c) / bend, -1.0, 1.0);
            height = b - 0.25 * (a - c) * shift;
            x += shift * h;
        }
    };
    refine(0.5, sinc_sum(top - 1, 0.5, half[0], half[1], taps), height, sinc_sum(top, 0.5, half[0], half[1], taps));
    const double whole = std::floor(x), fraction = x - whole;
    const auto [c, s] = turn(fraction);
    const float* const here = v + static_cast<long>(whole);
    // The neighbours by rotation; where one lies beyond a sample, towards its other side.
    const auto value = [&](const float* from, double f, double cosine, double sine) {
        return f < 1e-12 ? static_cast<double>(*from) : sinc_sum(from, f, cosine, sine, taps);
    };
    const auto back = [&](const float* from, double f, const std::array<double, 2>& by) { return value(from, f, c * by[0] + s * by[1], s * by[0] - c * by[1]); };
    const auto on = [&](const float* from, double f, const std::array<double, 2>& by) { return value(from, f, c * by[0] - s * by[1], s * by[0] + c * by[1]); };
    const double before = fraction < 0.125 ? on(here - 1, fraction + 0.875, rest) : back(here, fraction - 0.125, eighth);
    const double after = fraction < 0.875 ? on(here, fraction + 0.125, eighth) : back(here + 1, fraction - 0.875, rest);
    refine(0.125, before, value(here, fraction, c, s), after);
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
