#include "training_rows.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using calibration::check_training_rows;
using Codes = std::vector<std::int64_t>;

TEST_CASE("good rows pass, each broken rule is named") {
    Matrix<double> p(2, 2, 0.5);
    CHECK_NOTHROW(check_training_rows(p.view(), Codes{0, 1}, {}, "f"));
    CHECK_THROWS_WITH_AS(check_training_rows(p.view(), Codes{0, 2}, {}, "f"), "y of f must be codes from 0 to 2 (exclusive); got 2", InvalidInputError);
    CHECK_THROWS_AS(check_training_rows(p.view(), Codes{0}, {}, "f"), InvalidInputError);
    CHECK_THROWS_AS(check_training_rows(p.view(), Codes{0, 1}, std::vector<double>{1.0, -1.0}, "f"), InvalidInputError);
    p(0, 0) = std::nan("");
    CHECK_THROWS_AS(check_training_rows(p.view(), Codes{0, 1}, {}, "f"), InvalidInputError);
}
