#include "../../src/linear/products.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;

namespace {

std::vector<double> random_values(std::size_t n, std::uint64_t index) {
    RandomStream stream(4, Purpose::test, index);
    std::vector<double> values(n);
    for (double& v : values) {
        v = stream.normal();
    }
    return values;
}

}  // namespace

TEST_CASE("lanes are the outputs, padded to whole groups") {
    for (std::size_t n = 1; n <= 33; ++n) {
        const std::size_t lanes = linear::padded_lanes(n);
        CHECK(lanes >= n);
        CHECK(lanes < n + 16);
        CHECK(linear::padded_lanes(lanes) == lanes);
    }
}

TEST_CASE("both products equal plain sums in the documented order, bit for bit, and add to what is there") {
    for (const std::size_t outputs : {1UL, 3UL, 8UL, 9UL}) {
        for (const std::size_t rows : {1UL, 5UL, 37UL}) {
            for (const std::size_t features : {1UL, 4UL, 19UL}) {
                const std::size_t lanes = linear::padded_lanes(outputs);
                const auto x = random_values(rows * features, 1);
                const auto coef = random_values(features * lanes, 2);
                const auto residuals = random_values(rows * lanes, 3);
                const auto start_scores = random_values(rows * lanes, 4);
                const auto start_gradient = random_values(features * lanes, 5);

                auto scores = start_scores;
                const bool one = lanes == 1;
                one ? linear::add_product(x.data(), rows, features, coef.data(), scores.data())
                    : linear::add_product(x.data(), rows, features, coef.data(), lanes, scores.data());
                auto gradient = start_gradient;
                one ? linear::add_transposed_product(x.data(), rows, features, residuals.data(), gradient.data())
                    : linear::add_transposed_product(x.data(), rows, features, residuals.data(), lanes, gradient.data());

                for (std::size_t r = 0; r < rows; ++r) {
                    for (std::size_t k = 0; k < lanes; ++k) {
                        double sums[4] = {start_scores[r * lanes + k], 0, 0, 0};
                        for (std::size_t f = 0; f < features; ++f) {
                            const bool dealt = lanes == 1 && f < features / 4 * 4;  // a single output deals its features to four sums
                            sums[dealt ? f % 4 : 0] += x[r * features + f] * coef[f * lanes + k];
                        }
                        CHECK(scores[r * lanes + k] == (sums[0] + sums[1]) + (sums[2] + sums[3]));
                    }
                }
                for (std::size_t f = 0; f < features; ++f) {
                    for (std::size_t k = 0; k < lanes; ++k) {
                        double sum = start_gradient[f * lanes + k];
                        for (std::size_t r = 0; r < rows; ++r) {
                            sum += x[r * features + f] * residuals[r * lanes + k];
                        }
                        CHECK(gradient[f * lanes + k] == sum);
                    }
                }
            }
        }
    }
}

TEST_CASE("rows of one output have the same bits as float32 and as float64") {
    for (const std::size_t features : {1UL, 8UL, 21UL}) {
        const std::size_t rows = 13;
        const auto values = random_values(rows * features, 6);
        const std::vector<float> narrow(values.begin(), values.end());
        const std::vector<double> wide(narrow.begin(), narrow.end());
        const auto coef = random_values(features, 7);
        const auto residuals = random_values(rows, 8);
        std::vector<double> scores(rows);
        std::vector<double> scores_narrow(rows);
        std::vector<double> gradient(features);
        std::vector<double> gradient_narrow(features);
        linear::add_product(wide.data(), rows, features, coef.data(), scores.data());
        linear::add_product(narrow.data(), rows, features, coef.data(), scores_narrow.data());
        linear::add_transposed_product(wide.data(), rows, features, residuals.data(), gradient.data());
        linear::add_transposed_product(narrow.data(), rows, features, residuals.data(), gradient_narrow.data());
        CHECK(scores == scores_narrow);
        CHECK(gradient == gradient_narrow);
    }
}
