#include "emotion/model_selection/class_counts.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::model_selection;
using Codes = std::vector<std::int64_t>;

TEST_CASE("rows of each group and class: hand-worked") {
    const StopToken stop;
    const auto counts = count_classes(Codes{1, 0, 1, 1}, 3, Codes{2, 0, 0, 2}, 3, stop);
    CHECK(counts.total == Codes{2, 0, 2});
    REQUIRE(counts.group(1).size() == 2);
    CHECK(counts.group(1)[0].label == 0);
    CHECK(counts.group(1)[0].rows == 1);
    CHECK(counts.group(1)[1].label == 2);
    CHECK(counts.group(1)[1].rows == 2);
    CHECK(counts.group(2).empty());
    // counts (1, 0, 2): mean 1, squared deviations 0, 1, 1
    CHECK(class_deviations(counts, stop)[1] == doctest::Approx(std::sqrt(2.0 / 3.0)));
}

TEST_CASE("codes out of range and unequal lengths are refused") {
    const StopToken stop;
    CHECK_THROWS_AS(count_classes(Codes{2}, 2, Codes{0}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(count_classes(Codes{-1}, 2, Codes{0}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(count_classes(Codes{0}, 2, Codes{1}, 1, stop), InvalidInputError);
    CHECK_THROWS_AS(count_classes(Codes{0, 1}, 2, Codes{0}, 1, stop), InvalidInputError);
}

TEST_CASE("long sums of integers are exact whatever the order") {
    std::vector<double> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<double>(i);
    }
    CHECK(pairwise_sum(values) == 499500.0);
    CHECK(pairwise_sum({}) == 0.0);
}
