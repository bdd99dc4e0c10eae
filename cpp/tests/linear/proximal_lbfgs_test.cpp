#include "emotion/linear/proximal_lbfgs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"

using emotion::linear::largest_subgradient;
using emotion::linear::minimize_proximal_lbfgs;

namespace {

// 1/2 sum_j scale_j (x_j - centre_j)^2: with l1 |x_j| its minimiser is centre_j moved towards 0 by l1 / scale_j, at most to 0.
struct Quadratic {
    std::vector<double> scale, centre;
    double operator()(const std::vector<double>& x, std::vector<double>& g) const {
        double value = 0;
        for (std::size_t j = 0; j < x.size(); ++j) {
            const double d = x[j] - centre[j];
            value += 0.5 * scale[j] * d * d;
            g[j] = scale[j] * d;
        }
        return value;
    }
};

Quadratic badly_scaled(std::size_t n) {
    Quadratic q;
    for (std::size_t j = 0; j < n; ++j) {
        q.scale.push_back(std::pow(10.0, static_cast<double>(j % 5)));
        q.centre.push_back(static_cast<double>(j) - 8.0);
    }
    return q;
}

}  // namespace

TEST_CASE("a separable quadratic with absolute values ends at the soft threshold of its centre, zeros exact") {
    const Quadratic q = badly_scaled(20);
    const std::vector<double> l1(20, 6.5);
    std::vector<double> x(20, 5.0);
    const auto result = minimize_proximal_lbfgs(x, l1, q, {1e-8, 500});
    CHECK(result.converged);
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double shrunk = std::max(std::abs(q.centre[j]) - l1[j] / q.scale[j], 0.0) * (q.centre[j] < 0 ? -1 : 1);
        CHECK(x[j] == doctest::Approx(shrunk).epsilon(1e-7));  // 1e-8 of subgradient over a curvature of 1
        CHECK((x[j] == 0) == (shrunk == 0));
    }
    std::vector<double> gradient(20);
    const double smooth = q(x, gradient);
    CHECK(largest_subgradient(x, gradient, l1) <= 1e-8);
    CHECK(result.value >= smooth);
}

TEST_CASE("without absolute values it is a smooth minimiser") {
    const Quadratic q = badly_scaled(20);
    std::vector<double> x(20, 5.0);
    CHECK(minimize_proximal_lbfgs(x, std::vector<double>(20, 0.0), q, {1e-9, 500}).converged);
    for (std::size_t j = 0; j < x.size(); ++j) {
        CHECK(x[j] == doctest::Approx(q.centre[j]).epsilon(1e-8));
    }
}

TEST_CASE("a coupled quadratic: two coordinates whose optimum is known by hand") {
    // f = x^2 + y^2 + x y - 4 x - 3 y + 1 (|x| + |y|): 2x + y = 3, 2y + x = 2 for positive signs: (4/3, 1/3).
    std::vector<double> x = {-1, 0};
    const auto result = minimize_proximal_lbfgs(x, std::vector<double>{1, 1}, [](const std::vector<double>& p, std::vector<double>& g) {
        g = {2 * p[0] + p[1] - 4, 2 * p[1] + p[0] - 3};
        return p[0] * p[0] + p[1] * p[1] + p[0] * p[1] - 4 * p[0] - 3 * p[1];
    }, {1e-12, 100});
    CHECK(result.converged);
    CHECK(x[0] == doctest::Approx(4.0 / 3).epsilon(1e-10));
    CHECK(x[1] == doctest::Approx(1.0 / 3).epsilon(1e-10));
}

TEST_CASE("weights above every gradient keep zero at zero; max_iter ends a run") {
    const Quadratic q{{1, 1}, {3, -2}};
    std::vector<double> x(2, 0.0);
    const auto at_once = minimize_proximal_lbfgs(x, std::vector<double>{4, 4}, q, {1e-9, 10});
    CHECK(at_once.converged);
    CHECK(at_once.n_iter == 0);
    CHECK(x == std::vector<double>{0, 0});
    const Quadratic hard = badly_scaled(20);
    std::vector<double> y(20, 5.0);
    const auto cut = minimize_proximal_lbfgs(y, std::vector<double>(20, 1.0), hard, {1e-12, 1});
    CHECK(cut.n_iter == 1);
    CHECK_FALSE(cut.converged);
}

TEST_CASE("walls of infinity are met by shorter steps") {
    // -log x + |x| has its minimum at 1.
    std::vector<double> x = {1e-3};
    const auto result = minimize_proximal_lbfgs(x, std::vector<double>{1}, [](const std::vector<double>& p, std::vector<double>& g) {
        g[0] = -1 / p[0];
        return p[0] > 0 ? -std::log(p[0]) : HUGE_VAL;
    }, {1e-10, 200});
    CHECK(result.converged);
    CHECK(x[0] == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("what is called between sweeps may end a run") {
    std::vector<double> x(20, 5.0);
    int calls = 0;
    const auto check = [&] {
        if (++calls == 3) {
            throw emotion::Cancelled();
        }
    };
    CHECK_THROWS_AS(minimize_proximal_lbfgs(x, std::vector<double>(20, 1.0), badly_scaled(20), {1e-8, 100}, check), emotion::Cancelled);
    CHECK(calls == 3);
}
