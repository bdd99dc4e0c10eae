#include "emotion/model_selection/fold_assignment.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "emotion/core/errors.hpp"

using namespace emotion;
using model_selection::balanced_folds;
using model_selection::count_classes;
using model_selection::stratified_folds;
using Codes = std::vector<std::int64_t>;

TEST_CASE("largest first into the lightest fold: hand-worked") {
    // order of sizes: 5 (group 1), 3 (group 3, the later of the equals), 3 (group 0), 1 (group 2); loads 5 | 3 -> 5 | 6 -> 6 | 6
    CHECK(balanced_folds(Codes{3, 5, 1, 3}, 2) == Codes{1, 0, 0, 1});
}

TEST_CASE("impossible numbers of folds and orders are refused") {
    CHECK_THROWS_AS(balanced_folds(Codes{1, 2}, 3), InvalidInputError);
    CHECK_THROWS_AS(balanced_folds(Codes{1, 2}, 0), InvalidInputError);
    const StopToken stop;
    const auto counts = count_classes(Codes{0, 1, 2}, 3, Codes{0, 0, 0}, 1, stop);
    CHECK_THROWS_AS(stratified_folds(counts, Codes{0, 1, 2}, 4, stop), InvalidInputError);
    CHECK_THROWS_AS(stratified_folds(counts, Codes{0, 1, 1}, 2, stop), InvalidInputError);
    CHECK_THROWS_AS(stratified_folds(counts, Codes{0, 1}, 2, stop), InvalidInputError);
    CHECK_THROWS_AS(stratified_folds(count_classes(Codes{0, 1}, 2, Codes{0, 0}, 2, stop), Codes{0, 1}, 2, stop), InvalidInputError);
}

TEST_CASE("opposite groups are paired: hand-worked") {
    // Two groups of class 0 and two of class 1: each of the two folds takes one of each.
    const StopToken stop;
    const auto counts = count_classes(Codes{0, 0, 1, 1, 2, 2, 3, 3}, 4, Codes{0, 0, 0, 0, 1, 1, 1, 1}, 2, stop);
    const auto folds = stratified_folds(counts, Codes{0, 1, 2, 3}, 2, stop);
    CHECK(folds[0] != folds[1]);
    CHECK(folds[2] != folds[3]);
}

TEST_CASE("a stop request ends the assignment") {
    StopToken stop;
    const auto counts = count_classes(Codes{0, 1}, 2, Codes{0, 0}, 1, stop);
    stop.request_stop();
    CHECK_THROWS_AS(stratified_folds(counts, Codes{0, 1}, 2, stop), Cancelled);
}
