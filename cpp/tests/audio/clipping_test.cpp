#include "clipping.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "noise.hpp"
#include "voice_at_16k.hpp"

using namespace emotion::audio;

namespace {

using test::add_voice;
using test::rate;

double share_of(std::span<const float> x) {
    const auto [lowest, highest] = std::ranges::minmax(x);
    return clipped_share(x, lowest, highest, std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size()));
}

std::vector<float> sine(double hz, int rate_hz) {
    std::vector<float> x(static_cast<std::size_t>(rate_hz));
    for (std::size_t t = 0; t < x.size(); ++t) {
        x[t] = static_cast<float>(std::sin(2 * std::numbers::pi * hz * static_cast<double>(t) / rate_hz + 0.3));
    }
    return x;
}

// Cut off at the limit and rounded to steps of 2^(1 - bits).
std::vector<float> quantised(std::vector<float> x, double bits, double limit) {
    const double steps = std::pow(2.0, bits - 1);
    for (float& v : x) {
        v = static_cast<float>(std::round(std::clamp(static_cast<double>(v), -limit, limit) * steps) / steps);
    }
    return x;
}

// The share of ChannelTops, of parts of so many frames.
double share_of_channels(const std::vector<float>& left, const std::vector<float>& right, std::size_t part) {
    std::vector<float> both(2 * left.size());
    for (std::size_t t = 0; t < left.size(); ++t) {
        both[2 * t] = left[t];
        both[2 * t + 1] = right[t];
    }
    ChannelTops tops(2);
    for (std::size_t i = 0; i < both.size(); i += 2 * part) {
        tops.add(std::span(both).subspan(i, std::min(2 * part, both.size() - i)));
    }
    return static_cast<double>(tops.samples()) / static_cast<double>(both.size());
}

}  // namespace

TEST_CASE("clipping of a sine has the share of its time above the limit, at any rate, gain and number of bits") {
    for (const int own_rate : {8000, 16'000, 48'000, 192'000}) {
        for (const double limit : {0.5, 0.8, 0.95}) {
            for (const double bits : {8.0, 16.0, 24.0}) {
                for (const double gain : {1.0, 0.6, 0.013}) {
                    CAPTURE(own_rate);
                    CAPTURE(limit);
                    CAPTURE(bits);
                    CAPTURE(gain);
                    auto x = quantised(sine(97.3, own_rate), bits, limit);
                    for (float& v : x) {
                        v *= static_cast<float>(gain);
                    }
                    const double step = std::pow(2.0, 1 - bits);
                    const double share = 1 - 2 / std::numbers::pi * std::asin(limit - step / 2);
                    // A sample more or less on either side of a top.
                    CHECK(std::abs(share_of(x) - share) < 0.005 + 4 * 97.3 / own_rate);
                }
            }
        }
    }
}

TEST_CASE("an undistorted tone is not clipped, at any pitch, rate, level and number of bits") {
    for (const int own_rate : {8000, 16'000, 48'000, 192'000}) {
        for (const double hz : {20.0, 50.0, 97.3, 120.0, 440.0, 1000.0, 1999.0}) {
            for (const double bits : {8.0, 12.0, 16.0, 24.0}) {
                for (const double level : {1.0, 0.7, 0.1}) {
                    CAPTURE(own_rate);
                    CAPTURE(hz);
                    CAPTURE(bits);
                    CAPTURE(level);
                    auto x = sine(hz, own_rate);
                    for (float& v : x) {
                        v *= static_cast<float>(level);
                    }
                    CHECK(share_of(quantised(x, bits, 1.0)) == 0.0);
                }
            }
        }
    }
}

TEST_CASE("a clipped voice is found, and a whole one is not") {
    auto x = test::normal_noise(2 * rate, 1);
    std::ranges::for_each(x, [](float& v) { v *= 3e-4F; });
    add_voice(x, 0.5, 1.5, 0.1);
    const float peak = *std::ranges::max_element(x);
    CHECK(share_of(quantised(x, 16, 1.0)) == 0.0);
    for (const float limit : {0.7F, 0.5F, 0.3F}) {
        CAPTURE(limit);
        auto y = x;
        double beyond = 0;
        for (float& v : y) {
            beyond += std::abs(v) >= limit * peak ? 1.0 : 0.0;
            v = std::clamp(v, -limit * peak, limit * peak);
        }
        beyond /= static_cast<double>(y.size());
        const double found = share_of(quantised(y, 16, 1.0));
        CHECK(found <= beyond + 1e-3);
        CHECK(found > 0.5 * beyond);  // tops of one and two samples do not count
        for (float& v : y) {
            v += 0.1F;
        }
        CHECK(std::abs(share_of(y) - found) < 2e-3);
    }
}

TEST_CASE("undistorted tones at full scale are clipped in no channel, wherever parts end") {
    for (const int own_rate : {8000, 16'000, 48'000, 192'000}) {
        for (const double hz : {20.0, 50.0, 97.3, 120.0, 440.0, 1000.0, 1999.0}) {
            for (const double bits : {8.0, 16.0, 24.0}) {
                const auto left = quantised(sine(hz, own_rate), bits, 1.0), right = quantised(sine(1.01 * hz, own_rate), bits, 1.0);
                for (const std::size_t part : {256UL, 8192UL}) {
                    CAPTURE(own_rate);
                    CAPTURE(hz);
                    CAPTURE(bits);
                    CAPTURE(part);
                    CHECK(share_of_channels(left, right, part) == 0.0);
                }
            }
        }
    }
}

TEST_CASE("a clipped channel counts whatever the other does, and only at full scale") {
    const auto loud = sine(97.3, 48'000);
    auto quiet = sine(150.0, 48'000);
    std::ranges::for_each(quiet, [](float& v) { v *= 0.01F; });
    for (const float gain : {1.05F, 1.3F, 3.0F}) {
        CAPTURE(gain);
        auto clipped = loud;
        std::ranges::for_each(clipped, [&](float& v) { v *= gain; });
        clipped = quantised(clipped, 16, 1.0);
        const double whole = share_of(clipped);
        CHECK(share_of_channels(quiet, clipped, 8192) == doctest::Approx(0.5 * whole).epsilon(0.01));  // a few tops are cut by the ends of parts
        CHECK(share_of_channels(clipped, clipped, 8192) == doctest::Approx(whole).epsilon(0.01));
        auto one_sided = clipped;
        std::ranges::for_each(one_sided, [](float& v) { v = std::max(v, -0.5F); });
        CHECK(share_of_channels(one_sided, quiet, 8192) == doctest::Approx(0.25 * whole).epsilon(0.02));
        std::ranges::for_each(clipped, [](float& v) { v *= 0.9F; });
        CHECK(share_of_channels(clipped, quiet, 8192) == 0.0);
    }
    ChannelTops tops(2);
    tops.add({});
    CHECK(tops.samples() == 0);
}

TEST_CASE("a stop request ends the search for tops") {
    emotion::StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS((void)clipped_share(sine(97.3, rate), -1.0F, 1.0F, 0.0, stop), emotion::Cancelled);
}

TEST_CASE("pauses and constants are no tops") {
    CHECK(share_of(test::normal_noise(rate, 1)) == 0.0);
    CHECK(share_of(std::vector<float>(rate, 0.3F)) == 0.0);
    std::vector<float> pulses(rate, -1.0F / 32768);
    for (std::size_t t = 0; t < pulses.size(); t += 160) {
        pulses[t] = 0.5F;
    }
    CHECK(share_of(pulses) == 0.0);
    pulses.assign(rate, 0.0F);
    CHECK(share_of(pulses) == 0.0);
}
