#include "emotion/model_selection/fold_rows.hpp"

#include <doctest/doctest.h>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::model_selection;
using Codes = std::vector<std::int64_t>;

TEST_CASE("rows by fold: hand-worked") {
    const StopToken stop;
    const auto found = rows_by_fold(Codes{0, 1, 0, 2}, Codes{1, 0, 1}, 2, stop);
    CHECK(found.rows == Codes{1, 0, 2, 3});
    CHECK(found.start == Codes{0, 1, 4});
    CHECK(rows_by_fold(Codes{0, 1, 0, 2}, Codes{1, -1, 1}, 2, stop).rows == Codes{0, 2, 3});
    CHECK(rows_by_fold(Codes{1, 0, 1}, {}, 2, stop).rows == Codes{1, 0, 2});
}

TEST_CASE("the other rows: hand-worked, none and all") {
    Codes out(2);
    other_rows(Codes{0, 2}, 4, out);
    CHECK(out == Codes{1, 3});
    other_rows({}, 2, out);
    CHECK(out == Codes{0, 1});
    other_rows(Codes{0, 1}, 2, std::span<std::int64_t>{});
}

TEST_CASE("codes and rows out of range, twice, or out of order are refused") {
    const StopToken stop;
    CHECK_THROWS_AS(rows_by_fold(Codes{3}, Codes{0, 0}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(rows_by_fold(Codes{-1}, Codes{0, 0}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(rows_by_fold(Codes{0}, Codes{1}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(rows_by_fold(Codes{1}, {}, 1, stop), InvalidInputError);
    Codes out(2);
    CHECK_THROWS_AS(other_rows(Codes{2, 1}, 4, out), InvalidInputError);
    CHECK_THROWS_AS(other_rows(Codes{1, 1}, 4, out), InvalidInputError);
    CHECK_THROWS_AS(other_rows(Codes{1, 4}, 4, out), InvalidInputError);
    CHECK_THROWS_AS(other_rows(Codes{1}, 4, out), InvalidInputError);
}
