#include "emotion/explain/row_shuffle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

#include "emotion/core/errors.hpp"

namespace emotion::explain {
namespace {

TEST_CASE("a shuffle is a permutation, within strata where they are given") {
    std::vector<std::int64_t> strata(200);
    for (std::size_t r = 0; r < strata.size(); ++r) {
        strata[r] = static_cast<std::int64_t>(r * r % 7);
    }
    for (const bool within : {false, true}) {
        auto source = shuffled_rows(200, within ? std::span<const std::int64_t>(strata) : std::span<const std::int64_t>{}, 1, 2, 3);
        bool crosses = false;
        for (std::size_t r = 0; r < 200; ++r) {
            crosses = crosses || strata[r] != strata[static_cast<std::size_t>(source[r])];
        }
        CHECK(crosses != within);
        std::sort(source.begin(), source.end());
        for (std::size_t r = 0; r < 200; ++r) {
            REQUIRE(source[r] == static_cast<std::int64_t>(r));
        }
    }
}

TEST_CASE("streams are keyed by seed and both numbers") {
    const auto first = shuffled_rows(50, {}, 1, 2, 3);
    CHECK(shuffled_rows(50, {}, 1, 2, 3) == first);
    CHECK(shuffled_rows(50, {}, 2, 2, 3) != first);
    CHECK(shuffled_rows(50, {}, 1, 3, 3) != first);
    CHECK(shuffled_rows(50, {}, 1, 2, 4) != first);
}

// Chi-square over the 6 orders of a stratum of three rows: 5 degrees of freedom, 20.5 is exceeded with probability 0.001 by a right one.
TEST_CASE("all orders are equally likely") {
    const std::array<std::int64_t, 5> strata{1, 0, 1, 0, 1};
    std::map<std::array<std::int64_t, 3>, int> seen;
    for (std::uint64_t i = 0; i < 6000; ++i) {
        const auto source = shuffled_rows(5, strata, 5, i, 0);
        ++seen[{source[0], source[2], source[4]}];
    }
    double chi = 0;
    for (const auto& [order, count] : seen) {
        chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
    }
    CHECK(seen.size() == 6);
    CHECK(chi < 20.5);
}

TEST_CASE("strata that do not fit are refused; no rows are no error") {
    const std::vector<std::int64_t> strata{0, 1, 2};
    CHECK_THROWS_AS(shuffled_rows(2, strata, 0, 0, 0), InvalidInputError);
    CHECK_THROWS_AS(shuffled_rows(3, std::vector<std::int64_t>{0, 3, 0}, 0, 0, 0), InvalidInputError);
    CHECK_THROWS_AS(shuffled_rows(3, std::vector<std::int64_t>{0, -1, 0}, 0, 0, 0), InvalidInputError);
    CHECK(shuffled_rows(0, {}, 0, 0, 0).empty());
}

}  // namespace
}  // namespace emotion::explain
