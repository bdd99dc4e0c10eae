#include "emotion/explain/linear_shap.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::explain {
namespace {

TEST_CASE("a hand-worked row: two columns made from the second of three, base at the mean") {
    const std::vector<double> coef{2, -1, 0.5, 4};  // two outputs, two z columns
    const std::vector<double> intercept{10, 20};
    const std::vector<double> mean{1, 3};
    const std::vector<std::int32_t> source{1, 1};
    const std::vector<float> z{4, 1};
    std::vector<double> values(6, 99);
    std::vector<double> base(2);
    Parallel parallel(1);
    StopToken stop;
    linear_shap<float>({{coef.data(), 2, 2}, intercept, mean, source, 3}, {z.data(), 1, 2}, values, base, parallel, stop);
    CHECK(base == std::vector<double>{10 + 2 - 3, 20 + 0.5 + 12});
    CHECK(values == std::vector<double>{0, 0, 2 * 3 + -1 * -2, 0.5 * 3 + 4 * -2, 0, 0});
}

TEST_CASE("base and values sum to the margin; equal bits for any number of threads") {
    RandomStream stream(1, Purpose::test, 1);
    const std::size_t n = 3000;
    const std::size_t d = 30;
    Matrix<double> z(n, d);
    std::vector<double> coef(3 * d);
    std::vector<double> mean(d);
    for (auto* const values : {&z.values, &coef, &mean}) {
        for (double& value : *values) {
            value = stream.normal();
        }
    }
    const std::vector<double> intercept{0.1, 0.2, 0.3};
    std::vector<std::int32_t> source(d);
    for (std::size_t j = 0; j < d; ++j) {
        source[j] = static_cast<std::int32_t>(j);
    }
    const LinearMargins model{{coef.data(), 3, d}, intercept, mean, source, d};
    std::vector<double> first;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        std::vector<double> values(n * d * 3);
        std::vector<double> base(3);
        linear_shap<double>(model, std::as_const(z).view(), values, base, parallel, stop);
        CHECK(stop.done() == n);
        for (std::size_t k = 0; k < 3; ++k) {
            double margin = intercept[k];
            double sum = base[k];
            for (std::size_t j = 0; j < d; ++j) {
                margin += coef[k * d + j] * z(17, j);
                sum += values[(17 * d + j) * 3 + k];
            }
            CHECK(sum == doctest::Approx(margin).epsilon(1e-12));
        }
        first = first.empty() ? values : first;
        CHECK(values == first);
    }
}

TEST_CASE("extents that do not fit and sources outside the table are refused") {
    const std::vector<double> coef{1, 2};
    const std::vector<double> intercept{0};
    const std::vector<double> mean{0, 0};
    const std::vector<float> z{1, 2};
    std::vector<double> values(2);
    std::vector<double> base(1);
    Parallel parallel(1);
    StopToken stop;
    const auto run = [&](const std::vector<std::int32_t>& source, std::size_t n_features) {
        linear_shap<float>({{coef.data(), 1, 2}, intercept, mean, source, n_features}, {z.data(), 1, 2}, values, base, parallel, stop);
    };
    CHECK_NOTHROW(run({0, 1}, 2));
    CHECK_THROWS_AS(run({0, 2}, 2), InvalidInputError);
    CHECK_THROWS_AS(run({0, -1}, 2), InvalidInputError);
    CHECK_THROWS_AS(run({0}, 2), InvalidInputError);
    CHECK_THROWS_AS(run({0, 1}, 3), InvalidInputError);
}

}  // namespace
}  // namespace emotion::explain
