#include "emotion/linear/lbfgs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using emotion::linear::minimize_lbfgs;

TEST_CASE("a badly scaled quadratic ends at its centre") {
    std::vector<double> x(20, 5.0);
    const auto result = minimize_lbfgs(x, [](const std::vector<double>& p, std::vector<double>& g) {
        double value = 0;
        for (std::size_t i = 0; i < p.size(); ++i) {
            const double scale = std::pow(10.0, static_cast<double>(i % 5));
            const double d = p[i] - static_cast<double>(i);
            value += 0.5 * scale * d * d;
            g[i] = scale * d;
        }
        return value;
    }, {1e-9, 500});
    CHECK(result.converged);
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(x[i] == doctest::Approx(static_cast<double>(i)).epsilon(1e-8));
    }
}

TEST_CASE("Rosenbrock's valley, not convex, is followed to (1, 1)") {
    std::vector<double> x = {-1.2, 1};
    const auto result = minimize_lbfgs(x, [](const std::vector<double>& p, std::vector<double>& g) {
        const double a = 1 - p[0];
        const double b = p[1] - p[0] * p[0];
        g = {-2 * a - 400 * p[0] * b, 200 * b};
        return a * a + 100 * b * b;
    }, {1e-10, 200});
    CHECK(result.converged);
    CHECK(x[0] == doctest::Approx(1).epsilon(1e-9));
    CHECK(x[1] == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("a wall of infinities is stepped back from") {
    std::vector<double> x = {0.1};  // x - log(x), infinite for x <= 0, has its minimum at 1
    const auto result = minimize_lbfgs(x, [](const std::vector<double>& p, std::vector<double>& g) {
        g[0] = 1 - 1 / p[0];
        return p[0] > 0 ? p[0] - std::log(p[0]) : INFINITY;
    }, {1e-10, 100});
    CHECK(result.converged);
    CHECK(x[0] == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("a start where the function is no number is no end that was looked for") {
    std::vector<double> x = {2};
    const auto result = minimize_lbfgs(x, [](const std::vector<double>&, std::vector<double>& g) {
        g[0] = std::nan("");
        return std::nan("");
    }, {1e-4, 100});
    CHECK_FALSE(result.converged);
    CHECK(result.n_iter == 0);
    CHECK(x[0] == 2);
}

TEST_CASE("max_iter ends the search, at zero before the first step") {
    std::vector<double> x = {4};
    const auto square = [](const std::vector<double>& p, std::vector<double>& g) {
        g[0] = 4 * std::pow(p[0], 3);
        return std::pow(p[0], 4);
    };
    CHECK_FALSE(minimize_lbfgs(x, square, {1e-12, 0}).converged);
    CHECK(x[0] == 4);
    const auto result = minimize_lbfgs(x, square, {1e-12, 2});
    CHECK(result.n_iter == 2);
    CHECK_FALSE(result.converged);
}
