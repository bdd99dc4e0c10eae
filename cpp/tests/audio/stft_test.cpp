#include "emotion/audio/stft.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using audio::Stft;

TEST_CASE("each frame is the windowed transform at t hop - n_fft / 2, with zeros outside the signal") {
    RandomStream random(1, Purpose::test, 0);
    std::vector<float> x(777);
    for (float& v : x) {
        v = static_cast<float>(random.normal());
    }
    for (const bool center : {true, false}) {
        for (const std::size_t n_fft : {64UL, 63UL}) {
            const std::size_t hop = 23;
            const auto window = audio::hann_window(n_fft);
            const Stft plan(window, hop, center);
            const std::size_t frames = plan.frames(x.size());
            Matrix<std::complex<float>> z(plan.bins(), frames);
            Matrix<float> p(plan.bins(), frames);
            plan.transform(x, z.view(), StopToken{});
            plan.power(x, p.view(), StopToken{});
            for (std::size_t t = 0; t < frames; ++t) {
                for (std::size_t k = 0; k < plan.bins(); ++k) {
                    std::complex<double> expected;
                    for (std::size_t i = 0; i < n_fft; ++i) {
                        const auto at = static_cast<long>(t * hop + i) - (center ? static_cast<long>(n_fft / 2) : 0);
                        if (at >= 0 && at < static_cast<long>(x.size())) {
                            expected += static_cast<double>(window[i]) * x[static_cast<std::size_t>(at)] *
                                        std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k * i % n_fft) / static_cast<double>(n_fft));
                        }
                    }
                    REQUIRE(std::abs(std::complex<double>(z(k, t)) - expected) < 1e-5);  // single precision of sums of size 10
                    REQUIRE(std::abs(p(k, t) - std::norm(expected)) < 2e-4);
                }
            }
        }
    }
}

TEST_CASE("a window of one point keeps its sample") {
    CHECK(audio::hann_window(1) == std::vector<float>{1.0F});
    CHECK(audio::hann_window(2) == std::vector<float>{0.0F, 1.0F});
}

TEST_CASE("frame counts follow librosa: 1 + n / hop when centred") {
    const Stft centred(audio::hann_window(2048), 512, true);
    CHECK(centred.frames(1) == 1);
    CHECK(centred.frames(511) == 1);
    CHECK(centred.frames(512) == 2);
    CHECK(centred.frames(32000) == 63);
    const Stft plain(audio::hann_window(2048), 512, false);
    CHECK(plain.frames(2047) == 0);
    CHECK(plain.frames(2048) == 1);
}

TEST_CASE("bad hops are refused and a stop request ends the work") {
    CHECK_THROWS_AS(Stft(audio::hann_window(8), 0, true), InvalidInputError);
    CHECK_THROWS_AS(Stft(audio::hann_window(8), audio::RealFft::max_size + 1, true), InvalidInputError);
    StopToken stop;
    stop.request_stop();
    const Stft plan(audio::hann_window(64), 16, true);
    const std::vector<float> x(1000);
    CHECK_THROWS_AS(plan.power_blocks(x, stop, [](std::size_t, std::size_t, const float*) {}), Cancelled);
}
