#include "emotion/audio/fft.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "noise.hpp"

using emotion::audio::RealFft;
using emotion::audio::test::uniform_noise;

namespace {

std::vector<std::complex<double>> by_definition(const float* x, const std::vector<float>& w) {
    const std::size_t n = w.size();
    std::vector<std::complex<double>> roots(n), result(n / 2 + 1);
    for (std::size_t t = 0; t < n; ++t) {
        roots[t] = std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(t) / static_cast<double>(n));
    }
    for (std::size_t k = 0; k < result.size(); ++k) {
        for (std::size_t t = 0; t < n; ++t) {
            result[k] += static_cast<double>(x[t] * w[t]) * roots[(k * t) % n];
        }
    }
    return result;
}

}  // namespace

TEST_CASE("the transform equals its definition, for powers of two and for any other length") {
    for (const std::size_t n : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 31, 32, 64, 100, 128, 255, 256, 400, 512, 551, 1000, 1024, 2048, 4096, 8192, 16384}) {
        CAPTURE(n);
        const std::size_t hop = n / 3 + 1;
        const auto x = uniform_noise(n + RealFft::batch * hop, 1);
        const auto w = uniform_noise(n, 2);
        const RealFft fft(n);
        std::vector<float> re(fft.bins() * RealFft::batch), im(re.size()), power(re.size()), scratch(fft.scratch_size());
        fft.forward(x.data(), hop, w.data(), re.data(), im.data(), scratch.data());
        fft.power(x.data(), hop, w.data(), power.data(), scratch.data());
        for (std::size_t l = 0; l < RealFft::batch; l += n > 2048 ? 7 : 1) {
            const auto expected = by_definition(x.data() + l * hop, w);
            double scale = 0;
            for (const auto& z : expected) {
                scale = std::max(scale, std::abs(z));
            }
            for (std::size_t k = 0; k < expected.size(); ++k) {
                const std::complex<double> got(re[k * RealFft::batch + l], im[k * RealFft::batch + l]);
                // Single precision: a few rounding errors of the largest bin.
                CHECK(std::abs(got - expected[k]) < 2e-6 * scale);
                CHECK(std::abs(power[k * RealFft::batch + l] - std::norm(got)) <= 1e-6 * std::norm(got) + 1e-20);
            }
        }
    }
}

TEST_CASE("Parseval: the energy of the spectrum is n times the energy of the frame") {
    const std::size_t n = 4096;
    const auto x = uniform_noise(n, 3);
    const std::vector<float> ones(n, 1.0F);
    const RealFft fft(n);
    std::vector<float> power(fft.bins() * RealFft::batch), scratch(fft.scratch_size());
    fft.power(x.data(), 0, ones.data(), power.data(), scratch.data());
    double time_energy = 0;
    for (const float v : x) {
        time_energy += static_cast<double>(v) * v;
    }
    double spectrum_energy = power[0] + power[(n / 2) * RealFft::batch];
    for (std::size_t k = 1; k < n / 2; ++k) {
        spectrum_energy += 2.0 * power[k * RealFft::batch];
    }
    CHECK(spectrum_energy == doctest::Approx(time_energy * static_cast<double>(n)).epsilon(1e-6));
}

TEST_CASE("the transform of a power spectrum is the circular autocorrelation") {
    for (const std::size_t n : {2, 4, 8, 64, 100, 512}) {
        CAPTURE(n);
        const auto x = uniform_noise(n + RealFft::batch * 3, 6);
        const std::vector<float> ones(n, 1.0F);
        const RealFft fft(n);
        const std::size_t count = fft.bins() - (n > 4 ? 2 : 0);
        std::vector<float> power(fft.bins() * RealFft::batch), out(count * RealFft::batch), scratch(fft.scratch_size());
        fft.power(x.data(), 3, ones.data(), power.data(), scratch.data());
        fft.even(power.data(), count, out.data(), scratch.data());
        for (std::size_t l = 0; l < RealFft::batch; ++l) {
            for (std::size_t k = 0; k < count; ++k) {
                double expected = 0;
                for (std::size_t t = 0; t < n; ++t) {
                    expected += static_cast<double>(x[3 * l + t]) * x[3 * l + (t + k) % n];
                }
                // Single precision: a few rounding errors of the energy, which is about n / 12.
                CHECK(std::abs(out[k * RealFft::batch + l] / static_cast<double>(n) - expected) < 1e-6 * static_cast<double>(n));
            }
        }
    }
}

TEST_CASE("a frame's bits do not depend on its neighbours in the batch") {
    const std::size_t n = 512;
    const auto x = uniform_noise(n * 9, 4);
    const auto w = uniform_noise(n, 5);
    const RealFft fft(n);
    std::vector<float> a(fft.bins() * RealFft::batch), b(a.size()), scratch(fft.scratch_size());
    fft.power(x.data(), n, w.data(), a.data(), scratch.data());
    fft.power(x.data() + n, n, w.data(), b.data(), scratch.data());
    for (std::size_t k = 0; k < fft.bins(); ++k) {
        for (std::size_t l = 0; l + 1 < RealFft::batch; ++l) {
            REQUIRE(a[k * RealFft::batch + l + 1] == b[k * RealFft::batch + l]);
        }
    }
}

TEST_CASE("lengths out of range are refused") {
    CHECK_THROWS_AS(RealFft(0), emotion::InvalidInputError);
    CHECK_THROWS_AS(RealFft(RealFft::max_size + 1), emotion::InvalidInputError);
}
