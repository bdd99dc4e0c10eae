#include "emotion/audio/chroma.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "emotion/audio/stft.hpp"
#include "emotion/core/errors.hpp"
#include "noise.hpp"

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

Matrix<float> tonnetz_of(const Matrix<float>& chroma) {
    Matrix<float> out(tonnetz_rows, chroma.cols, -9.0F);
    tonnetz(chroma.view(), out.view());
    return out;
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
}

TEST_CASE("filterbanks and tonal centroids look at the stop token") {
    StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS(chroma_filterbank({}, stop), Cancelled);
    for (const std::size_t n : {12UL, 7UL}) {
        const Matrix<float> chroma(n, 9);
        Matrix<float> out(tonnetz_rows, 9);
        CHECK_THROWS_AS(tonnetz(chroma.view(), out.view(), stop), Cancelled);
    }
}

TEST_CASE("tonnetz of very many classes has the sums of their definition") {
    const std::size_t n = 150'001;  // more than are added between two looks at the stop token
    Matrix<float> chroma(n, 3);
    double total = 0;
    for (std::size_t c = 0; c < n; ++c) {
        for (std::size_t t = 0; t < 3; ++t) {
            chroma(c, t) = static_cast<float>((c * 7919) % 1009 + t);
        }
        total += chroma(c, 0);
    }
    const Matrix<float> out = tonnetz_of(chroma);
    const std::array<std::size_t, 3> steps{7, 9, 4};
    for (std::size_t i = 0; i < 3; ++i) {
        double sine = 0, cosine = 0;
        for (std::size_t c = 0; c < n; ++c) {
            const double angle = 2 * 3.141592653589793 * static_cast<double>(steps[i] * c % n) / static_cast<double>(n);
            sine += chroma(c, 0) / total * std::sin(angle) * (i == 2 ? 0.5 : 1.0);
            cosine += chroma(c, 0) / total * std::cos(angle) * (i == 2 ? 0.5 : 1.0);
        }
        CHECK(std::abs(out(2 * i, 0) - sine) < 1e-10);  // of some 1e-3: float32
        CHECK(std::abs(out(2 * i + 1, 0) - cosine) < 1e-10);
    }
}

TEST_CASE("tonnetz: one pitch class alone lies where the circles put it, however loud") {
    for (const std::size_t n : {12UL, 36UL, 7UL, 1UL}) {
        Matrix<float> chroma(n, n);
        for (std::size_t c = 0; c < n; ++c) {
            chroma(c, c) = std::ldexp(0.7F, static_cast<int>(c) - 6);
        }
        const Matrix<float> out = tonnetz_of(chroma);
        for (std::size_t c = 0; c < n; ++c) {
            // Harte et al.: radians a semitone of 7 pi / 6, 3 pi / 2 and 2 pi / 3.
            const double semitone = 12.0 * static_cast<double>(c) / static_cast<double>(n) * 3.141592653589793;
            const std::array<double, 3> angles{semitone * 7 / 6, semitone * 3 / 2, semitone * 2 / 3};
            for (std::size_t i = 0; i < 3; ++i) {
                const double radius = i == 2 ? 0.5 : 1.0;
                REQUIRE(std::abs(out(2 * i, c) - radius * std::sin(angles[i])) < 1e-7);  // half a unit in the last place of 1 is 6e-8
                REQUIRE(std::abs(out(2 * i + 1, c) - radius * std::cos(angles[i])) < 1e-7);
            }
        }
    }
}

TEST_CASE("tonnetz: a triad, worked by hand") {
    Matrix<float> chroma(12, 1);
    chroma(0, 0) = chroma(4, 0) = chroma(7, 0) = 0.5F;  // C, E, G: fifths at 0, 120, 30 degrees; minor thirds 0, 0, 90; major thirds 0, 120, 120
    const Matrix<float> out = tonnetz_of(chroma);
    const double h = std::sqrt(3.0) / 2.0;
    const std::array<double, 6> expected{(0 + h + 0.5) / 3, (1 - 0.5 + h) / 3, 1.0 / 3, 2.0 / 3, 0.5 * (0 + h + h) / 3, 0.5 * (1 - 0.5 - 0.5) / 3};
    for (std::size_t r = 0; r < tonnetz_rows; ++r) {
        CHECK(std::abs(out(r, 0) - expected[r]) < 1e-7);
    }
}

TEST_CASE("tonnetz: equal shares have their centre in the middle, silence gives 0, and what is below a normal float is left as it is") {
    Matrix<float> chroma(12, 4);
    const float tiny = std::numeric_limits<float>::min() / 24;
    for (std::size_t c = 0; c < 12; ++c) {
        chroma(c, 0) = 0.3F;
        chroma(c, 2) = c == 0 ? tiny : 0.0F;  // C alone, too soft to be divided by its sum
        chroma(c, 3) = c == 0 ? 30 * tiny : 0.0F;
    }
    const Matrix<float> out = tonnetz_of(chroma);
    for (std::size_t r = 0; r < tonnetz_rows; ++r) {
        CHECK(std::abs(out(r, 0)) < 1e-15);  // sums in double of twelve terms of up to 1 / 12
        CHECK(out(r, 1) == 0.0F);
    }
    CHECK(out(1, 2) == tiny);
    CHECK(out(5, 2) == tiny / 2);
    CHECK(out(1, 3) == 1.0F);
    CHECK(out(5, 3) == 0.5F);
}

TEST_CASE("tonnetz: a column has the same bits alone and among others, NaN stays in its own") {
    const auto noise = test::normal_noise(12 * 19, 5);
    Matrix<float> chroma(12, 19);
    std::ranges::transform(noise, chroma.values.begin(), [](float v) { return std::fabs(v); });
    const Matrix<float> all = tonnetz_of(chroma);
    chroma(3, 17) = std::numeric_limits<float>::quiet_NaN();
    const Matrix<float> spoilt = tonnetz_of(chroma);
    for (std::size_t t = 0; t < chroma.cols; ++t) {
        Matrix<float> one(12, 1);
        for (std::size_t c = 0; c < 12; ++c) {
            one(c, 0) = chroma(c, t);
        }
        const Matrix<float> alone = tonnetz_of(one);
        for (std::size_t r = 0; r < tonnetz_rows; ++r) {
            if (t == 17) {
                CHECK(std::isnan(spoilt(r, t)));
            } else {
                REQUIRE(alone(r, 0) == all(r, t));
                REQUIRE(spoilt(r, t) == all(r, t));
            }
        }
    }
    CHECK(tonnetz_of(Matrix<float>(12, 0)).values.empty());
}
