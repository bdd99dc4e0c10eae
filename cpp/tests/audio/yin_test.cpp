#include "emotion/audio/yin.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

std::vector<float> voice(std::size_t n, double period) {
    RandomStream random(1, Purpose::test, n);
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        const double phase = 2.0 * std::numbers::pi * static_cast<double>(i) / period;
        x[i] = static_cast<float>(std::sin(phase) + 0.5 * std::sin(2 * phase) + 0.1 * random.normal());
    }
    return x;
}

}  // namespace

TEST_CASE("the difference function equals its definition") {
    const YinOptions options{80.0, 500.0, 8000.0, 300, 77, true};
    const auto x = voice(1501, 41.3);
    const DifferenceFunction plan(options, "yin");
    const std::size_t frames = plan.frames(x.size());
    CHECK(frames == 1 + 1501 / 77);
    CHECK(plan.min_period() == 16);
    CHECK(plan.lags() == 100 - 16 + 1);
    std::size_t seen = 0;
    plan.blocks(x, StopToken{}, [&](std::size_t first, std::size_t count, const float* block) {
        CHECK(first == seen);
        seen += count;
        for (std::size_t l = 0; l < count; ++l) {
            std::vector<double> frame(300);
            for (std::size_t m = 0; m < 300; ++m) {
                const long at = static_cast<long>((first + l) * 77 + m) - 150;
                frame[m] = at >= 0 && at < 1501 ? static_cast<double>(x[static_cast<std::size_t>(at)]) : 0.0;
            }
            double sum = 0;
            for (std::size_t k = 1; k <= 100; ++k) {
                double difference = 0;
                for (std::size_t m = 0; m < 300; ++m) {
                    const double other = m + k < 300 ? frame[m + k] : 0.0;
                    difference += (frame[m] - other) * (frame[m] - other);
                }
                if (k == 1) {
                    difference += frame[0] * frame[0];  // librosa's rule for the first lag
                }
                sum += difference;
                if (k >= 16) {
                    const double expected = difference * static_cast<double>(k) / sum;
                    REQUIRE(block[(k - 16) * 8 + l] == doctest::Approx(expected).epsilon(1e-5));
                }
            }
        }
    });
    CHECK(seen == frames);
}

TEST_CASE("YIN finds the period, whatever the gain") {
    const YinOptions options{80.0, 500.0, 8000.0, 400, 100, true};
    auto x = voice(4000, 41.3);
    const DifferenceFunction plan(options, "yin");
    std::vector<double> f0(plan.frames(x.size())), loud(f0.size());
    yin(x, options, 0.1, f0, StopToken{});
    for (std::size_t t = 3; t + 3 < f0.size(); ++t) {
        CHECK(f0[t] == doctest::Approx(8000.0 / 41.3).epsilon(0.005));
    }
    for (float& v : x) {
        v *= 1.2676506e30F;  // 2^100
    }
    yin(x, options, 0.1, loud, StopToken{});
    CHECK(loud == f0);
}

TEST_CASE("silence has the shortest lag, as in librosa") {
    const YinOptions options{80.0, 500.0, 8000.0, 400, 100, true};
    const std::vector<float> x(1000);
    std::vector<double> f0(DifferenceFunction(options, "yin").frames(x.size()));
    yin(x, options, 0.1, f0, StopToken{});
    for (const double f : f0) {
        CHECK(f == 500.0);
    }
}

TEST_CASE("the parabola's extremum, within one step") {
    const auto parabola = [](double x) { return 2.0 * (x - 0.3) * (x - 0.3) + 1.0; };
    CHECK(parabolic_shift(parabola(-1), parabola(0), parabola(1)) == doctest::Approx(0.3));
    CHECK(parabolic_shift(1.0, 2.0, 3.0) == 0.0);
    CHECK(parabolic_shift(1.0, 1.0, 1.0) == 0.0);
}

TEST_CASE("options out of range are refused") {
    const auto refused = [](YinOptions o) { CHECK_THROWS_AS(DifferenceFunction(o, "yin"), InvalidInputError); };
    refused({65.0, 12000.0, 22050.0, 2048, 512, true});
    refused({0.0, 1000.0, 22050.0, 2048, 512, true});
    refused({500.0, 500.0, 22050.0, 2048, 512, true});
    refused({5.0, 500.0, 22050.0, 2048, 512, true});
    refused({65.0, 500.0, 22050.0, 2048, 0, true});
    refused({65.0, 500.0, std::nan(""), 2048, 512, true});
    refused({std::nan(""), 500.0, 22050.0, 2048, 512, true});
}
