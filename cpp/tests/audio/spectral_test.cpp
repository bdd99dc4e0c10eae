#include "emotion/audio/spectral.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {
Matrix<float> random_spectrum(std::size_t bins, std::size_t frames) {
    RandomStream random(1, Purpose::test, bins, frames);
    Matrix<float> s(bins, frames);
    for (float& v : s.values) {
        v = static_cast<float>(std::exp(2.0 * random.normal()));
    }
    return s;
}
std::vector<float> to_float(const std::vector<double>& x) { return {x.begin(), x.end()}; }
}  // namespace

TEST_CASE("centroid, bandwidth, rolloff and flatness equal their definitions in float64, also in a partial block") {
    const auto s = random_spectrum(513, 21);
    const auto f = fft_frequencies(16000, 1024);
    const auto ff = to_float(f);
    Matrix<float> power = s;
    for (float& v : power.values) {
        v *= v;
    }
    std::vector<float> centroid(21), bandwidth(21), rolloff(21), flatness(21);
    spectral_centroid(s.view(), ff, centroid);
    spectral_bandwidth(s.view(), ff, centroid, true, bandwidth);
    spectral_rolloff(s.view(), ff, 0.85F, rolloff);
    spectral_flatness(power.view(), 1e-10F, flatness);
    for (std::size_t t = 0; t < 21; ++t) {
        double sum = 0, weighted = 0, spread = 0, logs = 0, powers = 0, running = 0;
        for (std::size_t k = 0; k < 513; ++k) {
            sum += s(k, t);
            weighted += f[k] * s(k, t);
            logs += std::log(static_cast<double>(power(k, t)));
            powers += power(k, t);
        }
        const double middle = weighted / sum;
        for (std::size_t k = 0; k < 513; ++k) {
            spread += (f[k] - middle) * (f[k] - middle) * s(k, t) / sum;
        }
        std::size_t bin = 0;
        while ((running += s(bin, t)) < 0.85 * sum) {
            ++bin;
        }
        CHECK(centroid[t] == doctest::Approx(middle).epsilon(3e-6));
        CHECK(bandwidth[t] == doctest::Approx(std::sqrt(spread)).epsilon(3e-6));
        CHECK(rolloff[t] == doctest::Approx(f[bin]).epsilon(1e-6));
        CHECK(flatness[t] == doctest::Approx(std::exp(logs / 513) / (powers / 513)).epsilon(1e-5));
    }
}

TEST_CASE("contrast takes the mean of the largest and smallest bins, by network and by selection alike") {
    const auto s = random_spectrum(2049, 11);
    for (const double quantile : {0.001, 0.005, 0.01, 0.02, 0.2}) {
        const auto bands = contrast_bands(16000, 4096, 200, 6, quantile);
        Matrix<float> peak(7, 11), valley(7, 11);
        contrast_extremes(s.view(), bands, peak.view(), valley.view());
        for (std::size_t b = 0; b < 7; ++b) {
            for (std::size_t t = 0; t < 11; ++t) {
                std::vector<double> values;
                for (std::size_t k = bands[b].first; k < bands[b].last; ++k) {
                    values.push_back(s(k, t));
                }
                std::sort(values.begin(), values.end());
                double low = 0, high = 0;
                for (std::size_t j = 0; j < bands[b].tail; ++j) {
                    low += values[j];
                    high += values[values.size() - 1 - j];
                }
                const auto m = static_cast<double>(bands[b].tail);
                CHECK(valley(b, t) == doctest::Approx(low / m).epsilon(1e-6));
                CHECK(peak(b, t) == doctest::Approx(high / m).epsilon(1e-6));
            }
        }
    }
}

TEST_CASE("the bands at 16 kHz, worked by hand: 7.8125 Hz a bin") {
    const auto bands = contrast_bands(16000, 2048, 200, 6, 0.02);
    REQUIRE(bands.size() == 7);
    CHECK(bands[0].first == 0);    // 0 … 200 Hz: bins 0 … 25, the last given up
    CHECK(bands[0].last == 25);
    CHECK(bands[1].first == 25);   // from 200 Hz: bin 26 and one below; to 400 Hz: bin 51, given up
    CHECK(bands[1].last == 51);
    CHECK(bands[6].first == 819);  // from 6400 Hz: bin 820 and one below, open to the top
    CHECK(bands[6].last == 1025);
    CHECK(bands[5].tail == 8);     // rint(0.02 * 411)
    CHECK_THROWS_AS(contrast_bands(12800, 2048, 200, 6, 0.02), InvalidInputError);
    CHECK_THROWS_AS(contrast_bands(16000, 64, 200, 6, 0.02), InvalidInputError);
}

TEST_CASE("silence: centroid, bandwidth and rolloff 0, flatness 1, contrast 0") {
    const Matrix<float> s(1025, 3);
    const auto f = to_float(fft_frequencies(16000, 2048));
    std::vector<float> out(3), centroid(3);
    spectral_centroid(s.view(), f, centroid);
    CHECK(centroid[1] == 0.0F);
    spectral_bandwidth(s.view(), f, centroid, true, out);
    CHECK(out[1] == 0.0F);
    spectral_rolloff(s.view(), f, 0.85F, out);
    CHECK(out[1] == 0.0F);
    spectral_flatness(s.view(), 1e-10F, out);
    CHECK(out[1] == doctest::Approx(1.0).epsilon(1e-5));
    Matrix<float> peak(7, 3), valley(7, 3);
    contrast_extremes(s.view(), contrast_bands(16000, 2048, 200, 6, 0.02), peak.view(), valley.view());
    contrast_to_db(peak.view(), valley.view());
    CHECK(peak(3, 1) == 0.0F);
}
