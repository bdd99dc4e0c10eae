#include "../../src/linear/softmax_loss.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using linear::softmax_residuals;

TEST_CASE("losses and derivatives agree with the definition, and lanes past the outputs are 0") {
    RandomStream stream(5, Purpose::test, 3);
    for (const std::size_t n : {1UL, 63UL, 200UL}) {
        for (const double scale : {1e-9, 1.0, 40.0}) {
            const std::size_t outputs = 3;
            const std::size_t lanes = 4;
            std::vector<double> scores(n * lanes);
            std::vector<std::int32_t> labels(n);
            std::vector<double> weights(n);
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t c = 0; c < outputs; ++c) {
                    scores[i * lanes + c] = scale * stream.normal();
                }
                labels[i] = static_cast<std::int32_t>(i % outputs);
                weights[i] = static_cast<double>(i % 4) / 2;
            }
            auto found = scores;
            const double sum = softmax_residuals(found.data(), labels.data(), weights.data(), n, outputs, lanes);
            double expected = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const double* const z = scores.data() + i * lanes;
                const double top = *std::max_element(z, z + outputs);
                double total = 0;
                for (std::size_t c = 0; c < outputs; ++c) {
                    total += std::exp(z[c] - top);
                }
                expected += weights[i] * (top + std::log(total) - z[labels[i]]);
                for (std::size_t c = 0; c < outputs; ++c) {
                    const double own = static_cast<std::int32_t>(c) == labels[i] ? 1.0 : 0.0;
                    const double derivative = weights[i] * (std::exp(z[c] - top) / total - own);
                    CHECK(std::abs(found[i * lanes + c] - derivative) <= 1e-14 * weights[i]);  // a difference of numbers of up to the weight
                }
                CHECK(found[i * lanes + 3] == 0);
            }
            CHECK(std::abs(sum - expected) <= 1e-13 * std::max(expected, 1.0));
        }
    }
}

TEST_CASE("far scores saturate; what is no number stays none") {
    const double inf = std::numeric_limits<double>::infinity();
    const std::int32_t label = 1;
    const double weight = 2;
    std::vector<double> row = {-1e6, 1e6, 0, 0};
    CHECK(softmax_residuals(row.data(), &label, &weight, 1, 4, 4) == 0);
    CHECK(std::abs(row[1]) <= 1e-300);
    row = {1e6, -1e6, 0, 0};
    CHECK(softmax_residuals(row.data(), &label, &weight, 1, 4, 4) == 4e6);
    CHECK(row[0] == 2);
    CHECK(row[1] == doctest::Approx(-2));
    for (const double bad : {inf, std::nan("")}) {
        row = {0, 1, bad, 0};
        CHECK(std::isnan(softmax_residuals(row.data(), &label, &weight, 1, 4, 4)));
    }
}
