#include "emotion/audio/mel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::audio;

TEST_CASE("a hand-worked filter: HTK scale, three bands up to 4 kHz") {
    // mel(4000) = 2146.065; corners at 0, 536.516, 1073.032, 1609.549, 2146.065 mel = 0, 426.93, 1113.93, 2219.44, 3998.4… Hz.
    const MelFilterbank bank({.sample_rate_hz = 8000, .n_fft = 80, .n_mels = 3, .htk = true, .slaney_norm = false});
    const Matrix<float> w = bank.dense();
    const auto hz = [](double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); };
    const double top = 2595.0 * std::log10(1.0 + 4000.0 / 700.0);
    const double c1 = hz(top / 4), c2 = hz(top / 2), c3 = hz(3 * top / 4);
    CHECK(c1 == doctest::Approx(426.93).epsilon(1e-3));
    CHECK(w(0, 4) == doctest::Approx(400.0 / c1));                 // rising side of the first band at 400 Hz
    CHECK(w(0, 8) == doctest::Approx((c2 - 800.0) / (c2 - c1)));   // falling side at 800 Hz
    CHECK(w(1, 8) == doctest::Approx((800.0 - c1) / (c2 - c1)));
    CHECK(w(2, 30) == doctest::Approx((4000.0 - 3000.0) / (4000.0 - c3)));
    CHECK(w(0, 0) == 0.0F);
    CHECK(w(0, 20) == 0.0F);
}

TEST_CASE("slaney's bands have unit area, and apply equals the dense product") {
    const MelFilterbank bank({.sample_rate_hz = 16000, .n_fft = 4096, .n_mels = 40});
    const Matrix<float> w = bank.dense();
    for (std::size_t b = 5; b < 40; ++b) {
        double area = 0;
        for (std::size_t k = 0; k < w.cols; ++k) {
            area += w(b, k) * 16000.0 / 4096.0;
        }
        CHECK(area == doctest::Approx(1.0).epsilon(0.02));  // a sum over bins instead of an integral
    }
    Matrix<float> s(w.cols, 11), out(40, 11);
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        s.values[i] = static_cast<float>((i * 7919) % 101) / 101.0F;
    }
    bank.apply(s.view(), out.view());
    for (std::size_t b = 0; b < 40; ++b) {
        for (std::size_t t = 0; t < 11; ++t) {
            double sum = 0;
            for (std::size_t k = 0; k < w.cols; ++k) {
                sum += static_cast<double>(w(b, k)) * s(k, t);
            }
            CHECK(out(b, t) == doctest::Approx(sum).epsilon(1e-5));
        }
    }
}

TEST_CASE("decibels of any length, with floors") {
    std::vector<float> x{1.0F, 10.0F, 1e-12F, 0.0F, 100.0F, 1.0F, 1.0F, 1.0F, 10.0F};
    auto y = x;
    power_to_db(y, 1e-10F, -1.0F);
    CHECK(y[0] == 0.0F);
    CHECK(y[1] == doctest::Approx(10.0));
    CHECK(y[2] == doctest::Approx(-100.0));
    CHECK(y[8] == y[1]);  // a value does not depend on its place
    power_to_db(x, 1e-10F, 80.0F);
    CHECK(x[3] == doctest::Approx(20.0 - 80.0));
    power_to_db({}, 1e-10F, 80.0F);
}

TEST_CASE("the cosine transforms of types 1 to 4 are orthonormal; types 2 and 3 undo each other") {
    for (const int type : {1, 2, 3, 4}) {
        const auto m = dct_matrix(16, 16, type, DctNorm::ortho);
        for (std::size_t a = 0; a < 16; ++a) {
            for (std::size_t b = 0; b < 16; ++b) {
                double sum = 0;
                for (std::size_t k = 0; k < 16; ++k) {
                    sum += static_cast<double>((*m)(a, k)) * (*m)(b, k);
                }
                CHECK(sum == doctest::Approx(a == b ? 1.0 : 0.0).epsilon(1e-6));
            }
        }
    }
    const auto two = dct_matrix(8, 8, 2, DctNorm::forward), three = dct_matrix(8, 8, 3, DctNorm::backward);
    for (std::size_t a = 0; a < 8; ++a) {
        for (std::size_t b = 0; b < 8; ++b) {
            double sum = 0;
            for (std::size_t k = 0; k < 8; ++k) {
                sum += static_cast<double>((*three)(a, k)) * (*two)(k, b);
            }
            CHECK(sum == doctest::Approx(a == b ? 1.0 : 0.0).epsilon(1e-6));
        }
    }
    CHECK_THROWS_AS(static_cast<void>(dct_matrix(1, 1, 1, DctNorm::ortho)), InvalidInputError);
    CHECK_THROWS_AS(static_cast<void>(dct_matrix(8, 8, 5, DctNorm::ortho)), InvalidInputError);
}

