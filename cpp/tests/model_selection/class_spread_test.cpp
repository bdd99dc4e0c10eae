#include "emotion/model_selection/class_spread.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/model_selection/fold_assignment.hpp"

using namespace emotion;
using namespace emotion::model_selection;
using Codes = std::vector<std::int64_t>;

namespace {

// What the best of all assignments lacks: the oracle.
std::size_t least_lacking(const ClassCounts& counts, std::size_t n_splits) {
    Codes fold(counts.n_groups(), 0);
    std::size_t best = std::numeric_limits<std::size_t>::max();
    for (;;) {
        const auto spread = class_spread(counts, fold, n_splits);
        best = std::min(best, spread.empty_folds + spread.missing);
        std::size_t g = 0;
        while (g < fold.size() && ++fold[g] == static_cast<std::int64_t>(n_splits)) {
            fold[g++] = 0;
        }
        if (g == fold.size()) {
            return best;
        }
    }
}

ClassCounts random_counts(RandomStream& stream, std::size_t groups, std::size_t classes, const StopToken& stop) {
    Codes group;
    Codes label;
    for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t rows = 1 + stream.below(5);
        for (std::size_t i = 0; i < rows; ++i) {
            group.push_back(static_cast<std::int64_t>(g));
            label.push_back(static_cast<std::int64_t>(stream.below(1 + stream.below(classes))));
        }
    }
    for (std::size_t c = 0; c < classes; ++c) {
        group.push_back(static_cast<std::int64_t>(stream.below(groups)));
        label.push_back(static_cast<std::int64_t>(c));
    }
    return count_classes(group, groups, label, classes, stop);
}

}  // namespace

TEST_CASE("lacks are counted: hand-worked") {
    const StopToken stop;
    // class 0 in groups 0, 1, 2; class 1 in group 2 alone: at most one fold can have it
    const auto counts = count_classes(Codes{0, 1, 2, 2}, 3, Codes{0, 0, 0, 1}, 2, stop);
    CHECK(class_spread(counts, Codes{0, 1, 0}, 2).missing == 0);
    CHECK(class_spread(counts, Codes{0, 0, 0}, 2).missing == 1);
    CHECK(class_spread(counts, Codes{0, 0, 0}, 2).empty_folds == 1);
    CHECK_THROWS_AS((void)class_spread(counts, Codes{0, 0}, 2), InvalidInputError);
    CHECK_THROWS_AS((void)class_spread(counts, Codes{0, 0, 2}, 2), InvalidInputError);
    CHECK_THROWS_AS((void)class_spread(counts, Codes{0, 0, 0}, 4), InvalidInputError);
}

TEST_CASE("small problems lack as little as the best of all assignments") {
    const StopToken stop;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        RandomStream stream(seed, Purpose::test, 0);
        const std::size_t groups = 2 + stream.below(6);
        const std::size_t splits = 2 + stream.below(std::min<std::size_t>(groups - 1, 3));
        const auto counts = random_counts(stream, groups, 2 + stream.below(5), stop);
        Codes order(groups);
        std::iota(order.begin(), order.end(), std::int64_t{0});
        auto fold = stratified_folds(counts, order, splits, stop);
        spread_classes(counts, splits, fold, stop);
        const auto spread = class_spread(counts, fold, splits);
        CHECK(spread.empty_folds == 0);
        CHECK(spread.empty_folds + spread.missing == least_lacking(counts, splits));
    }
}

TEST_CASE("no fold stays empty from the worst start, and nothing is done where nothing lacks") {
    const StopToken stop;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        RandomStream stream(seed, Purpose::test, 1);
        const std::size_t groups = 20 + stream.below(40);
        const std::size_t splits = 2 + stream.below(9);
        const auto counts = random_counts(stream, groups, 4, stop);
        Codes fold(groups, 0);
        spread_classes(counts, splits, fold, stop);
        CHECK(class_spread(counts, fold, splits).empty_folds == 0);
        if (class_spread(counts, fold, splits).missing == 0) {
            Codes again = fold;
            spread_classes(counts, splits, again, stop);
            CHECK(again == fold);
        }
    }
}
