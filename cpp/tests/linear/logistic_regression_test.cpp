#include "emotion/linear/logistic_regression.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::linear;

namespace {

struct Problem {
    Matrix<double> x;
    std::vector<std::int32_t> y;
};

Problem random_problem(std::size_t rows, std::size_t cols, std::size_t classes) {
    Problem p{Matrix<double>(rows, cols), std::vector<std::int32_t>(rows)};
    RandomStream stream(4, Purpose::test, 0);
    for (std::size_t r = 0; r < rows; ++r) {
        p.y[r] = static_cast<std::int32_t>(stream.below(classes));
        for (std::size_t c = 0; c < cols; ++c) {
            p.x(r, c) = stream.normal() + (c % classes == static_cast<std::size_t>(p.y[r]) ? 1.0 : 0.0);
        }
    }
    return p;
}

LogisticFit fit(const Problem& p, std::size_t classes, const LogisticOptions& options, int threads = 1, std::span<const double> weights = {}) {
    Parallel parallel(threads);
    StopToken stop;
    return fit_logistic(std::as_const(p.x).view(), p.y, weights, classes, options, parallel, stop);
}

}  // namespace

TEST_CASE("without columns that say anything the intercepts are the log odds of the classes") {
    // A column of zeros: the optimum is known in closed form.
    Problem p{Matrix<double>(10, 1), {0, 0, 0, 0, 0, 0, 0, 1, 1, 1}};
    LogisticOptions options;
    options.tol = 1e-10;
    const LogisticFit two = fit(p, 2, options);
    CHECK(two.converged);
    CHECK(two.model.intercept[0] == doctest::Approx(std::log(3.0 / 7.0)).epsilon(1e-9));
    CHECK(two.model.coef[0] == 0);
    p.y = {0, 0, 0, 0, 0, 1, 1, 1, 2, 2};
    const LogisticFit three = fit(p, 3, options);
    Matrix<double> proba(10, 3);
    predict_proba(three.model, std::as_const(p.x).view(), proba.view());
    CHECK(proba(0, 0) == doctest::Approx(0.5).epsilon(1e-9));
    CHECK(proba(0, 1) == doctest::Approx(0.3).epsilon(1e-9));
    CHECK(proba(0, 2) == doctest::Approx(0.2).epsilon(1e-9));
    options.balanced = true;
    predict_proba(fit(p, 3, options).model, std::as_const(p.x).view(), proba.view());
    CHECK(proba(0, 2) == doctest::Approx(1.0 / 3).epsilon(1e-9));
}

TEST_CASE("the gradient vanishes at the result: sum of residuals times x equals -coef / C") {
    const Problem p = random_problem(300, 6, 4);
    LogisticOptions options;
    options.c = 0.7;
    options.tol = 1e-10;
    options.max_iter = 1000;
    const LogisticFit result = fit(p, 4, options);
    REQUIRE(result.converged);
    Matrix<double> proba(300, 4);
    predict_proba(result.model, std::as_const(p.x).view(), proba.view());
    for (std::size_t k = 0; k < 4; ++k) {
        for (std::size_t j = 0; j <= 6; ++j) {
            double sum = 0;
            for (std::size_t r = 0; r < 300; ++r) {
                sum += (proba(r, k) - (static_cast<std::size_t>(p.y[r]) == k ? 1.0 : 0.0)) * (j < 6 ? p.x(r, j) : 1.0);
            }
            CHECK(std::abs(sum + (j < 6 ? result.model.coef[k * 6 + j] / options.c : 0.0)) < 1e-7);
        }
    }
}

TEST_CASE("equal bits for any number of threads") {
    for (const std::size_t classes : {2UL, 5UL, 8UL}) {
        const Problem p = random_problem(1500, 9, classes);
        const LogisticFit one = fit(p, classes, {});
        for (const int threads : {2, 7}) {
            const LogisticFit many = fit(p, classes, {}, threads);
            CHECK(many.model.coef == one.model.coef);
            CHECK(many.model.intercept == one.model.intercept);
        }
    }
}

TEST_CASE("weights act as copies; a start at the optimum ends at once; no intercept stays zero") {
    Problem p = random_problem(100, 3, 2);
    LogisticOptions options;
    options.tol = 1e-10;
    options.max_iter = 500;
    std::vector<double> weights(100, 1.0);
    weights[0] = 3;
    const LogisticFit weighted = fit(p, 2, options, 1, weights);
    Problem copies = p;
    for (int i = 0; i < 2; ++i) {
        for (std::size_t c = 0; c < 3; ++c) {
            copies.x.values.push_back(p.x(0, c));
        }
        ++copies.x.rows;
        copies.y.push_back(p.y[0]);
    }
    const LogisticFit copied = fit(copies, 2, options);
    for (std::size_t j = 0; j < 3; ++j) {
        CHECK(weighted.model.coef[j] == doctest::Approx(copied.model.coef[j]).epsilon(1e-7));
    }
    Parallel parallel(1);
    StopToken stop;
    const LogisticFit again = fit_logistic(std::as_const(p.x).view(), p.y, weights, 2, options, parallel, stop, &weighted.model);
    CHECK(again.n_iter == 0);
    options.fit_intercept = false;
    CHECK(fit(p, 2, options).model.intercept[0] == 0);
}

TEST_CASE("probabilities stay numbers for huge scores") {
    const LogisticModel two{2, 1, {1e6}, {0}};
    const LogisticModel three{3, 1, {1e6, 0, -1e6}, {0, 0, 0}};
    Matrix<double> x(2, 1);
    x.values = {1, -1};
    Matrix<double> proba(2, 2);
    predict_proba(two, std::as_const(x).view(), proba.view());
    CHECK(proba.values == std::vector<double>{0, 1, 1, 0});
    Matrix<double> proba3(2, 3);
    predict_proba(three, std::as_const(x).view(), proba3.view());
    CHECK(proba3.values == std::vector<double>{1, 0, 0, 0, 0, 1});
}

TEST_CASE("models whose arrays do not fit are refused") {
    CHECK_NOTHROW(validate(LogisticModel{2, 2, {1, 2}, {0}}));
    CHECK_THROWS_AS(validate(LogisticModel{3, 2, {1, 2}, {0}}), ModelFormatError);
    CHECK_THROWS_AS(validate(LogisticModel{2, 2, {1, NAN}, {0}}), ModelFormatError);
    CHECK_THROWS_AS(validate(LogisticModel{1, 2, {1, 2}, {0}}), ModelFormatError);
    CHECK_THROWS_AS(validate(LogisticModel{2, std::numeric_limits<std::size_t>::max(), {1, 2}, {0}}), ModelFormatError);
}

TEST_CASE("a requested stop ends the fit") {
    const Problem p = random_problem(300, 6, 4);
    Parallel parallel(1);
    StopToken stop;
    stop.request_stop();
    CHECK_THROWS_AS(fit_logistic(std::as_const(p.x).view(), p.y, {}, 4, {}, parallel, stop), Cancelled);
}
