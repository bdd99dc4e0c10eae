#include "emotion/audio/formants.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

using Root = std::complex<double>;

// z^n + a[0] z^(n-1) + … of the given roots, which come in conjugate pairs or are real.
std::vector<double> polynomial_of(const std::vector<Root>& roots) {
    std::vector<Root> c{1.0};
    for (const Root& root : roots) {
        c.push_back(0.0);
        for (std::size_t i = c.size() - 1; i > 0; --i) {
            c[i] -= root * c[i - 1];
        }
    }
    std::vector<double> real;
    for (std::size_t i = 1; i < c.size(); ++i) {
        real.push_back(c[i].real());
    }
    return real;
}

// The level in decibels of a cascade of resonances of a voice: a source that falls by 12 dB an octave and a radiation that rises by 6.
double tract_db(double hz, const std::array<double, 5>& formants, const std::array<double, 5>& widths) {
    double db = -20.0 * std::log10(hz / 100.0);
    for (std::size_t i = 0; i < formants.size(); ++i) {
        const double radius = std::exp(-std::numbers::pi * widths[i] / 11'000.0);
        const Root z = std::polar(1.0, 2.0 * std::numbers::pi * hz / 11'000.0);
        const Root pole = std::polar(radius, 2.0 * std::numbers::pi * formants[i] / 11'000.0);
        db -= 20.0 * std::log10(std::abs((z - pole) * (z - std::conj(pole))));
    }
    return db;
}

}  // namespace

TEST_CASE("the roots of eight polynomials come out, each independent of its neighbours") {
    constexpr std::size_t n = 10;
    std::array<std::vector<Root>, 8> roots;
    std::vector<float> a(n * 8), re(n * 8), im(n * 8);
    for (std::size_t l = 0; l < 8; ++l) {
        for (std::size_t i = 0; i < 4; ++i) {
            const double angle = 0.2 + 0.65 * static_cast<double>(i) + 0.03 * static_cast<double>(l), radius = 0.97 - 0.04 * static_cast<double>(i);
            roots[l].push_back(std::polar(radius, angle));
            roots[l].push_back(std::polar(radius, -angle));
        }
        roots[l].emplace_back(0.9 - 0.05 * static_cast<double>(l));
        roots[l].emplace_back(-0.7);
        const auto c = polynomial_of(roots[l]);
        for (std::size_t i = 0; i < n; ++i) {
            a[i * 8 + l] = static_cast<float>(c[i]);
        }
    }
    polynomial_roots(a.data(), n, re.data(), im.data());
    for (std::size_t l = 0; l < 8; ++l) {
        for (const Root& root : roots[l]) {
            double nearest = 1.0;
            for (std::size_t i = 0; i < n; ++i) {
                nearest = std::min(nearest, std::abs(root - Root(static_cast<double>(re[i * 8 + l]), static_cast<double>(im[i * 8 + l]))));
            }
            CHECK(nearest < 1e-4);
        }
    }
    std::vector<float> alone(n * 8), alone_re(n * 8), alone_im(n * 8);
    for (std::size_t i = 0; i < n * 8; ++i) {
        alone[i] = a[i / 8 * 8 + 3];
    }
    polynomial_roots(alone.data(), n, alone_re.data(), alone_im.data());
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(alone_re[i * 8] == re[i * 8 + 3]);
        CHECK(alone_im[i * 8] == im[i * 8 + 3]);
    }
}

TEST_CASE("the roots of any predictor of a stable filter multiply to it") {
    // Estimates that meet by chance were lost once in 500 polynomials, and settled nowhere near a root.
    constexpr std::size_t n = 13;
    RandomStream random(3, Purpose::test, 1);
    for (std::size_t round = 0; round < 1000; ++round) {
        std::vector<float> a(n * 8), re(n * 8), im(n * 8);
        for (std::size_t l = 0; l < 8; ++l) {
            std::vector<double> filter{1.0};
            for (std::size_t i = 1; i <= n; ++i) {
                const double k = 0.7 * std::sin(2.0 * random.normal());
                filter.push_back(0.0);
                const std::vector<double> last = filter;
                for (std::size_t j = 1; j <= i; ++j) {
                    filter[j] = last[j] + k * last[i - j];
                }
            }
            for (std::size_t i = 0; i < n; ++i) {
                a[i * 8 + l] = static_cast<float>(filter[i + 1]);
            }
        }
        polynomial_roots(a.data(), n, re.data(), im.data());
        for (std::size_t l = 0; l < 8; ++l) {
            std::vector<Root> roots;
            for (std::size_t i = 0; i < n; ++i) {
                roots.emplace_back(static_cast<double>(re[i * 8 + l]), static_cast<double>(im[i * 8 + l]));
            }
            const std::vector<double> product = polynomial_of(roots);
            for (std::size_t i = 0; i < n; ++i) {
                CHECK(std::fabs(product[i] - static_cast<double>(a[i * 8 + l])) < 1e-3);
            }
        }
    }
}

TEST_CASE("harmonics are found with their frequencies and levels between the bins") {
    // Gaussian peaks, parabolas in decibels, at multiples of 203.7 Hz; the guess of the pitch is one per cent off.
    constexpr double bin_hz = 15.625, f0 = 203.7;
    std::vector<float> level(360);
    for (std::size_t k = 0; k < level.size(); ++k) {
        const double harmonic = std::max(1.0, std::round(static_cast<double>(k) * bin_hz / f0));
        const double distance = (static_cast<double>(k) * bin_hz - harmonic * f0) / bin_hz;
        level[k] = static_cast<float>(-harmonic - 4.0 * distance * distance);
    }
    std::array<Harmonic, 40> found;
    const std::size_t n = find_harmonics(level.data(), 1, level.size(), bin_hz, f0 * 1.01, 5500.0, found);
    REQUIRE(n == 26);
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(static_cast<double>(found[i].frequency_hz) == doctest::Approx(f0 * static_cast<double>(i + 1)).epsilon(1e-4));
        CHECK(static_cast<double>(found[i].level_db) == doctest::Approx(-static_cast<double>(i + 1)).epsilon(1e-3));
    }
}

