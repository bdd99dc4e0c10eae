#include "emotion/audio/egemaps.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

using namespace emotion;
using namespace emotion::audio;

namespace {

Descriptors blank(std::size_t frames) {
    Descriptors d;
    d.rows = Matrix<float>(row::count, frames);
    d.voiced.assign(frames, 0);
    d.sounding.assign(frames, 1);
    d.flowing.assign(frames, 1);
    d.duration_s = static_cast<double>(frames) * frame_period_s;
    return d;
}

double value(const std::vector<float>& vector, const std::string& name) {
    const auto found = std::ranges::find(egemaps_names(), name);
    REQUIRE(found != egemaps_names().end());
    return static_cast<double>(vector[static_cast<std::size_t>(found - egemaps_names().begin())]);
}

}  // namespace

TEST_CASE("there are 88 distinct names") {
    CHECK(egemaps_names().size() == 88);
    CHECK(std::set<std::string>(egemaps_names().begin(), egemaps_names().end()).size() == 88);
    CHECK(egemaps_names().front() == "F0semitoneFrom27.5Hz_sma3nz_amean");
    CHECK(egemaps_names().back() == "equivalentSoundLevel_dBp");
    CHECK(egemaps_descriptors().size() == 25);
}

TEST_CASE("a clip without voice has zeros where voice is asked for") {
    const auto vector = egemaps(blank(50));
    REQUIRE(vector.size() == 88);
    for (std::size_t i = 0; i < vector.size(); ++i) {
        CHECK(std::isfinite(vector[i]));
    }
    CHECK(value(vector, "F0semitoneFrom27.5Hz_sma3nz_amean") == 0.0);
    CHECK(value(vector, "VoicedSegmentsPerSec") == 0.0);
    CHECK(value(vector, "MeanUnvoicedSegmentLength") == doctest::Approx(0.5));
    CHECK(value(vector, "equivalentSoundLevel_dBp") == doctest::Approx(-120.0));
}

TEST_CASE("the coefficient of variation of any sign is s / mean, and passes 0 with the mean") {
    const auto variation = [](float centre, float half) {
        Descriptors d = blank(40);
        for (std::size_t t = 0; t < 40; ++t) {
            d.rows(row::mfcc, t) = centre + (t % 2 == 0 ? half : -half);
        }
        return value(egemaps(d), "mfcc1_sma3_stddevNorm");
    };
    CHECK(variation(4.0F, 2.0F) == doctest::Approx(0.5));
    CHECK(variation(-4.0F, 2.0F) == doctest::Approx(-0.5));
    CHECK(variation(1.0F, 4.9F) == doctest::Approx(4.9));
    CHECK(variation(-1.0F, 5.0F) == doctest::Approx(-5.0));
    CHECK(variation(1.0F, 10.0F) == doctest::Approx(2.5));
    CHECK(variation(1e-3F, 1.0F) == doctest::Approx(0.025).epsilon(1e-4));
    CHECK(variation(0.0F, 1.0F) == 0.0);
    CHECK(variation(3.0F, 0.0F) == 0.0);
}

TEST_CASE("functionals by hand") {
    Descriptors d = blank(100);
    // Voiced: 10 … 29 rising by 0.1 a frame from 20, and 50 … 59 falling by 0.2 from 24.
    for (std::size_t t = 10; t < 30; ++t) {
        d.voiced[t] = 1;
        d.rows(row::f0, t) = 20.0F + 0.1F * static_cast<float>(t - 10);
        d.rows(row::flux, t) = 3.0F;
    }
    for (std::size_t t = 50; t < 60; ++t) {
        d.voiced[t] = 1;
        d.rows(row::f0, t) = 24.0F - 0.2F * static_cast<float>(t - 50);
        d.rows(row::flux, t) = 6.0F;
    }
    for (std::size_t t = 0; t < 100; ++t) {  // peaks at 10, 30, 50, 70, 90, of height 1; the ripple between is below a tenth of the range
        const double phase = static_cast<double>(t % 20) / 20.0;
        d.rows(row::loudness, t) = static_cast<float>(1.0 - 2.0 * std::fabs(phase - 0.5)) + (t % 4 == 0 ? 0.02F : 0.0F);
    }
    d.mean_square = 0.01;
    const auto v = egemaps(d);
    CHECK(value(v, "F0semitoneFrom27.5Hz_sma3nz_amean") == doctest::Approx((20.0 * 20.95 + 10.0 * 23.1) / 30.0));
    CHECK(value(v, "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope") == doctest::Approx(10.0).epsilon(1e-4));
    CHECK(std::fabs(value(v, "F0semitoneFrom27.5Hz_sma3nz_stddevRisingSlope")) < 1e-2);
    CHECK(value(v, "F0semitoneFrom27.5Hz_sma3nz_meanFallingSlope") == doctest::Approx(-20.0).epsilon(1e-4));
    CHECK(value(v, "F0semitoneFrom27.5Hz_sma3nz_percentile50.0") == doctest::Approx(21.45));
    CHECK(value(v, "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2") ==
          doctest::Approx(value(v, "F0semitoneFrom27.5Hz_sma3nz_percentile80.0") - value(v, "F0semitoneFrom27.5Hz_sma3nz_percentile20.0")));
    CHECK(value(v, "spectralFluxV_sma3nz_amean") == doctest::Approx(4.0));
    CHECK(value(v, "spectralFluxV_sma3nz_stddevNorm") == doctest::Approx(std::sqrt(2.0) / 4.0));
    CHECK(value(v, "spectralFluxUV_sma3nz_amean") == 0.0);
    CHECK(value(v, "spectralFlux_sma3_amean") == doctest::Approx(1.2));
    CHECK(value(v, "VoicedSegmentsPerSec") == doctest::Approx(2.0));
    CHECK(value(v, "MeanVoicedSegmentLengthSec") == doctest::Approx(0.15));
    CHECK(value(v, "StddevVoicedSegmentLengthSec") == doctest::Approx(0.05));
    CHECK(value(v, "MeanUnvoicedSegmentLength") == doctest::Approx((0.1 + 0.2 + 0.4) / 3.0));
    CHECK(value(v, "loudnessPeaksPerSec") == doctest::Approx(5.0));
    CHECK(value(v, "equivalentSoundLevel_dBp") == doctest::Approx(-20.0));
}
