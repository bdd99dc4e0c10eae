#include "emotion/trees/forest_sizes.hpp"

#include <doctest/doctest.h>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

using Kind = Share::Kind;

ForestOptions sized(const ForestSizes& sizes, std::size_t rows, std::size_t columns) {
    ForestOptions options;
    set_sizes(options, sizes, rows, columns);
    return options;
}

TEST_CASE("columns: counts are cut, shares and roots rounded down, never below one") {
    const auto columns = [](Share share, std::size_t n) {
        ForestSizes sizes;
        sizes.max_features = share;
        return sized(sizes, 10, n).max_features;
    };
    CHECK(columns({Kind::automatic, 0}, 7) == 7);
    CHECK(columns({Kind::count, 3}, 7) == 3);
    CHECK(columns({Kind::count, 9}, 7) == 7);
    CHECK(columns({Kind::fraction, 0.5}, 7) == 3);
    CHECK(columns({Kind::fraction, 0.01}, 7) == 1);
    CHECK(columns({Kind::sqrt, 0}, 17) == 4);
    CHECK(columns({Kind::log2, 0}, 17) == 4);
    CHECK(columns({Kind::log2, 0}, 1) == 1);
}

TEST_CASE("rows of nodes: shares are rounded up; a split needs two rows and two leaves") {
    ForestSizes sizes;
    CHECK(sized(sizes, 33, 4).min_samples_split == 2);
    CHECK(sized(sizes, 33, 4).min_samples_leaf == 1);
    sizes.min_samples_split = {Kind::fraction, 0.1};
    CHECK(sized(sizes, 33, 4).min_samples_split == 4);
    CHECK(sized(sizes, 5, 4).min_samples_split == 2);
    sizes.min_samples_leaf = {Kind::fraction, 0.1};
    CHECK(sized(sizes, 33, 4).min_samples_leaf == 4);
    CHECK(sized(sizes, 33, 4).min_samples_split == 8);
    sizes.min_samples_leaf = {Kind::count, 3};
    CHECK(sized(sizes, 33, 4).min_samples_split == 6);
}

TEST_CASE("draws: shares go to the nearest, ties to even; more than there are rows is allowed, up to 2**31 - 1") {
    const auto draws = [](Share share, std::size_t rows) {
        ForestSizes sizes;
        sizes.max_samples = share;
        return sized(sizes, rows, 4).max_samples;
    };
    CHECK(draws({Kind::automatic, 0}, 10) == 0);
    CHECK(draws({Kind::count, 10}, 10) == 10);
    CHECK(draws({Kind::fraction, 0.25}, 10) == 2);
    CHECK(draws({Kind::fraction, 0.75}, 10) == 8);
    CHECK(draws({Kind::fraction, 0.001}, 10) == 1);
    CHECK(draws({Kind::fraction, 1.5}, 10) == 15);
    CHECK(draws({Kind::count, 11}, 10) == 11);
    CHECK_THROWS_AS(draws({Kind::count, 2'147'483'648.0}, 10), InvalidInputError);
    CHECK_THROWS_AS(draws({Kind::fraction, 1e9}, 10), InvalidInputError);
}

TEST_CASE("a count of rows that no integer holds is more than can be drawn") {
    for (const double count : {0x1p31, 0x1p63, 0x1p64, 1e300}) {
        ForestSizes sizes;
        sizes.max_samples = {Kind::count, count};
        CHECK_THROWS_AS(sized(sizes, 10, 3), InvalidInputError);
    }
}

}  // namespace
}  // namespace emotion::trees
