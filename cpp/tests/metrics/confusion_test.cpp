#include "emotion/metrics/confusion.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/errors.hpp"

using emotion::metrics::confusion_counts;
using Codes = std::vector<std::int64_t>;

TEST_CASE("counts by cluster, with weights: hand-worked") {
    const Codes truth{0, 0, 1, 1};
    const Codes predicted{0, 1, 1, 1};
    const Codes speaker{0, 1, 1, 0};
    const std::vector<double> weight{1, 2, 3, 4};
    std::vector<double> out(8, -1);
    confusion_counts(truth, predicted, weight, speaker, 2, 2, out);
    CHECK(out == std::vector<double>{1, 0, 0, 4, 0, 2, 0, 3});
    std::vector<double> plain(4, -1);
    confusion_counts(truth, predicted, {}, {}, 1, 2, plain);
    CHECK(plain == std::vector<double>{1, 1, 0, 2});
}

TEST_CASE("codes out of range and unequal lengths are refused") {
    std::vector<double> out(4);
    CHECK_THROWS_AS(confusion_counts(Codes{2}, Codes{0}, {}, {}, 1, 2, out), emotion::InvalidInputError);
    CHECK_THROWS_AS(confusion_counts(Codes{0}, Codes{-1}, {}, {}, 1, 2, out), emotion::InvalidInputError);
    CHECK_THROWS_AS(confusion_counts(Codes{0}, Codes{0}, {}, Codes{1}, 1, 2, out), emotion::InvalidInputError);
    CHECK_THROWS_AS(confusion_counts(Codes{0}, Codes{0, 1}, {}, {}, 1, 2, out), emotion::InvalidInputError);
    CHECK_THROWS_AS(confusion_counts(Codes{0}, Codes{0}, {}, {}, 2, 2, out), emotion::InvalidInputError);
}
