#include "emotion/audio/full.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "emotion/audio/egemaps.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

double value(const std::vector<float>& vector, const std::string& name) {
    const auto found = std::ranges::find(full_names(), name);
    REQUIRE(found != full_names().end());
    return static_cast<double>(vector[static_cast<std::size_t>(found - full_names().begin())]);
}

Descriptors ramp(std::size_t frames) {
    Descriptors d;
    d.rows = Matrix<float>(row::wide_count, frames);
    d.voiced.assign(frames, 0);
    d.sounding.assign(frames, 1);
    d.flowing.assign(frames, 1);
    d.duration_s = static_cast<double>(frames) * frame_period_s;
    for (std::size_t t = 0; t < frames; ++t) {
        d.rows(row::loudness, t) = 1.0F + 0.01F * static_cast<float>(t);
        const double u = static_cast<double>(t) - 49.5;
        d.rows(row::sharpness, t) = static_cast<float>(u * u * 1e-4);
        d.rows(row::crossings, t) = t % 20 == 10 ? 1.0F : 0.0F;
    }
    return d;
}

}  // namespace

TEST_CASE("the names are distinct, begin with those of egemaps, and every row has one") {
    const auto& names = full_names();
    CHECK(names.size() == 5188);
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
    CHECK(std::equal(egemaps_names().begin(), egemaps_names().end(), names.begin()));
    CHECK(std::ranges::none_of(wide_descriptor_names(), [](const std::string& name) { return name.empty(); }));
}

TEST_CASE("functionals of a line, a parabola and a train of pulses") {
    const auto v = full(ramp(100));
    REQUIRE(v.size() == full_names().size());
    CHECK(value(v, "loudness_slope") == doctest::Approx(1.0).epsilon(1e-5));
    CHECK(value(v, "loudness_offset") == doctest::Approx(1.0).epsilon(1e-5));
    CHECK(std::fabs(value(v, "loudness_linear_error")) < 1e-4);
    CHECK(value(v, "loudness_skewness") == doctest::Approx(0.0).epsilon(1e-4));
    CHECK(value(v, "loudness_kurtosis") == doctest::Approx(1.8).epsilon(1e-3));
    CHECK(value(v, "loudness_max_position") == doctest::Approx(0.99));
    CHECK(value(v, "loudness_above75") == doctest::Approx(0.25));
    CHECK(value(v, "loudness_rise_share") == doctest::Approx(0.99));
    CHECK(value(v, "loudness_delta_percentile50") == doctest::Approx(0.01).epsilon(1e-4));
    CHECK(value(v, "loudness_percentile25") == doctest::Approx(1.2475).epsilon(1e-5));
    CHECK(value(v, "sharpness_curvature") == doctest::Approx(49.5 * 49.5 * 1e-4).epsilon(1e-4));
    CHECK(std::fabs(value(v, "sharpness_slope")) < 1e-4);
    CHECK(std::fabs(value(v, "sharpness_quadratic_error")) < 1e-4);
    CHECK(value(v, "sharpness_linear_error") == doctest::Approx(value(v, "sharpness_std")).epsilon(1e-4));
    CHECK(value(v, "zero_crossing_rate_peaks_per_sec") == doctest::Approx(5.0));
    CHECK(value(v, "zero_crossing_rate_peak_mean") == doctest::Approx(1.0));
    CHECK(value(v, "zero_crossing_rate_peak_distance_mean") == doctest::Approx(0.2));
    CHECK(std::fabs(value(v, "zero_crossing_rate_peak_distance_std")) < 1e-6);
}

TEST_CASE("any number of frames, with and without voice, gives finite values; without voice its functionals are 0") {
    for (const std::size_t frames : {1UL, 2UL, 3UL, 5UL, 17UL}) {
        Descriptors d = ramp(frames);
        const auto v = full(d);
        CHECK(std::ranges::all_of(v, [](float x) { return std::isfinite(x); }));
        CHECK(value(v, "F1frequency_mean") == 0.0);
        d.voiced[frames / 2] = 1;
        d.rows(row::formant, frames / 2) = 500.0F;
        const auto w = full(d);
        CHECK(std::ranges::all_of(w, [](float x) { return std::isfinite(x); }));
        CHECK(value(w, "F1frequency_mean") == 500.0);
        CHECK(value(w, "F1frequency_std") == 0.0);
    }
}
