#include "emotion/calibration/out_of_distribution.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::calibration;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double endless = std::numeric_limits<double>::infinity();

Matrix<double> columns(const std::vector<std::vector<double>>& values) {
    Matrix<double> x(values.front().size(), values.size());
    for (std::size_t c = 0; c < x.cols; ++c) {
        for (std::size_t r = 0; r < x.rows; ++r) {
            x(r, c) = values[c][r];
        }
    }
    return x;
}

ColumnRanges fitted(const Matrix<double>& x) {
    Parallel one(1);
    return fit_column_ranges<double>(x.view(), one);
}

}  // namespace

TEST_CASE("medians and widths by hand") {
    // Odd: median 3, distances 2 1 0 1 97. Mostly constant: median 5, mean distance 10 / 5. Constant. With NaN: 1, 2, 4.
    const ColumnRanges ranges = fitted(columns(
        {{1, 2, 3, 4, 100}, {5, 5, 5, 5, 15}, {7, 7, 7, 7, 7}, {1, missing, 2, missing, 4}, {missing, missing, missing, missing, missing}}));
    CHECK(ranges.center == std::vector<double>{3, 5, 7, 2, 0});
    CHECK(ranges.scale[0] == doctest::Approx(1.4826022185056018));
    CHECK(ranges.scale[1] == doctest::Approx(2 * std::sqrt(3.14159265358979 / 2)));
    CHECK(ranges.scale[2] == 7e-6);
    CHECK(ranges.scale[3] == doctest::Approx(1.4826022185056018));
    CHECK(ranges.scale[4] == 1);
    CHECK(fitted(columns({{1, 2, 3, 10}})).center[0] == 2.5);
    CHECK(fitted(columns({{0, 0}})).scale[0] == 1e-12);
}

TEST_CASE("the distance is a mean over known columns, each capped") {
    const ColumnRanges ranges{{0, 1, -2}, {1, 2, 0.5}};
    const Matrix<double> x = columns({{0, 3, missing, missing, endless}, {1, 5, 3, missing, 1}, {-2, -3, missing, missing, -2}});
    std::vector<double> out(5);
    Parallel one(1);
    column_distances<double>(x.view(), ranges, out, one);
    CHECK(out[0] == 0);
    CHECK(out[1] == doctest::Approx((3.0 + 2.0 + 2.0) / 3));
    CHECK(out[2] == 1);
    CHECK(out[3] == endless);
    CHECK(out[4] == doctest::Approx(max_column_distance / 3));
}

TEST_CASE("equal bits for any number of threads, for any order of rows, and for float rows") {
    Matrix<float> x(700, 45);
    RandomStream rng(3, Purpose::test, 0);
    for (float& value : x.values) {
        value = static_cast<float>(rng.uniform() < 0.6 ? 0.0 : rng.uniform());
    }
    Matrix<float> turned(700, 45);
    Matrix<double> wide(700, 45);
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t c = 0; c < x.cols; ++c) {
            turned(x.rows - 1 - r, c) = x(r, c);
            wide(r, c) = x(r, c);
        }
    }
    std::vector<double> first(700);
    Parallel one(1);
    const ColumnRanges ranges = fit_column_ranges(std::as_const(x).view(), one);
    column_distances(std::as_const(x).view(), ranges, first, one);
    CHECK(fit_column_ranges(std::as_const(turned).view(), one).scale == ranges.scale);
    CHECK(fitted(wide).center == ranges.center);
    for (const int threads : {2, 7}) {
        Parallel parallel(threads);
        const ColumnRanges again = fit_column_ranges(std::as_const(x).view(), parallel);
        CHECK(again.center == ranges.center);
        CHECK(again.scale == ranges.scale);
        std::vector<double> out(700);
        column_distances(std::as_const(x).view(), again, out, parallel);
        CHECK(out == first);
    }
}

TEST_CASE("bad input is refused") {
    Parallel one(1);
    CHECK_THROWS_AS(fitted(Matrix<double>(0, 2)), InvalidInputError);
    CHECK_THROWS_AS(fitted(columns({{1, endless}})), InvalidInputError);
    std::vector<double> out(2);
    CHECK_THROWS_AS(column_distances<double>(columns({{1, 2}}).view(), ColumnRanges{{0, 0}, {1, 1}}, out, one), InvalidInputError);
}
