#include "emotion/model_selection/fold_assignment.hpp"

#include <doctest/doctest.h>

#include <set>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using model_selection::balanced_folds;
using model_selection::stratified_folds;
using Codes = std::vector<std::int64_t>;

TEST_CASE("largest first into the lightest fold: hand-worked") {
    // order of sizes: 5 (group 1), 3 (group 3, the later of the equals), 3 (group 0), 1 (group 2); loads 5 | 3 -> 5 | 6 -> 6 | 6
    CHECK(balanced_folds(Codes{3, 5, 1, 3}, 2) == Codes{1, 0, 0, 1});
}

TEST_CASE("impossible numbers of folds are refused") {
    CHECK_THROWS_AS(balanced_folds(Codes{1, 2}, 3), InvalidInputError);
    CHECK_THROWS_AS(balanced_folds(Codes{1, 2}, 0), InvalidInputError);
    const StopToken stop;
    const Matrix<double> no_class_two(3, 2, 0.0);
    CHECK_THROWS_AS(stratified_folds(no_class_two.view(), 2, stop), InvalidInputError);
}

TEST_CASE("opposite groups are paired: hand-worked") {
    // Two groups of class 0 and two of class 1: each of the two folds takes one of each.
    Matrix<double> counts(4, 2);
    counts(0, 0) = counts(1, 0) = 4;
    counts(2, 1) = counts(3, 1) = 4;
    const StopToken stop;
    const auto folds = stratified_folds(counts.view(), 2, stop);
    CHECK(folds[0] != folds[1]);
    CHECK(folds[2] != folds[3]);
}

TEST_CASE("no fold stays empty, for any counts") {
    const StopToken stop;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        RandomStream stream(seed, Purpose::test, 0);
        const std::size_t groups = 2 + stream.below(8);
        const std::size_t splits = 2 + stream.below(groups - 1);
        Matrix<double> counts(groups, 3);
        for (double& v : counts.values) {
            v = static_cast<double>(stream.below(4) * stream.below(12));
        }
        for (std::size_t c = 0; c < 3; ++c) {
            counts(0, c) += 1;
        }
        const auto folds = stratified_folds(counts.view(), splits, stop);
        CHECK(std::set<std::int64_t>(folds.begin(), folds.end()).size() == splits);
    }
}
