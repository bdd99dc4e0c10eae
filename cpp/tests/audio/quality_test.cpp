#include "emotion/audio/quality.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "emotion/core/errors.hpp"
#include "voice_at_16k.hpp"

using emotion::StopToken;
using namespace emotion::audio;

namespace {

using test::add_voice;
using test::rate;

std::vector<float> noise(std::size_t n, double level, unsigned seed = 1) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal(0.0, level);
    std::vector<float> x(n);
    for (float& v : x) {
        v = static_cast<float>(normal(engine));
    }
    return x;
}

}  // namespace

TEST_CASE("voice activity finds bursts in noise, to within a frame and the bridge") {
    for (const double snr_db : {30.0, 20.0, 10.0, 5.0}) {
        CAPTURE(snr_db);
        auto x = noise(4 * rate, 0.01);
        const double level = 0.01 * std::pow(10.0, snr_db / 20);
        add_voice(x, 0.8, 1.6, level);
        add_voice(x, 2.4, 3.2, level);
        const auto found = voice_activity(x, rate, {}, StopToken{});
        REQUIRE(found.segments.size() == 2);
        const double times[] = {0.8, 1.6, 2.4, 3.2};
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(std::abs(static_cast<double>(found.segments[i].begin) / rate - times[2 * i]) < 0.04);
            CHECK(std::abs(static_cast<double>(found.segments[i].end) / rate - times[2 * i + 1]) < 0.04);
        }
        // All of the voice lies in the band, a quarter and a half of the noise outside of it.
        const double in_band = snr_db + 10 * std::log10(8000.0 / 3900.0);
        CHECK(std::abs(found.snr_db - in_band) < 1.0);
    }
}

TEST_CASE("times beyond any clip bridge every gap and drop every stretch") {
    auto x = noise(4 * rate, 0.01);
    add_voice(x, 0.5, 1.0, 0.1);
    add_voice(x, 3.0, 3.5, 0.1);
    for (const double seconds : {10.0, 1e6, 1e300}) {
        CAPTURE(seconds);
        const auto bridged = voice_activity(x, rate, {.bridge_s = seconds}, StopToken{});
        REQUIRE(bridged.segments.size() == 1);
        CHECK(bridged.segments[0].begin < static_cast<std::size_t>(rate));
        CHECK(bridged.segments[0].end > static_cast<std::size_t>(3 * rate));
        CHECK(voice_activity(x, rate, {.shortest_s = seconds}, StopToken{}).segments.empty());
    }
}

TEST_CASE("stationary noise and silence hold no speech, at any level") {
    for (const double level : {1e-4, 0.01, 0.3}) {
        for (const unsigned seed : {1U, 2U, 3U}) {
            CHECK(voice_activity(noise(3 * rate, level, seed), rate, {}, StopToken{}).segments.empty());
        }
    }
    const std::vector<float> nothing(rate, 0.0F);
    CHECK(voice_activity(nothing, rate, {}, StopToken{}).segments.empty());
    CHECK(quality_reason(measure_quality(nothing, rate, StopToken{}), {}) == "silent");
    CHECK(quality_reason(measure_quality(noise(rate, 0.1), rate, StopToken{}), {}) == "no_speech");
}

TEST_CASE("gain changes neither the voice nor the ratios") {
    auto x = noise(3 * rate, 0.01);
    add_voice(x, 1.0, 2.0, 0.1);
    const auto a = measure_quality(x, rate, StopToken{});
    for (float& v : x) {
        v *= 0.125F;
    }
    const auto b = measure_quality(x, rate, StopToken{});
    CHECK(a.speech_s == b.speech_s);
    CHECK(a.snr_db == doctest::Approx(b.snr_db).epsilon(1e-6));
    CHECK(a.snr_wada_db == doctest::Approx(b.snr_wada_db).epsilon(1e-6));
    CHECK(a.level_dbfs - b.level_dbfs == doctest::Approx(20 * std::log10(8.0)).epsilon(1e-6));
}

TEST_CASE("an offset changes nothing but the offset") {
    auto x = noise(4 * rate, 0.002);
    add_voice(x, 1.0, 2.5, 0.05);
    const auto a = measure_quality(x, rate, StopToken{});
    for (float& v : x) {
        v += 0.2F;
    }
    const auto b = measure_quality(x, rate, StopToken{});
    CHECK(b.offset - a.offset == doctest::Approx(0.2).epsilon(1e-5));
    CHECK(b.speech_s == a.speech_s);
    CHECK(b.segments == a.segments);
    CHECK(std::abs(b.snr_db - a.snr_db) < 1e-3);  // samples of 0.2 are rounded to 1.5e-8: 100 dB below the noise
    CHECK(std::abs(b.snr_wada_db - a.snr_wada_db) < 1e-3);
    CHECK(std::abs(b.peak_dbfs - a.peak_dbfs) < 1e-3);
    CHECK(std::abs(b.level_dbfs - a.level_dbfs) < 1e-3);
    CHECK(b.clipped_ratio == a.clipped_ratio);
}

