#include "emotion/calibration/prior.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::calibration;
using Values = std::vector<double>;

TEST_CASE("Bayes' rule by hand") {
    // Two classes as likely in training, 9 to 1 in use: (0.4, 0.6) becomes 0.4 * 1.8 : 0.6 * 0.2 = 6 : 1.
    Matrix<double> p(3, 2);
    p.values = {0.4, 0.6, 1.0, 0.0, std::nan(""), 0.5};
    Matrix<double> q(3, 2);
    correct_priors(p.view(), Values{1, 1}, Values{90, 10}, q.view());
    CHECK(q(0, 0) == doctest::Approx(6.0 / 7).epsilon(1e-15));
    CHECK(q(0, 1) == doctest::Approx(1.0 / 7).epsilon(1e-15));
    CHECK(q(1, 0) == 1.0);
    CHECK(q(1, 1) == 0.0);
    CHECK(std::isnan(q(2, 0)));
    CHECK(std::isnan(q(2, 1)));
    correct_priors(q.view(), Values{90, 10}, Values{5, 5}, q.view());  // and back, in place
    CHECK(q(0, 0) == doctest::Approx(0.4).epsilon(1e-14));
}

TEST_CASE("classes without a prior, and rows without a probability") {
    Matrix<double> p(3, 3);
    p.values = {0.2, 0.3, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0};
    Matrix<double> q(3, 3);
    correct_priors(p.view(), Values{1, 1, 0}, Values{1, 1, 2}, q.view());  // the last class was never trained
    CHECK(q(0, 0) == doctest::Approx(0.4));
    CHECK(q(0, 2) == 0.0);
    CHECK(q(1, 0) == 0.5);
    CHECK(q(1, 2) == 0.0);
    CHECK(q(2, 1) == 0.5);
    correct_priors(p.view(), Values{1, 1, 1}, Values{3, 1, 0}, q.view());  // the last class does not occur
    CHECK(q(1, 0) == 0.75);
    CHECK(q(1, 2) == 0.0);
    correct_priors(p.view(), Values{1, 0, 0}, Values{0, 1, 1}, q.view());  // nothing in common
    CHECK(q(0, 1) == 0.5);
}

TEST_CASE("what is refused") {
    Matrix<double> p(1, 2, 0.5);
    Matrix<double> narrow(1, 1);
    const Values even{1, 1};
    for (const Values& bad : {Values{1}, Values{1, -1}, Values{0, 0}, Values{NAN, 1}, Values{INFINITY, 1}, Values{1e308, 1e308}}) {
        CHECK_THROWS_AS(correct_priors(p.view(), bad, even, p.view()), InvalidInputError);
        CHECK_THROWS_AS(correct_priors(p.view(), even, bad, p.view()), InvalidInputError);
    }
    CHECK_THROWS_AS(correct_priors(p.view(), even, even, narrow.view()), InvalidInputError);
    CHECK_NOTHROW(validate_priors(even, 2, "priors", "here"));
}
