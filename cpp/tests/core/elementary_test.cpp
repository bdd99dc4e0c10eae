#include "emotion/core/elementary.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;

TEST_CASE("exponentials agree with the library's to a few units in the last place") {
    std::vector<double> x;
    for (double v = -690; v <= 690; v += 0.37) {
        x.push_back(v);
    }
    std::vector<double> out(x.size());
    exponentials(x.data(), x.size(), out.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(std::abs(out[i] / std::exp(x[i]) - 1.0) < 1e-15);
    }
    const double extreme[] = {-1e300, 1e300, NAN};
    double ends[3];
    exponentials(extreme, 3, ends);
    CHECK(ends[0] < 1e-300);
    CHECK(std::isfinite(ends[1]));
    CHECK(std::isnan(ends[2]));
}

TEST_CASE("logarithms agree with the library's to a few units in the last place, near 1 too") {
    RandomStream stream(1, Purpose::test, 0);
    std::vector<double> x{1.0, 2.0, 0.5, 4.0, std::sqrt(0.5), std::sqrt(2.0), 1e-307, 1e308, 2.2250738585072014e-308};
    for (int i = 0; i < 20'000; ++i) {
        x.push_back(std::exp(1400 * stream.uniform() - 700));
        x.push_back(1.0 + 1e-3 * (stream.uniform() - 0.5));
        x.push_back(std::nextafter(1.0, i % 2 == 0 ? 0.0 : 2.0));
        x.push_back(1.0 + stream.uniform());
    }
    std::vector<double> out(x.size());
    logarithms(x.data(), x.size(), out.data());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = std::log(x[i]);
        worst = std::max(worst, expected == 0 ? std::abs(out[i]) : std::abs(out[i] / expected - 1.0));
    }
    CHECK(worst < 1e-15);
    logarithms(x.data(), x.size(), x.data());
    CHECK(std::equal(x.begin(), x.end(), out.begin()));
}
