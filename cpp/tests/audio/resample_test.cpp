#include "emotion/audio/resample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"

using emotion::StopToken;
using emotion::audio::Resampler;

namespace {

std::vector<float> tone(double hz, double rate, std::size_t n) {
    std::vector<float> x(n);
    for (std::size_t t = 0; t < n; ++t) {
        x[t] = static_cast<float>(std::sin(2 * std::numbers::pi * hz * static_cast<double>(t) / rate + 0.3));
    }
    return x;
}

std::vector<float> resampled(const std::vector<float>& x, int from, int to) {
    const Resampler plan(from, to);
    std::vector<float> y(plan.output_size(x.size()));
    plan.apply(x, y, StopToken{});
    return y;
}

// The largest difference from the ideal result away from the ends, in dB of full scale.
double error_db(const std::vector<float>& y, const std::vector<float>& ideal) {
    double worst = 0;
    for (std::size_t i = y.size() / 4; i < y.size() * 3 / 4; ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(y[i]) - ideal[i]));
    }
    return 20 * std::log10(worst);
}

struct Rates {
    int from, to;
};
// Down, up, many phases, the interpolated table, and back.
constexpr Rates pairs[] = {{48000, 16000}, {44100, 16000}, {22050, 16000}, {8000, 16000}, {16000, 44100}, {44101, 16000}, {16000, 44101}, {96000, 8000}};

}  // namespace

TEST_CASE("pass-band: tones up to 0.91 of the lower Nyquist frequency arrive unchanged, without delay") {
    for (const auto [from, to] : pairs) {
        CAPTURE(from);
        CAPTURE(to);
        for (const double share : {0.01, 0.3, 0.6, 0.8, 0.91}) {
            const double hz = share * std::min(from, to) / 2.0;
            const auto x = tone(hz, from, static_cast<std::size_t>(from) / 5);
            const auto y = resampled(x, from, to);
            // 0.0001 dB is 1.15e-5 of the amplitude, -98.8 dB; the design's 1e-6 plus single-precision rounding stays below.
            CHECK(error_db(y, tone(hz, to, y.size())) < -105.0);
        }
    }
}

TEST_CASE("stop-band: tones above the lower Nyquist frequency vanish by 115 dB") {
    for (const auto [from, to] : pairs) {
        if (from < to) {
            continue;
        }
        CAPTURE(from);
        for (const double share : {1.0, 1.05, 1.3, 1.7}) {
            const double hz = share * to / 2.0;
            if (hz >= from / 2.0) {
                continue;
            }
            const auto y = resampled(tone(hz, from, static_cast<std::size_t>(from) / 5), from, to);
            CHECK(error_db(y, std::vector<float>(y.size(), 0.0F)) < -115.0);
        }
    }
}

TEST_CASE("a constant stays the constant, and lengths are ceil(n to / from)") {
    for (const auto [from, to] : pairs) {
        for (const std::size_t n : {1UL, 2UL, 999UL, 6000UL}) {
            const auto y = resampled(std::vector<float>(n, 0.5F), from, to);
            CHECK(y.size() == static_cast<std::size_t>(std::ceil(static_cast<double>(n) * to / from - 1e-9)));
        }
        const auto y = resampled(std::vector<float>(40000, 0.5F), from, to);
        CHECK(std::ranges::all_of(y, [](float v) { return std::abs(v - 0.5F) < 1e-6F; }));  // to the ends
    }
}

TEST_CASE("beyond its ends a signal is continued by its mean: an offset comes out as the same offset everywhere") {
    for (const auto [from, to] : pairs) {
        for (const std::size_t n : {300UL, 40000UL}) {
            auto x = tone(0.01 * std::min(from, to), from, n);
            for (std::size_t i = 0; i < n; ++i) {
                x[i] *= 0.5F * static_cast<float>(i) / static_cast<float>(n);  // loud at one end
            }
            const auto plain = resampled(x, from, to);
            std::ranges::for_each(x, [](float& v) { v += 0.25F; });
            const auto shifted = resampled(x, from, to);
            float worst = 0;
            for (std::size_t i = 0; i < plain.size(); ++i) {
                worst = std::max(worst, std::abs(shifted[i] - plain[i] - 0.25F));
            }
            CHECK(worst < 1e-6F);
        }
    }
}

TEST_CASE("equal rates copy; rates out of range and absurd ratios are refused") {
    const std::vector<float> x{1, 2, 3};
    CHECK(resampled(x, 16000, 16000) == x);
    CHECK_THROWS_AS(Resampler(0, 16000), emotion::InvalidInputError);
    CHECK_THROWS_AS(Resampler(16000, 768001), emotion::InvalidInputError);
    CHECK_THROWS_AS(Resampler(768000, 1), emotion::InvalidInputError);
    CHECK_NOTHROW(Resampler(1, 768000));
    CHECK(Resampler::get(44100, 16000) == Resampler::get(44100, 16000));
}

TEST_CASE("a stop request ends the work") {
    StopToken stop;
    stop.request_stop();
    const Resampler plan(48000, 16000);
    std::vector<float> x(48000), y(16000);
    CHECK_THROWS_AS(plan.apply(x, y, stop), emotion::Cancelled);
}
