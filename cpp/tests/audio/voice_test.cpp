#include "voice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using namespace emotion;
using namespace emotion::audio;

TEST_CASE("voice has a value in every voiced frame and 0 elsewhere, and the asked number of frames") {
    std::vector<float> x(16'000);
    for (std::size_t i = 4000; i < 12'000; ++i) {
        double sum = 0;
        for (int k = 1; k < 20; ++k) {
            sum += std::sin(2.0 * std::numbers::pi * 140.0 * k * static_cast<double>(i) / 16'000.0) / k;
        }
        x[i] = static_cast<float>(0.1 * sum);
    }
    const VoiceTrack track = track_voice(x, 101, StopToken{});
    REQUIRE(track.f0_hz.size() == 101);
    CHECK(std::ranges::count_if(track.f0_hz, [](float f) { return f > 0.0F; }) > 40);
    for (std::size_t t = 0; t < 101; ++t) {
        for (const auto* row : {&track.jitter, &track.shimmer_db, &track.hnr_db}) {
            REQUIRE(row->size() == 101);
            CHECK(std::isfinite((*row)[t]));
            CHECK((track.f0_hz[t] > 0.0F || (*row)[t] == 0.0F));
        }
    }
    CHECK(track.f0_hz[50] == doctest::Approx(140.0).epsilon(0.005));
    CHECK(track.f0_hz[5] == 0.0F);
    CHECK(track.hnr_db[50] > 20.0F);
    CHECK(track.jitter[50] < 0.01F);
    CHECK(track_voice(std::vector<float>(10, 0.0F), 1, StopToken{}).f0_hz == std::vector<float>{0.0F});
}
