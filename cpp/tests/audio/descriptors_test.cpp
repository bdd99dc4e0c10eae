#include "emotion/audio/descriptors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

// Harmonics of a gliding pitch over quiet noise, with pauses.
std::vector<float> voice(std::size_t n, double rate) {
    RandomStream random(7, Purpose::test, n);
    std::vector<float> x(n);
    double phase = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double t = static_cast<double>(i) / rate;
        phase += 2.0 * std::numbers::pi * (150.0 + 30.0 * std::sin(8.0 * t)) / rate;
        double sum = 0;
        for (int k = 1; k < 20; ++k) {
            sum += std::sin(k * phase) / k;
        }
        x[i] = static_cast<float>(0.2 * sum * std::max(0.0, std::sin(10.0 * t)) + 1e-3 * random.normal());
    }
    return x;
}

}  // namespace

TEST_CASE("one frame every 10 ms from one sample on, finite for any level, rate and length") {
    for (const std::size_t n : {1UL, 159UL, 160UL, 1000UL, 16000UL}) {
        for (const int rate : {100, 8000, 16000, 44100}) {
            for (const float level : {0.0F, 1e-20F, 0.5F, 1e9F}) {
                std::vector<float> x = voice(n, 16'000.0);
                for (float& v : x) {
                    v *= level;
                }
                const Descriptors d = voice_descriptors(x, rate, true, StopToken{});
                const auto at_16k = static_cast<std::size_t>(std::ceil(static_cast<double>(n) * 16'000.0 / rate));
                REQUIRE(d.rows.cols == 1 + at_16k / 160);
                REQUIRE(d.rows.rows == row::wide_count);
                REQUIRE(std::ranges::all_of(d.rows.values, [](float v) { return std::isfinite(v); }));
            }
        }
    }
    CHECK_THROWS_AS((void)voice_descriptors({}, 16'000, false, StopToken{}), InvalidInputError);
}

TEST_CASE("the wide set changes nothing of the narrow one, and a power of two as gain changes levels only") {
    std::vector<float> x = voice(24'000, 16'000.0);
    const Descriptors narrow = voice_descriptors(x, 16'000, false, StopToken{}), wide = voice_descriptors(x, 16'000, true, StopToken{});
    CHECK(narrow.voiced == wide.voiced);
    CHECK(std::equal(narrow.rows.values.begin(), narrow.rows.values.end(), wide.rows.values.begin()));
    CHECK(std::ranges::count(narrow.voiced, 1) > 50);
    for (float& v : x) {
        v *= -0.5F;
    }
    const Descriptors quiet = voice_descriptors(x, 16'000, true, StopToken{});
    CHECK(quiet.voiced == narrow.voiced);
    const std::size_t energy = row::shape;
    for (std::size_t r = 0; r < row::wide_count; ++r) {
        const bool level = r == row::loudness || (r >= row::band && r < row::count) || r == energy;
        CHECK_MESSAGE(std::ranges::equal(quiet.rows.row(r), wide.rows.row(r)) == !level, r);
    }
    CHECK(quiet.mean_square == doctest::Approx(narrow.mean_square / 4.0).epsilon(1e-6));
    for (std::size_t t = 0; t < quiet.rows.cols; ++t) {  // rounded after the gain
        const auto raised = [&](std::size_t r) { return static_cast<double>(wide.rows(r, t)) - static_cast<double>(quiet.rows(r, t)); };
        CHECK(raised(row::band + 5) == doctest::Approx(std::log(4.0)).epsilon(1e-5));
        CHECK(raised(energy) == doctest::Approx(20.0 * std::log10(2.0)).epsilon(1e-5));
        CHECK(static_cast<double>(quiet.rows(row::loudness, t)) ==
              doctest::Approx(std::pow(0.25, 0.33) * static_cast<double>(narrow.rows(row::loudness, t))).epsilon(1e-6));
    }
}

TEST_CASE("rows of voice are 0 where there is none") {
    const Descriptors d = voice_descriptors(voice(24'000, 16'000.0), 16'000, false, StopToken{});
    for (std::size_t t = 0; t < d.rows.cols; ++t) {
        for (std::size_t r = 0; r < row::voiced_rows; ++r) {
            if (d.voiced[t] == 0) {
                CHECK(d.rows(r, t) == 0.0F);
            }
        }
        if (d.voiced[t] != 0) {
            CHECK(d.rows(row::formant, t) > 90.0F);
            CHECK(d.rows(row::formant, t) < d.rows(row::formant + 3, t));
            CHECK(d.rows(row::formant + 3, t) < d.rows(row::formant + 6, t));
        }
    }
}

TEST_CASE("a stop request ends the work") {
    StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS((void)voice_descriptors(voice(16'000, 16'000.0), 16'000, false, stop), Cancelled);
}
