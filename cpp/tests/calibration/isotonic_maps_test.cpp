#include "emotion/calibration/isotonic_maps.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/calibration/isotonic.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::calibration;
using Values = std::vector<double>;
using Codes = std::vector<std::int64_t>;

TEST_CASE("classes are floored and normalised; rows without any probability become even") {
    Matrix<double> p(4, 2);
    const Values first{0.1, 0.4, 0.6, 0.9};
    for (std::size_t i = 0; i < 4; ++i) {
        p(i, 0) = first[i];
        p(i, 1) = 1 - first[i];
    }
    const IsotonicMaps maps = fit_isotonic_maps(p.view(), std::vector<std::int64_t>{1, 0, 1, 0}, {});
    CHECK(maps.offsets == std::vector<std::int64_t>{0, 4, 8});
    CHECK(Values(maps.y.begin(), maps.y.begin() + 4) == Values{0, 0.5, 0.5, 1});
    Matrix<double> out(4, 2);
    apply_isotonic_maps(p.view(), maps, out.view());
    CHECK(out(0, 0) == doctest::Approx(1e-4 / 1.0001));
    CHECK(out(1, 1) == 0.5);
    apply_isotonic_maps(p.view(), {{0, 1, 2}, {0.5, 0.5}, {0, 0}}, out.view());
    CHECK(out(2, 0) == 0.5);
    p(1, 0) = std::nan("");
    apply_isotonic_maps(p.view(), maps, p.view());
    CHECK(std::isnan(p(1, 0)));
    CHECK(std::isnan(p(1, 1)));
}

TEST_CASE("a class's map is its isotonic regression, bit for bit, wherever the probabilities lie") {
    RandomStream stream(5, Purpose::test, 0);
    for (int kind = 0; kind < 6; ++kind) {
        for (const std::size_t n : {std::size_t{3}, std::size_t{300}, std::size_t{5000}}) {
            Matrix<double> p(n, 2);
            Codes y(n);
            for (std::size_t i = 0; i < n; ++i) {
                const double u = stream.uniform();
                const double spread[] = {u, std::floor(20 * u) / 20, 1e-9 * u, u < 0.5 ? 0.0 : 1.0, 0.3, 1 - 1e-7 * u};
                p(i, 0) = spread[kind];
                p(i, 1) = 1 - spread[kind];
                y[i] = stream.uniform() < p(i, 0) ? 0 : 1;
            }
            const IsotonicMaps maps = fit_isotonic_maps(p.view(), y, {});
            const IsotonicMaps weighted = fit_isotonic_maps(p.view(), y, Values(n, 1.0));
            CHECK(maps.offsets == weighted.offsets);
            CHECK(maps.x == weighted.x);
            CHECK(maps.y == weighted.y);
            CHECK_NOTHROW(validate(maps, 2, "here"));
            // Values of the map of a class are those of the single function, floored.
            Matrix<double> q(n, 2);
            apply_isotonic_maps(p.view(), maps, q.view());
            Values column(n);
            for (std::size_t i = 0; i < n; ++i) {
                column[i] = p(i, 0);
            }
            const auto corners = static_cast<std::size_t>(maps.offsets[1]);
            apply_isotonic(std::span(maps.x).first(corners), std::span(maps.y).first(corners), column, column);
            for (std::size_t i = 0; i < n; ++i) {
                CHECK(q(i, 0) / q(i, 1) * std::max(1 - column[i], 1e-4) == doctest::Approx(std::max(column[i], 1e-4)).epsilon(1e-9));
            }
        }
    }
}

TEST_CASE("maps that are refused") {
    CHECK_THROWS_AS(validate(IsotonicMaps{{0, 1}, {0.5}, {1.5}}, 1, "here"), InvalidInputError);
    CHECK_THROWS_AS(validate(IsotonicMaps{{0, 2}, {0.5}, {0.5}}, 1, "here"), InvalidInputError);
    CHECK_THROWS_AS(validate(IsotonicMaps{{0, -1, 1}, {0.5}, {0.5}}, 2, "here"), InvalidInputError);
    CHECK_NOTHROW(validate(IsotonicMaps{{0, 0, 1}, {0.5}, {0.5}}, 2, "here"));
    const Matrix<double> p(1, 2, 0.5);
    CHECK_THROWS_AS((void)fit_isotonic_maps(p.view(), Codes{2}, {}), InvalidInputError);
    CHECK_THROWS_AS((void)fit_isotonic_maps(Matrix<double>(1, 2, std::nan("")).view(), Codes{0}, {}), InvalidInputError);
    CHECK(fit_isotonic_maps(Matrix<double>(0, 2).view(), Codes{}, {}).offsets == Codes{0, 0, 0});
}
