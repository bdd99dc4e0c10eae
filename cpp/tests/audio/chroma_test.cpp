#include "emotion/audio/chroma.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/audio/stft.hpp"
#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {
Matrix<float> power_of_tone(double hz, std::size_t n = 16000) {
    std::vector<float> x(n);
    for (std::size_t t = 0; t < n; ++t) {
        x[t] = static_cast<float>(0.5 * std::sin(2 * 3.141592653589793 * hz * static_cast<double>(t) / 16000.0));
    }
    const Stft plan(hann_window(2048), 512, true);
    Matrix<float> p(plan.bins(), plan.frames(n));
    plan.power(x, p.view(), StopToken{});
    return p;
}
}  // namespace

TEST_CASE("tones fall onto their pitch class") {
    const double c4 = 261.6256;
    for (std::size_t note = 0; note < 12; ++note) {
        const auto p = power_of_tone(c4 * std::exp2(static_cast<double>(note) / 12.0));
        Matrix<float> out(12, p.cols);
        const auto w = chroma_filterbank({.sample_rate_hz = 16000, .n_fft = 2048});
        for (std::size_t c = 0; c < 12; ++c) {
            for (std::size_t t = 0; t < p.cols; ++t) {
                for (std::size_t k = 0; k < p.rows; ++k) {
                    out(c, t) += w(c, k) * p(k, t);
                }
            }
        }
        normalize_columns(out.view());
        CHECK(out(note, 10) == 1.0F);
    }
}

TEST_CASE("the tuning of a detuned tone is found to within its cell") {
    for (const double cents : {-40.0, -13.0, 0.0, 22.0, 45.0}) {
        const auto p = power_of_tone(880.0 * std::exp2(cents / 1200.0), 48000);
        // The parabola through power values is biased by up to a few hundredths of a bin.
        CHECK(std::abs(estimate_tuning(p.view(), 16000, 2 * (p.rows - 1), 12).value() - cents / 100.0) < 0.05);
    }
}

TEST_CASE("silence has tuning 0 and chroma 0") {
    Matrix<float> p(1025, 5);
    CHECK(!estimate_tuning(p.view(), 16000, 2 * (p.rows - 1), 12));
    normalize_columns(p.view());
    CHECK(p(0, 0) == 0.0F);
}

TEST_CASE("columns of the filterbank have unit length without octave weighting") {
    const auto w = chroma_filterbank({.sample_rate_hz = 22050, .n_fft = 4096, .tuning = 0.3, .octwidth = 0.0});
    for (std::size_t k = 0; k < w.cols; ++k) {
        double square = 0;
        for (std::size_t c = 0; c < 12; ++c) {
            square += static_cast<double>(w(c, k)) * w(c, k);
        }
        CHECK(square == doctest::Approx(1.0).epsilon(1e-5));
    }
    CHECK_THROWS_AS(chroma_filterbank({.n_chroma = 0}), InvalidInputError);
    StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS(chroma_filterbank({}, stop), Cancelled);
}
