#include "emotion/audio/temporal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

TEST_CASE("zero crossings and RMS equal a frame-by-frame count, for hops that share and hops that do not") {
    RandomStream random(1, Purpose::test, 0);
    std::vector<float> x(1003);
    for (float& v : x) {
        v = static_cast<float>(random.normal());
        v = std::abs(v) < 0.1F ? 0.0F : v;
    }
    for (const bool center : {true, false}) {
        for (const std::size_t frame : {64UL, 63UL, 1UL}) {
            for (const std::size_t hop : {16UL, 20UL, 100UL}) {
                const std::size_t frames = frame_count(x.size(), frame, hop, center);
                std::vector<float> crossings(frames), level(frames);
                zero_crossing_rate(x, frame, hop, center, 1e-10F, crossings);
                rms(x, frame, hop, center, level);
                for (std::size_t t = 0; t < frames; ++t) {
                    const auto at = [&](std::size_t i) { return static_cast<long>(t * hop + i) - (center ? static_cast<long>(frame / 2) : 0); };
                    const auto edge = [&](long i) { return x[static_cast<std::size_t>(std::clamp(i, 0L, static_cast<long>(x.size()) - 1))]; };
                    double square = 0, count = 0;
                    for (std::size_t i = 0; i < frame; ++i) {
                        const long here = at(i);
                        if (here >= 0 && here < static_cast<long>(x.size())) {
                            square += static_cast<double>(edge(here)) * edge(here);
                        }
                        count += i > 0 && (edge(here) < 0) != (edge(here - 1) < 0) ? 1 : 0;
                    }
                    REQUIRE(level[t] == doctest::Approx(std::sqrt(square / static_cast<double>(frame))).epsilon(1e-6));
                    REQUIRE(crossings[t] == doctest::Approx(count / static_cast<double>(frame)).epsilon(1e-6));
                }
            }
        }
    }
}

TEST_CASE("zero is positive, or a sign of its own") {
    const std::vector<float> x{1.0F, 0.0F, 1.0F, 0.0F, -1.0F, 0.0F, 0.5F, -0.5F, -2.0F, 0.0F, 3.0F};
    std::vector<float> rate(1);
    zero_crossing_rate(x, x.size(), 1, false, 0.0F, rate);
    CHECK(rate[0] == doctest::Approx(4.0 / 11.0));  // + to - to + to - to +
    zero_crossing_rate(x, x.size(), 1, false, 0.0F, rate, false);
    CHECK(rate[0] == doctest::Approx(9.0 / 11.0));  // every step but -0.5 to -2
}

TEST_CASE("RMS in double precision keeps what single precision loses") {
    const std::vector<double> x(64, 1.0 + 1e-12);
    std::vector<double> level(1);
    rms(std::span<const double>(x), 64, 64, false, level);
    CHECK(level[0] - 1.0 == doctest::Approx(1e-12).epsilon(1e-3));
}

TEST_CASE("one value that is not finite is found at any place") {
    for (const std::size_t n : {1UL, 7UL, 8UL, 9UL, 40UL}) {
        std::vector<float> x(n, -3.4e38F);
        CHECK(all_finite(x));
        for (std::size_t i = 0; i < n; ++i) {
            for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::nanf("")}) {
                x[i] = bad;
                CHECK(!all_finite(x));
                x[i] = 1e-45F;
            }
        }
    }
    CHECK(all_finite({}));
}
