#include "emotion/calibration/temperature.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::calibration;
using Codes = std::vector<std::int64_t>;

TEST_CASE("two classes, one confidence: the closed form") {
    // Every row says (0.9, 0.1) and three of four are right: the calibrated value is 0.75, so T = log(9) / log(3) = 2.
    Matrix<double> p(4, 2);
    for (std::size_t i = 0; i < 4; ++i) {
        p(i, 0) = 0.9;
        p(i, 1) = 0.1;
    }
    const double t = fit_temperature(p.view(), Codes{0, 0, 0, 1}, {});
    CHECK(t == doctest::Approx(2.0).epsilon(1e-9));
    Matrix<double> out(4, 2);
    apply_temperature(p.view(), t, out.view());
    CHECK(out(0, 0) == doctest::Approx(0.75).epsilon(1e-9));
    // A weight of 3 on one right row instead of three rows.
    CHECK(fit_temperature(MatrixView<const double>(p.values.data(), 2, 2), Codes{0, 1}, std::vector<double>{3, 1}) == doctest::Approx(2.0).epsilon(1e-9));
}

TEST_CASE("separable, anti-correlated, constant and absent rows stay bounded") {
    Matrix<double> p(2, 2);
    p(0, 0) = p(1, 1) = 0.8;
    p(0, 1) = p(1, 0) = 0.2;
    CHECK(fit_temperature(p.view(), Codes{0, 1}, {}) == min_temperature);
    CHECK(fit_temperature(p.view(), Codes{1, 0}, {}) == max_temperature);
    CHECK(fit_temperature(Matrix<double>(3, 4, 0.25).view(), Codes{0, 1, 2}, {}) == 1.0);
    CHECK(fit_temperature(Matrix<double>(0, 4).view(), Codes{}, {}) == 1.0);
    CHECK(fit_temperature(p.view(), Codes{0, 1}, std::vector<double>{0, 0}) == 1.0);
}

TEST_CASE("the true temperature is found again") {
    RandomStream stream(4, Purpose::test, 0);
    constexpr std::size_t n = 20000;
    Matrix<double> p(n, 3);
    Codes y(n);
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (double& v : p.row(i)) {
            v = std::exp(stream.normal());
            sum += v;
        }
        double u = stream.uniform() * sum;
        y[i] = 2;
        for (std::size_t k = 0; k < 3; ++k) {
            if (u < p(i, k)) {
                y[i] = static_cast<std::int64_t>(k);
                break;
            }
            u -= p(i, k);
        }
        double sharp = 0;
        for (double& v : p.row(i)) {
            v = std::pow(v / sum, 2.5);  // overconfident by a temperature of 2.5
            sharp += v;
        }
        for (double& v : p.row(i)) {
            v /= sharp;
        }
    }
    CHECK(fit_temperature(p.view(), y, {}) == doctest::Approx(2.5).epsilon(0.05));  // three standard errors of 20,000 rows
}

TEST_CASE("order is kept, NaN stays NaN, exact zeros are allowed, temperature 0 is refused") {
    Matrix<double> p(2, 3);
    p(0, 0) = 0.7;
    p(0, 1) = 0.3;
    p(1, 0) = std::nan("");
    apply_temperature(p.view(), 3.0, p.view());
    CHECK(p(0, 0) > p(0, 1));
    CHECK(p(0, 1) > p(0, 2));
    CHECK(p(0, 0) + p(0, 1) + p(0, 2) == doctest::Approx(1.0));
    CHECK(std::isnan(p(1, 1)));
    CHECK_THROWS_AS(apply_temperature(p.view(), 0.0, p.view()), InvalidInputError);
}