TEST_CASE("resonances are recovered from the harmonics of a tract") {
    const FormantModel& model = FormantModel::get();
    constexpr std::array<double, 5> widths{60, 90, 120, 175, 250};
    const std::array<std::array<double, 5>, 3> vowels{{{730, 1090, 2440, 3500, 4500}, {270, 2290, 3010, 3500, 4500}, {490, 1350, 1690, 3500, 4500}}};
    for (const auto& vowel : vowels) {
        std::vector<double> r((FormantModel::order + 1) * 8);
        std::vector<float> a(FormantModel::order * 8);
        std::array<double, 8> pitch{};
        for (std::size_t l = 0; l < 8; ++l) {
            pitch[l] = 80.0 + 20.0 * static_cast<double>(l);
            std::vector<Harmonic> harmonics;
            for (double f = pitch[l]; f < 5500.0; f += pitch[l]) {
                harmonics.push_back({static_cast<float>(f), static_cast<float>(tract_db(f, vowel, widths)), -200.0F});
            }
            model.correlate(harmonics, r.data() + l, 8);
        }
        FormantModel::predict(r.data(), a.data());
        std::array<Resonances, 8> frames;
        model.resonances(a.data(), frames);
        std::array<Formants, 8> path;
        track_formants(frames, path);
        for (std::size_t l = 0; l < 8; ++l) {
            for (std::size_t i = 0; i < 3; ++i) {
                CAPTURE(vowel[i]);
                CAPTURE(pitch[l]);
                // A formant lies between two harmonics: half their distance is what the sampling of the tract leaves open.
                CHECK(std::fabs(static_cast<double>(path[l].frequency_hz[i]) - vowel[i]) < 0.35 * pitch[l] + 0.02 * vowel[i]);
                CHECK(path[l].bandwidth_hz[i] > 0.0F);
                CHECK(path[l].bandwidth_hz[i] < 600.0F);
            }
        }
    }
}

TEST_CASE("the path keeps to a formant through a frame with a false one and a frame with too few") {
    std::array<Resonances, 5> frames;
    for (Resonances& frame : frames) {
        frame = {4, {500, 1500, 2500, 3500, 0}, {60, 90, 120, 200, 0}};
    }
    frames[2] = {5, {500, 1000, 1500, 2500, 3500}, {60, 500, 90, 120, 200}};
    frames[3] = {1, {505, 0, 0, 0, 0}, {60, 0, 0, 0, 0}};
    std::array<Formants, 5> path;
    track_formants(frames, path);
    for (const std::size_t t : {0UL, 1UL, 2UL, 4UL}) {
        CHECK(path[t].frequency_hz == std::array<float, 3>{500, 1500, 2500});
    }
    CHECK(std::ranges::is_sorted(path[3].frequency_hz));
    track_formants({}, {});
}
