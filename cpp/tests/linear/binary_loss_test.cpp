#include "../../src/linear/binary_loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using linear::binary_residuals;

TEST_CASE("losses and derivatives agree with the mathematical library, whatever the sign, the size and the number of rows") {
    RandomStream stream(5, Purpose::test, 1);
    for (const std::size_t n : {1UL, 7UL, 8UL, 203UL}) {
        for (const double scale : {1e-12, 0.01, 1.0, 30.0, 300.0}) {
            std::vector<double> scores(n);
            std::vector<double> weights(n);
            std::vector<std::int32_t> labels(n);
            for (std::size_t i = 0; i < n; ++i) {
                scores[i] = i == 0 ? 0 : scale * stream.normal();
                weights[i] = 0.5 + static_cast<double>(i % 3);
                labels[i] = static_cast<std::int32_t>(i % 2);
            }
            auto found = scores;
            const double sum = binary_residuals(found.data(), labels.data(), weights.data(), n);
            double expected = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const double z = labels[i] == 1 ? scores[i] : -scores[i];
                const double e = std::exp(-std::abs(z));
                expected += weights[i] * (std::max(-z, 0.0) + std::log1p(e));
                const double wrong = z >= 0 ? e / (1 + e) : 1 / (1 + e);
                const double derivative = weights[i] * (labels[i] == 1 ? -wrong : wrong);
                CHECK(std::abs(found[i] - derivative) <= 1e-15 * std::abs(derivative));  // 4 units in the last place, and 2 of the library
            }
            CHECK(std::abs(sum - expected) <= 1e-14 * expected);
        }
    }
}

TEST_CASE("one row alone has the bits that it has among others") {
    std::vector<double> scores = {-3, 0.5, 2, 7, -0.1, 1e-3, 40, -900, 12, 0.7};
    const std::vector<std::int32_t> labels = {0, 1, 1, 0, 1, 0, 1, 1, 0, 1};
    const std::vector<double> weights(10, 1.25);
    auto together = scores;
    binary_residuals(together.data(), labels.data(), weights.data(), 10);
    for (std::size_t i = 0; i < 10; ++i) {
        binary_residuals(&scores[i], &labels[i], &weights[i], 1);
        CHECK(scores[i] == together[i]);
    }
}

TEST_CASE("far scores saturate; what is no number stays none") {
    const double inf = std::numeric_limits<double>::infinity();
    const std::int32_t label = 1;
    const double weight = 2;
    double score = 1e5;
    CHECK(binary_residuals(&score, &label, &weight, 1) < 1e-300);
    CHECK(std::abs(score) < 1e-300);
    score = -1e5;
    CHECK(binary_residuals(&score, &label, &weight, 1) == 2e5);
    CHECK(score == -2);
    score = -inf;
    CHECK(binary_residuals(&score, &label, &weight, 1) == inf);
    score = std::nan("");
    CHECK(std::isnan(binary_residuals(&score, &label, &weight, 1)));
}
