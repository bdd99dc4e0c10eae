#include "emotion/trees/rank_codes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "forests.hpp"

namespace emotion::trees {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

template <class Float>
RankCodes build(const Matrix<Float>& x, int n_threads = 1) {
    Parallel parallel(n_threads);
    StopToken stop;
    return RankCodes::build(x.view(), parallel, stop);
}

TEST_CASE("a hand-worked column: ranks, one zero, infinities as values, NaN past every value") {
    Matrix<float> x(8, 1);
    x.values = {2.0F, -0.0F, nan, 0.0F, -infinity, 2.0F, infinity, -1.5F};
    const RankCodes codes = build(x);
    REQUIRE(!codes.is_wide());
    const auto column = codes.narrow(0);
    CHECK(std::vector<std::uint16_t>(column.begin(), column.end()) == std::vector<std::uint16_t>{3, 2, 5, 2, 0, 3, 4, 1});
    const auto values = codes.values(0);
    CHECK(std::vector<double>(values.begin(), values.end()) == std::vector<double>{-infinity, -1.5, 0.0, 2.0, infinity});
    CHECK(codes.n_distinct(0) == 5);
    CHECK(codes.has_missing(0));
}

template <class Float>
void check_against_sets(std::size_t n, std::uint64_t seed) {
    const auto data = test::make_data(n, 11, 3, seed, seed % 2 == 0 ? 4 : 0, 0.1);
    Matrix<Float> x(n, 11);
    std::copy(data.x.values.begin(), data.x.values.end(), x.values.begin());
    const RankCodes codes = build(x);
    for (std::size_t c = 0; c < x.cols; ++c) {
        std::set<Float> distinct;
        for (std::size_t r = 0; r < n; ++r) {
            if (!std::isnan(x(r, c))) {
                distinct.insert(x(r, c));
            }
        }
        REQUIRE(codes.n_distinct(c) == distinct.size());
        for (std::size_t r = 0; r < n; ++r) {
            const std::size_t code = codes.is_wide() ? codes.wide(c)[r] : codes.narrow(c)[r];
            if (std::isnan(x(r, c))) {
                REQUIRE(code == distinct.size());
            } else {
                REQUIRE(codes.values(c)[code] == static_cast<double>(x(r, c)));
            }
        }
    }
}

TEST_CASE("codes agree with ordered sets, for short and long columns of both types") {
    check_against_sets<float>(300, 1);
    check_against_sets<float>(3000, 2);
    check_against_sets<double>(300, 3);
    check_against_sets<double>(3000, 4);
}

TEST_CASE("more than 65,535 distinct values make wide codes; as many rows with few values stay narrow") {
    const std::size_t n = 70'000;
    Matrix<float> x(n, 2);
    for (std::size_t r = 0; r < n; ++r) {
        x(r, 0) = static_cast<float>(n - r);
        x(r, 1) = static_cast<float>(r % 7);
    }
    const RankCodes wide = build(x);
    REQUIRE(wide.is_wide());
    CHECK(wide.wide(0)[0] == n - 1);
    CHECK(wide.wide(0)[n - 1] == 0);
    Matrix<float> few(n, 1);
    for (std::size_t r = 0; r < n; ++r) {
        few(r, 0) = static_cast<float>(r % 7);
    }
    const RankCodes narrow = build(few);
    REQUIRE(!narrow.is_wide());
    CHECK(narrow.narrow(0)[8] == 1);
}

TEST_CASE("equal codes for any number of threads") {
    const auto data = test::make_data(2000, 30, 3, 5, 0, 0.05);
    const RankCodes one = build(data.x, 1);
    for (const int n_threads : {2, 7}) {
        const RankCodes many = build(data.x, n_threads);
        for (std::size_t c = 0; c < data.x.cols; ++c) {
            CHECK(std::ranges::equal(one.narrow(c), many.narrow(c)));
            CHECK(std::ranges::equal(one.values(c), many.values(c)));
        }
    }
}

TEST_CASE("an empty matrix and a column of NaN") {
    CHECK(build(Matrix<float>(0, 3)).n_features() == 3);
    const RankCodes codes = build(Matrix<float>(4, 1, nan));
    CHECK(codes.n_distinct(0) == 0);
    CHECK(codes.narrow(0)[3] == 0);
}

}  // namespace
}  // namespace emotion::trees
