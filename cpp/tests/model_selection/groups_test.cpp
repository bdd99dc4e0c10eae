#include "emotion/model_selection/groups.hpp"

#include <doctest/doctest.h>

#include "emotion/core/errors.hpp"

using emotion::model_selection::join_groups;
using Codes = std::vector<std::int64_t>;

TEST_CASE("rows that share any key are one component: hand-worked") {
    const Codes speaker{0, 0, 1, 2};
    const Codes recording{5, 6, 6, 7};
    CHECK(join_groups({speaker, recording}) == Codes{0, 0, 0, 1});
    CHECK(join_groups({speaker}) == Codes{0, 0, 1, 2});
}

TEST_CASE("unknown codes join nothing, and numbers follow the first row") {
    CHECK(join_groups({Codes{-1, -1, 9, 3, 9}}) == Codes{0, 1, 2, 3, 2});
}

TEST_CASE("a long chain is one component") {
    Codes a(10000);
    Codes b(10000);
    for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = static_cast<std::int64_t>(i / 2);
        b[i] = static_cast<std::int64_t>((i + 1) / 2);
    }
    CHECK(join_groups({a, b}) == Codes(a.size(), 0));
}

TEST_CASE("no rows, no keys, unequal lengths") {
    CHECK(join_groups({Codes{}}).empty());
    CHECK_THROWS_AS(join_groups({}), emotion::InvalidInputError);
    CHECK_THROWS_AS(join_groups({Codes{1}, Codes{1, 2}}), emotion::InvalidInputError);
}
