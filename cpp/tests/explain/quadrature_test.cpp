#include "../../src/explain/quadrature.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace emotion::explain {
namespace {

TEST_CASE("monomials below twice the number of points are integrated exactly") {
    for (const std::size_t n : {1U, 2U, 3U, 8U, 40U}) {
        const Quadrature rule = gauss_legendre(n);
        REQUIRE(rule.at.size() == n);
        for (std::size_t degree = 0; degree < 2 * n; ++degree) {
            double sum = 0;
            for (std::size_t q = 0; q < n; ++q) {
                sum += rule.weight[q] * std::pow(rule.at[q], static_cast<double>(degree));
            }
            CHECK(sum == doctest::Approx(1.0 / (static_cast<double>(degree) + 1)).epsilon(1e-12));
        }
    }
}

TEST_CASE("points lie inside, ascend, and keep their complements") {
    const Quadrature rule = gauss_legendre(12);
    for (std::size_t q = 0; q < 12; ++q) {
        CHECK(rule.at[q] > (q == 0 ? 0.0 : rule.at[q - 1]));
        CHECK(rule.at[q] + rule.complement[q] == doctest::Approx(1.0).epsilon(1e-15));
        CHECK(rule.weight_cold[q] == doctest::Approx(rule.weight[q] / rule.complement[q]).epsilon(1e-15));
    }
}

}  // namespace
}  // namespace emotion::explain
