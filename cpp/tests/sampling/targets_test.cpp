#include "emotion/sampling/targets.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion::sampling;

namespace {

using Counts = std::vector<std::int64_t>;
const Counts present = {4, 2, 0, 1, 4};

}  // namespace

TEST_CASE("rows to add and to keep for every strategy; the first of equal classes counts") {
    CHECK(rows_to_add(present, {Strategy::not_majority, {}, 1}, "s") == Counts{0, 2, 0, 3, 0});
    CHECK(rows_to_add(present, {Strategy::not_minority, {}, 1}, "s") == Counts{0, 2, 0, 0, 0});
    CHECK(rows_to_add(present, {Strategy::minority, {}, 1}, "s") == Counts{0, 0, 0, 3, 0});
    CHECK(rows_to_add(present, {Strategy::counts, {5, -1, -1, 2, -1}, 1}, "s") == Counts{1, 0, 0, 1, 0});
    CHECK(rows_to_keep(present, {Strategy::not_minority, {}, 1}, "s") == Counts{1, 1, 0, -1, 1});
    CHECK(rows_to_keep(present, {Strategy::not_majority, {}, 1}, "s") == Counts{-1, 1, 0, 1, 1});
    CHECK(rows_to_keep(present, {Strategy::all, {}, 1}, "s") == Counts{1, 1, 0, 1, 1});
    CHECK(rows_to_keep(present, {Strategy::majority, {}, 1}, "s") == Counts{1, -1, -1, -1, -1});
    CHECK(rows_to_keep(present, {Strategy::counts, {3, -1, -1, 0, -1}, 1}, "s") == Counts{3, -1, -1, 0, -1});
    CHECK(rows_to_keep(Counts{9, 3}, {Strategy::ratio, {}, 0.5}, "s") == Counts{6, -1});
}

TEST_CASE("what cannot be is refused") {
    using emotion::InvalidInputError;
    CHECK_THROWS_AS(rows_to_add(present, {Strategy::majority, {}, 1}, "s"), InvalidInputError);
    CHECK_THROWS_AS(rows_to_keep(present, {Strategy::minority, {}, 1}, "s"), InvalidInputError);
    CHECK_THROWS_AS(rows_to_keep(present, {Strategy::counts, {5, -1, -1, -1, -1}, 1}, "s"), InvalidInputError);
    CHECK_THROWS_AS(rows_to_keep(present, {Strategy::counts, {-1, -1, 0, -1, -1}, 1}, "s"), InvalidInputError);
    CHECK_THROWS_AS(rows_to_keep(present, {Strategy::ratio, {}, 0.5}, "s"), InvalidInputError);
    CHECK_THROWS_AS(rows_to_keep(Counts{4, 3}, {Strategy::ratio, {}, 0.5}, "s"), InvalidInputError);
}

TEST_CASE("positions by class") {
    const std::vector<std::int32_t> labels = {2, 0, 2, 3};
    const ClassRows classes(labels, 5);
    CHECK(classes.counts == Counts{1, 0, 2, 1, 0});
    CHECK(std::vector(classes.of(2).begin(), classes.of(2).end()) == Counts{0, 2});
    CHECK(classes.of(4).empty());
}
