#include "emotion/calibration/sigmoid.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/calibration/temperature.hpp"

using namespace emotion;
using namespace emotion::calibration;
using Codes = std::vector<std::int64_t>;

TEST_CASE("a = -1, b = 0 is the identity for two classes") {
    Matrix<double> p(1, 2);
    p(0, 0) = 0.3;
    p(0, 1) = 0.7;
    Matrix<double> out(1, 2);
    apply_sigmoid(p.view(), std::vector<double>{-1, -1}, std::vector<double>{0, 0}, out.view());
    CHECK(out(0, 0) == doctest::Approx(0.3));
    CHECK(out(0, 1) == doctest::Approx(0.7));
}

TEST_CASE("two distinct log-odds: the fit meets Platt's mean target at each, exactly") {
    // Ten rows at 0.8 (8 of class 0), ten at 0.2 (2 of class 0). With two parameters and two values the minimum meets the mean targets.
    Matrix<double> p(20, 2);
    Codes y(20);
    for (std::size_t i = 0; i < 20; ++i) {
        p(i, 0) = i < 10 ? 0.8 : 0.2;
        p(i, 1) = 1 - p(i, 0);
        y[i] = (i < 8 || i >= 18) ? 0 : 1;
    }
    const auto fit = fit_sigmoid(p.view(), y, {});
    const double mean_target = (8 * 11.0 / 12.0 + 2 * 1.0 / 12.0) / 10;
    const double s = 1 / (1 + std::exp(fit.a[0] * std::log(4.0) + fit.b[0]));
    CHECK(s == doctest::Approx(mean_target).epsilon(1e-9));
    CHECK(fit.a[1] == doctest::Approx(fit.a[0]).epsilon(1e-9));
    CHECK(fit.b[1] == doctest::Approx(-fit.b[0]).epsilon(1e-9));
}

TEST_CASE("separable, constant, absent classes and no rows give finite maps") {
    Matrix<double> p(4, 3);
    for (std::size_t i = 0; i < 4; ++i) {
        p(i, i < 2 ? 0 : 1) = 1.0;
    }
    for (const Codes& y : {Codes{0, 0, 1, 1}, Codes{1, 1, 0, 0}, Codes{0, 0, 0, 0}}) {
        const auto fit = fit_sigmoid(p.view(), y, {});
        Matrix<double> out(4, 3);
        apply_sigmoid(p.view(), fit.a, fit.b, out.view());
        for (std::size_t i = 0; i < 4; ++i) {
            double sum = 0;
            for (const double v : out.row(i)) {
                CHECK(v >= 0);
                sum += v;
            }
            CHECK(sum == doctest::Approx(1.0));
        }
    }
    const auto constant = fit_sigmoid(Matrix<double>(6, 2, 0.5).view(), Codes{0, 0, 0, 0, 1, 1}, {});
    CHECK(1 / (1 + std::exp(constant.b[0])) == doctest::Approx((4 * 5.0 / 6.0 + 2 * 1.0 / 4.0) / 6));
    const auto none = fit_sigmoid(Matrix<double>(0, 2).view(), Codes{}, {});
    CHECK(none.a == std::vector<double>{-1, -1});
    CHECK(none.b == std::vector<double>{0, 0});
}
