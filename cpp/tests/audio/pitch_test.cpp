#include "emotion/audio/pitch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

// Ten harmonics below 4 kHz falling by 1 / k, over noise of a thousandth.
std::vector<float> voice(double f0, double rate, std::size_t n) {
    RandomStream random(5, Purpose::test, n);
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 1e-3 * random.normal();
        for (int k = 1; k <= 10 && k * f0 < std::min(4000.0, rate / 2.2); ++k) {
            sum += std::sin(2.0 * std::numbers::pi * k * f0 * static_cast<double>(i) / rate + k) / k;
        }
        x[i] = static_cast<float>(0.1 * sum);
    }
    return x;
}

}  // namespace

TEST_CASE("a steady voice has its pitch, at any rate and pitch") {
    for (const double rate : {8000.0, 11025.0, 16000.0, 22050.0, 44100.0, 48000.0, 96000.0}) {
        for (const double f0 : {60.0, 101.3, 220.0, 497.0, 930.0}) {
            CAPTURE(rate);
            CAPTURE(f0);
            const auto x = voice(f0, rate, static_cast<std::size_t>(std::ceil(rate * 0.5)));
            const PitchTrack track = track_pitch(x, rate, {}, StopToken{});
            REQUIRE(track.f0_hz.size() == 51);
            REQUIRE(track.times_s[50] == doctest::Approx(0.5));
            for (std::size_t t = 4; t + 4 < track.f0_hz.size(); ++t) {
                // Cents. A frame holds three periods of 55 Hz: the spectral lines of the lowest voice still overlap a little.
                REQUIRE(std::abs(1200.0 * std::log2(static_cast<double>(track.f0_hz[t]) / f0)) < (f0 < 100.0 ? 6.0 : 2.0));
                REQUIRE(track.voiced_probability[t] > 0.95F);
            }
        }
    }
}

TEST_CASE("noise, silence, a constant and short clips are unvoiced") {
    RandomStream random(6, Purpose::test, 0);
    std::vector<float> noise(16000), constant(16000, 0.7F), silence(16000);
    for (float& v : noise) {
        v = static_cast<float>(random.normal());
    }
    for (const auto& x : {noise, constant, silence, std::vector<float>{0.5F}, std::vector<float>(10, 1e-40F)}) {
        const PitchTrack track = track_pitch(x, 16000.0, {}, StopToken{});
        CHECK(track.f0_hz.size() == 1 + x.size() / 160);
        for (std::size_t t = 0; t < track.f0_hz.size(); ++t) {
            CHECK(std::isnan(track.f0_hz[t]));
            CHECK((track.voiced_probability[t] >= 0.0F && track.voiced_probability[t] < 0.5F));
        }
    }
    CHECK(track_pitch({}, 16000.0, {}, StopToken{}).f0_hz.empty());
}

TEST_CASE("gain, offset and polarity do not matter") {
    const auto x = voice(150.0, 16000.0, 8000);
    const PitchTrack expected = track_pitch(x, 16000.0, {}, StopToken{});
    const auto same = [&](float gain, float offset, double tolerance) {
        std::vector<float> y(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            y[i] = gain * x[i] + offset;
        }
        const PitchTrack track = track_pitch(y, 16000.0, {}, StopToken{});
        for (std::size_t t = 0; t < track.f0_hz.size(); ++t) {
            REQUIRE(track.f0_hz[t] == doctest::Approx(expected.f0_hz[t]).epsilon(tolerance));
        }
    };
    same(-1.0F, 0.0F, 1e-6);
    same(1e-20F, 0.0F, 1e-5);
    same(1e15F, 0.0F, 1e-5);
    same(1.0F, 0.5F, 1e-4);  // the samples lose bits
}

TEST_CASE("options and samples out of range are refused") {
    std::vector<float> x(1000);
    const auto refused = [&](double rate, PitchOptions o) { CHECK_THROWS_AS((void)track_pitch(x, rate, o, StopToken{}), InvalidInputError); };
    refused(1000.0, {});
    refused(std::nan(""), {});
    refused(16000.0, {5.0, 1000.0, 0.01, 0.45});
    refused(16000.0, {400.0, 300.0, 0.01, 0.45});
    refused(16000.0, {55.0, 5000.0, 0.01, 0.45});
    refused(16000.0, {55.0, 1000.0, 0.0, 0.45});
    refused(16000.0, {55.0, 1000.0, 0.01, std::nan("")});
    x[500] = std::numeric_limits<float>::infinity();
    refused(16000.0, {});
}
