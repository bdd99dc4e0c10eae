#include "level_meter.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion::audio;

namespace {

AudioLevels measured(const std::vector<float>& x) {
    LevelMeter meter;
    meter.add(x);
    AudioLevels levels;
    meter.finish(levels);
    return levels;
}

}  // namespace

TEST_CASE("levels equal their definition, at any length") {
    emotion::RandomStream random(1, emotion::Purpose::test, 0);
    for (std::size_t n = 1; n < 70; ++n) {
        std::vector<float> x(n);
        double square = 0, peak = 0, clipped = 0;
        for (float& v : x) {
            v = static_cast<float>(2.2 * random.uniform() - 1.1);
            square += static_cast<double>(v) * static_cast<double>(v);
            peak = std::max(peak, std::abs(static_cast<double>(v)));
            clipped += std::abs(v) >= 0.999F ? 1 : 0;
        }
        const auto levels = measured(x);
        CHECK(levels.peak == peak);
        CHECK(levels.clipped_ratio == clipped / static_cast<double>(n));
        CHECK(levels.rms_dbfs == doctest::Approx(10 * std::log10(square / static_cast<double>(n))).epsilon(1e-12));  // another order of the sum
        CHECK_FALSE(levels.non_finite);
    }
}

TEST_CASE("parts of a multiple of eight give the same bits as the whole") {
    std::vector<float> x(2'500'003);
    emotion::RandomStream random(2, emotion::Purpose::test, 0);
    for (float& v : x) {
        v = static_cast<float>(random.uniform() - 0.5);
    }
    LevelMeter parts;
    for (std::size_t i = 0; i < x.size(); i += 4096) {
        parts.add({x.data() + i, std::min<std::size_t>(4096, x.size() - i)});
    }
    AudioLevels levels;
    parts.finish(levels);
    const auto whole = measured(x);
    CHECK(levels.rms_dbfs == whole.rms_dbfs);
    CHECK(levels.peak == whole.peak);
}

TEST_CASE("NaN, infinity and absurd values anywhere are found, silence and nothing have no level") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
        for (std::size_t at = 0; at < 11; ++at) {
            std::vector<float> x(11, 0.5F);
            x[at] = bad;
            CHECK(measured(x).non_finite);
        }
    }
    CHECK_FALSE(measured({0.5F, -largest_sample}).non_finite);
    CHECK(measured({0.5F, -1.0001F * largest_sample}).non_finite);
    CHECK(measured({0.0F, -0.0F}).rms_dbfs == -INFINITY);
    CHECK(measured({0.0F}).silent);
    CHECK(measured({}).rms_dbfs == -INFINITY);
    CHECK(measured({-1.0F}).clipped_ratio == 1.0);
}
