#include "emotion/audio/periods.hpp"

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

constexpr double rate = 16000.0;

// Band-limited pulses (Gaussian, 0.25 ms wide, biphasic) at the given instants, in samples.
std::vector<float> pulses(const std::vector<double>& at, const std::vector<double>& amplitude, std::size_t n) {
    std::vector<float> x(n);
    for (std::size_t p = 0; p < at.size(); ++p) {
        for (long i = static_cast<long>(at[p]) - 30; i <= static_cast<long>(at[p]) + 30; ++i) {
            if (i >= 0 && i < static_cast<long>(n)) {
                const double d = (static_cast<double>(i) - at[p]) / 4.0;
                x[static_cast<std::size_t>(i)] += static_cast<float>(amplitude[p] * (1.0 - 1.5 * d) * std::exp(-0.5 * d * d));
            }
        }
    }
    return x;
}

PitchTrack steady(double f0, std::size_t frames) {
    PitchTrack track;
    for (std::size_t t = 0; t < frames; ++t) {
        track.times_s.push_back(0.01 * static_cast<double>(t));
        track.f0_hz.push_back(static_cast<float>(f0));
    }
    track.voiced_probability.assign(frames, 1.0F);
    return track;
}

}  // namespace

TEST_CASE("marks lie one period apart, to a hundredth of a sample, and perturbations are as drawn") {
    RandomStream random(2, Purpose::test, 0);
    std::vector<double> at, amplitude;
    for (double now = 40.0; now < 15960.0; now += 133.37 * (1.0 + 0.01 * random.normal())) {
        at.push_back(now);
        amplitude.push_back(0.3 * (1.0 + 0.03 * random.normal()));
    }
    const auto x = pulses(at, amplitude, 16000);
    const PitchTrack track = steady(rate / 133.37, 101);
    const PeriodMarks marks = period_marks(x, rate, track, StopToken{});
    REQUIRE(marks.mark_s.size() >= at.size() - 1);
    REQUIRE(marks.mark_s.size() <= at.size() + 1);
    REQUIRE(marks.stretch.size() == 2);
    CHECK(marks.stretch[1] == marks.mark_s.size());
    // Where a mark lies within its cycle is free; the distance to the pulse must not change.
    std::vector<double> offset;
    double jitter = 0, shimmer = 0, level = 0;
    for (std::size_t p = 3; p + 3 < at.size(); ++p) {
        double nearest = 1e9;
        for (const double m : marks.mark_s) {
            nearest = std::abs(m * rate - at[p]) < std::abs(nearest) ? m * rate - at[p] : nearest;
        }
        offset.push_back(nearest);
        CHECK(std::abs(nearest - offset[0]) < 0.05);
        jitter += std::abs(at[p + 1] - 2 * at[p] + at[p - 1]) / 133.37;
        shimmer += std::abs(amplitude[p] - amplitude[p - 1]);
        level += amplitude[p];
    }
    const VoiceQuality q = voice_quality(x, rate, track, StopToken{});
    double mean_jitter = 0, mean_shimmer = 0;
    for (std::size_t t = 5; t < 95; ++t) {
        mean_jitter += static_cast<double>(q.jitter_local[t]) / 90;
        mean_shimmer += static_cast<double>(q.shimmer_local[t]) / 90;
    }
    // Each frame weighs the pairs of its own window: a few per cent beside the mean over all pairs.
    CHECK(mean_jitter == doctest::Approx(jitter / static_cast<double>(offset.size())).epsilon(0.1));
    CHECK(mean_shimmer == doctest::Approx(shimmer / level).epsilon(0.1));
}

TEST_CASE("a periodic signal has no perturbation and a high HNR; noise brings the HNR to its ratio") {
    std::vector<double> at;
    for (double now = 40.0; now < 16000.0; now += 80.25) {
        at.push_back(now);
    }
    const auto clean = pulses(at, std::vector<double>(at.size(), 0.3), 16000);
    const PitchTrack track = steady(rate / 80.25, 101);
    const VoiceQuality q = voice_quality(clean, rate, track, StopToken{});
    double energy = 0;
    for (const float v : clean) {
        energy += static_cast<double>(v) * v / 16000.0;
    }
    for (std::size_t t = 5; t < 95; ++t) {
        CHECK(q.jitter_local[t] < 1e-4F);
        CHECK(q.shimmer_db[t] < 1e-3F);
        CHECK(q.hnr_db[t] > 35.0F);  // a Hann window of 4.5 periods: neighbouring harmonics overlap a little
    }
    for (const double ratio_db : {0.0, 10.0, 20.0}) {
        RandomStream random(4, Purpose::test, 0);
        std::vector<float> noisy(clean);
        for (float& v : noisy) {
            v += static_cast<float>(std::sqrt(energy) * std::pow(10.0, -ratio_db / 20.0) * random.normal());
        }
        const VoiceQuality with = voice_quality(noisy, rate, track, StopToken{});
        double mean = 0;
        for (std::size_t t = 5; t < 95; ++t) {
            mean += static_cast<double>(with.hnr_db[t]) / 90;
        }
        CHECK(std::abs(mean - ratio_db) < 1.0);
    }
}

TEST_CASE("unvoiced frames, silence, empty and short clips have no values and do no harm") {
    PitchTrack track = steady(150.0, 11);
    for (std::size_t t = 4; t < 7; ++t) {
        track.f0_hz[t] = std::numeric_limits<float>::quiet_NaN();
    }
    const std::vector<float> silence(1600);
    const VoiceQuality q = voice_quality(silence, rate, track, StopToken{});
    CHECK(std::isnan(q.hnr_db[5]));
    CHECK(std::isnan(q.jitter_local[5]));
    CHECK(q.hnr_db[2] == -20.0F);
    CHECK(voice_quality({}, rate, {}, StopToken{}).hnr_db.empty());
    CHECK(period_marks({}, rate, {}, StopToken{}).stretch == std::vector<std::size_t>{0});
    const std::vector<float> one{0.5F};
    PitchTrack single = steady(150.0, 1);
    CHECK(voice_quality(one, rate, single, StopToken{}).hnr_db.size() == 1);
    for (const double f0 : {20.0, 4000.0}) {
        CHECK(voice_quality(silence, rate, steady(f0, 11), StopToken{}).hnr_db.size() == 11);
    }
}

TEST_CASE("tracks and samples out of range are refused") {
    const std::vector<float> x(1600);
    const auto refused = [&](std::span<const float> samples, double r, const PitchTrack& track) {
        CHECK_THROWS_AS((void)voice_quality(samples, r, track, StopToken{}), InvalidInputError);
    };
    refused(x, 100.0, steady(150.0, 5));
    refused(x, rate, steady(10.0, 5));
    refused(x, rate, steady(5000.0, 5));
    refused(x, rate, steady(150.0, 50));
    PitchTrack backwards = steady(150.0, 5);
    std::swap(backwards.times_s[1], backwards.times_s[2]);
    refused(x, rate, backwards);
    backwards.times_s.pop_back();
    refused(x, rate, backwards);
    const std::vector<float> nan(1600, std::nanf(""));
    refused(nan, rate, steady(150.0, 5));
}