TEST_CASE("a dead microphone with an offset is silent") {
    auto x = noise(rate, 1e-5);
    for (float& v : x) {
        v += 0.01F;
    }
    for (const auto& dead : {x, std::vector<float>(rate, 0.01F)}) {
        const auto q = measure_quality(dead, rate, StopToken{});
        CHECK(quality_reason(q, {}) == "silent");
        CHECK(q.level_dbfs < -95);
        CHECK(q.offset == doctest::Approx(0.01).epsilon(1e-4));
    }
    CHECK(wada_snr_db(std::vector<float>(100, 0.1F)) == -20.0);
}

TEST_CASE("the distribution of amplitudes tells the ratio of gamma speech and Gaussian noise") {
    std::mt19937 engine(5);
    std::gamma_distribution<double> gamma(0.4, 1.0);
    for (const double snr_db : {-5.0, 0.0, 5.0, 10.0, 20.0, 30.0, 40.0}) {
        CAPTURE(snr_db);
        auto x = noise(40 * rate, 1.0);
        const double scale = std::sqrt(std::pow(10.0, snr_db / 10) / (0.4 * 1.4));
        for (std::size_t t = 0; t < x.size(); ++t) {
            x[t] += static_cast<float>((engine() % 2 == 0 ? 1 : -1) * scale * gamma(engine));
        }
        CHECK(std::abs(wada_snr_db(x) - snr_db) < 1.0);  // 640,000 samples: a few tenths of a dB
    }
    CHECK(wada_snr_db(noise(10 * rate, 1.0)) < -8.0);
    CHECK(wada_snr_db(std::vector<float>(100, 0.0F)) == -20.0);
}

TEST_CASE("reasons come in their order") {
    Quality q{2.0, 1.0, 0.5, 1, 20, 20, 0, -6, -20, 0};
    CHECK(quality_reason(q, {}).empty());
    q.snr_db = -3;
    CHECK(quality_reason(q, {}) == "noisy");
    q.clipped_ratio = 0.1;
    CHECK(quality_reason(q, {}) == "clipped");
    q.speech_ratio = 0.05;
    CHECK(quality_reason(q, {}) == "little_speech");
    q.speech_s = 0.1;
    CHECK(quality_reason(q, {}) == "no_speech");
    q.peak_dbfs = -90;
    CHECK(quality_reason(q, {}) == "silent");
    q.duration_s = 0.1;
    CHECK(quality_reason(q, {}) == "too_short");
}

TEST_CASE("values go out and come back in the order of their names") {
    const Quality q{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const auto values = quality_values(q);
    for (std::size_t i = 0; i < values.size(); ++i) {
        CHECK(values[i] == static_cast<double>(i + 1));
        CHECK(quality_columns(q)[i] == static_cast<float>(i + 1));
    }
    CHECK(quality_values(quality_from(values)) == values);
    CHECK(std::string(quality_names[4]) == "snr_db");
    CHECK(std::string(quality_names[6]) == "clipped_ratio");
}

TEST_CASE("limits are settings") {
    const Quality q{2.0, 1.0, 0.5, 1, 20, 20, 0, -6, -20, 0};
    CHECK(quality_reason(q, {.least_snr_db = 25}) == "noisy");
    CHECK(quality_reason(q, {.least_speech_ratio = 0.6}) == "little_speech");
    CHECK(quality_reason(q, {.least_duration_s = 3}) == "too_short");
    CHECK(quality_message(q, {}).empty());
    CHECK(quality_message(q, {.least_snr_db = 25}) == "noisy: a signal-to-noise ratio of 20 dB, below 25 dB");
    CHECK(quality_message({2.0, 1.0, 0.5, 1, 20, 20, 0.1, -6, -20, 0}, {}) == "clipped: a share of clipped samples of 0.1, above 0.02");
}

TEST_CASE("every part of the measurement looks at the stop token") {
    StopToken stop;
    stop.request_stop();
    const auto x = noise(rate, 0.1);
    CHECK_THROWS_AS((void)voice_activity(x, rate, {}, stop), emotion::Cancelled);
    CHECK_THROWS_AS((void)measure_quality(x, rate, stop), emotion::Cancelled);
    CHECK_THROWS_AS((void)wada_snr_db(x, stop), emotion::Cancelled);
}

TEST_CASE("what is no recording is refused") {
    const std::vector<float> x(100, 0.1F);
    CHECK_THROWS_AS((void)voice_activity({}, rate, {}, StopToken{}), emotion::InvalidInputError);
    CHECK_THROWS_AS((void)voice_activity(x, 999, {}, StopToken{}), emotion::InvalidInputError);
    CHECK_THROWS_AS((void)voice_activity(x, rate, {.bridge_s = -1}, StopToken{}), emotion::InvalidInputError);
    CHECK_NOTHROW((void)measure_quality(std::vector<float>(1, 0.1F), rate, StopToken{}));
}