TEST_CASE("bands of unit norm, and bands without a bin") {
    for (const double p : {1.0, 2.0, std::numeric_limits<double>::infinity()}) {
        const Matrix<float> w = MelFilterbank({.sample_rate_hz = 16000, .n_fft = 1024, .n_mels = 20, .slaney_norm = false, .norm = p}).dense();
        for (std::size_t b = 0; b < w.rows; ++b) {
            double sum = 0;
            for (std::size_t k = 0; k < w.cols; ++k) {
                sum = std::isinf(p) ? std::max(sum, static_cast<double>(w(b, k))) : sum + std::pow(static_cast<double>(w(b, k)), p);
            }
            CHECK(sum == doctest::Approx(1.0).epsilon(1e-6));
        }
    }
    CHECK(MelFilterbank({.sample_rate_hz = 44100, .n_fft = 1024, .n_mels = 128, .fmax = 2000, .htk = true}).has_empty_bands());
    CHECK(!MelFilterbank({.sample_rate_hz = 16000, .n_fft = 2048, .n_mels = 40}).has_empty_bands());
}

TEST_CASE("filterbanks and cosine transforms look at the stop token") {
    StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS(MelFilterbank({}, stop), Cancelled);
    const MelFilterbank bank({.sample_rate_hz = 16000, .n_fft = 512, .n_mels = 20});
    Matrix<float> weights(20, 257), out(20, 9);
    const Matrix<float> spectrum(257, 9);
    CHECK_THROWS_AS(bank.dense(weights.view(), stop), Cancelled);
    CHECK_THROWS_AS(bank.apply(spectrum.view(), out.view(), stop), Cancelled);
    CHECK_THROWS_AS(multiply(weights.view(), spectrum.view(), out.view(), stop), Cancelled);
    CHECK_THROWS_AS(static_cast<void>(dct_matrix(7, 4099, 2, DctNorm::ortho, stop)), Cancelled);
    CHECK(dct_matrix(7, 4099, 2, DctNorm::ortho)->rows == 7);  // what was stopped is in no cache
}

TEST_CASE("a product of many rows has the bits of single rows") {
    const auto weights = [](std::size_t rows, std::size_t cols) {
        Matrix<float> m(rows, cols);
        for (std::size_t i = 0; i < m.values.size(); ++i) {
            m.values[i] = static_cast<float>((i * 7919) % 1009) / 1009.0F - 0.5F;
        }
        return m;
    };
    const std::size_t cols = 200'000;  // eight rows are looked at a time
    const Matrix<float> m = weights(13, cols), x = weights(cols, 3);
    Matrix<float> all(13, 3), one(1, 3);
    multiply(m.view(), x.view(), all.view());
    for (std::size_t r = 0; r < m.rows; ++r) {
        multiply({&m(r, 0), 1, cols}, x.view(), one.view());
        CHECK(std::ranges::equal(all.view().row(r), one.view().row(0)));
    }
}

TEST_CASE("deltas of polynomials are exact, also at the ends") {
    Matrix<float> x(2, 15), first(2, 15), second(2, 15);
    for (std::size_t t = 0; t < 15; ++t) {
        const auto v = static_cast<float>(t);
        x(0, t) = 3.0F * v + 1.0F;
        x(1, t) = 0.5F * v * v;
    }
    delta(x.view(), 9, 1, first.view());
    delta(x.view(), 9, 2, second.view());
    for (std::size_t t = 0; t < 15; ++t) {
        CHECK(first(0, t) == doctest::Approx(3.0));
        CHECK(second(0, t) == doctest::Approx(0.0));
        CHECK(second(1, t) == doctest::Approx(1.0));
    }
    CHECK(first(1, 7) == doctest::Approx(7.0));
    CHECK(first(1, 0) == doctest::Approx(4.0));  // the slope of the fit to frames 0 … 8
    delta(x.view(), 9, 1, 2, first.view());       // a fit of degree 2 is exact for the parabola, also at the ends
    for (std::size_t t = 0; t < 15; ++t) {
        CHECK(first(1, t) == doctest::Approx(static_cast<double>(t)).epsilon(1e-5));
    }
    CHECK_THROWS_AS(delta(x.view(), 17, 1, first.view()), InvalidInputError);
    CHECK_THROWS_AS(delta(x.view(), 4, 1, first.view()), InvalidInputError);
    CHECK_THROWS_AS(delta(x.view(), 9, 9, first.view()), InvalidInputError);
}

TEST_CASE("long deltas look at the stop token") {
    const Matrix<float> x(1, 301);
    Matrix<float> out(1, 301);
    StopToken stop;
    stop.request_stop();
    for (const std::size_t degree : {1UL, 3UL}) {
        CHECK_THROWS_AS(delta(x.view(), 301, 1, degree, out.view(), stop), Cancelled);
    }
}

TEST_CASE("bad filterbanks are refused") {
    CHECK_THROWS_AS(MelFilterbank({.n_mels = 0}), InvalidInputError);
    CHECK_THROWS_AS(MelFilterbank({.fmin = 5000, .fmax = 4000}), InvalidInputError);
    CHECK_THROWS_AS(MelFilterbank({.fmin = -1}), InvalidInputError);
}
