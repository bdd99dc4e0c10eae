#include "emotion/audio/shape.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace emotion::audio;

namespace {

constexpr std::size_t bins = 257;

struct Values {
    std::vector<float> block = std::vector<float>(SpectralShape::count * 8);
    double operator()(const std::string& name, std::size_t lane) const {
        for (std::size_t i = 0; i < SpectralShape::count; ++i) {
            if (name == SpectralShape::names[i]) {
                return static_cast<double>(block[i * 8 + lane]);
            }
        }
        FAIL("no such name");
        return 0.0;
    }
};

}  // namespace

TEST_CASE("silence counts as flat noise, a line as a line, a ramp by its moments") {
    const SpectralShape plan(16'000, 512);
    std::vector<float> power(bins * 8, 0.0F);
    power[64 * 8 + 1] = 0.25F;  // lane 1: one line at 2000 Hz
    for (std::size_t k = 0; k < bins; ++k) {
        power[k * 8 + 2] = static_cast<float>(k);  // lane 2: rising with frequency
        power[k * 8 + 3] = 4.0F;                   // lane 3: flat
    }
    Values value;
    plan.apply(power.data(), value.block.data());
    for (const std::size_t lane : {0UL, 3UL}) {
        CHECK(value("spectral_entropy", lane) == doctest::Approx(1.0).epsilon(1e-5));
        CHECK(std::fabs(value("spectral_flatness", lane)) < 1e-3);
        CHECK(value("spectral_centroid", lane) == doctest::Approx(31.25 * 128.5).epsilon(1e-5));
        CHECK(value("spectral_kurtosis", lane) == doctest::Approx(1.8).epsilon(1e-3));
        CHECK(value("spectral_rolloff25", lane) == doctest::Approx(2000.0).epsilon(0.02));  // one bin: the sums are rounded
        CHECK(value("spectral_rolloff90", lane) == doctest::Approx(31.25 * 231.0).epsilon(0.01));
    }
    CHECK(value("energy", 0) == doctest::Approx(10.0 * std::log10(256e-12)).epsilon(1e-5));
    CHECK(value("energy", 1) == doctest::Approx(10.0 * std::log10(0.25)).epsilon(1e-5));
    CHECK(value("spectral_centroid", 1) == doctest::Approx(2000.0).epsilon(1e-5));
    CHECK(value("spectral_rolloff25", 1) == 2000.0);
    CHECK(value("spectral_rolloff90", 1) == 2000.0);
    CHECK(value("spectral_entropy", 1) < 1e-4);
    double sum = 0, weighted = 0, second = 0, third = 0, band = 0;
    for (std::size_t k = 1; k < bins; ++k) {
        const double f = 31.25 * static_cast<double>(k), p = static_cast<double>(k);
        sum += p;
        weighted += p * f;
        band += f >= 250.0 && f <= 650.0 ? p : 0.0;
    }
    for (std::size_t k = 1; k < bins; ++k) {
        const double d = 31.25 * static_cast<double>(k) - weighted / sum, p = static_cast<double>(k);
        second += p * d * d;
        third += p * d * d * d;
    }
    CHECK(value("spectral_centroid", 2) == doctest::Approx(weighted / sum).epsilon(1e-5));
    CHECK(value("spectral_spread", 2) == doctest::Approx(std::sqrt(second / sum)).epsilon(1e-5));
    CHECK(value("spectral_skewness", 2) == doctest::Approx(third / sum / std::pow(second / sum, 1.5)).epsilon(1e-4));
    CHECK(value("band250-650", 2) == doctest::Approx(10.0 * std::log10(band / sum)).epsilon(1e-4));
}
