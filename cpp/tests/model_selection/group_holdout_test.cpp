#include "emotion/model_selection/group_holdout.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::model_selection {
namespace {

TEST_CASE("whole groups, about the fraction, all classes left in training, whatever the codes") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        RandomStream stream(seed, Purpose::test, 0);
        std::vector<std::int64_t> groups(600);
        std::vector<std::int32_t> labels(600);
        for (std::size_t i = 0; i < groups.size(); ++i) {
            groups[i] = static_cast<std::int64_t>(stream.below(40));
            labels[i] = static_cast<std::int32_t>(stream.below(5));
        }
        const auto holdout = group_holdout(groups, labels, 0.1, seed);
        std::set<std::int64_t> held;
        std::set<std::int64_t> kept;
        std::set<std::int32_t> classes;
        for (std::size_t i = 0; i < groups.size(); ++i) {
            (holdout[i] != 0 ? held : kept).insert(groups[i]);
            if (holdout[i] == 0) {
                classes.insert(labels[i]);
            }
        }
        for (const std::int64_t group : held) {
            CHECK(kept.count(group) == 0);
        }
        CHECK(classes.size() == 5);
        const int n = std::accumulate(holdout.begin(), holdout.end(), 0);
        CHECK(n >= 45);
        CHECK(n <= 75);
        for (std::int64_t& group : groups) {
            group = 1'000 - group * 7;
        }
        CHECK(group_holdout(groups, labels, 0.1, seed) == holdout);
    }
}

TEST_CASE("a group with all rows of a class stays; where nothing can be held out, that is said") {
    const std::vector<std::int64_t> groups = {0, 0, 1, 1, 2, 2};
    const std::vector<std::int32_t> labels = {0, 1, 0, 1, 0, 2};
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const auto holdout = group_holdout(groups, labels, 0.4, seed);
        CHECK(holdout[4] == 0);
        CHECK(std::accumulate(holdout.begin(), holdout.end(), 0) == 2);
    }
    CHECK_THROWS_AS(group_holdout(std::vector<std::int64_t>{3, 3}, std::vector<std::int32_t>{0, 1}, 0.5, 0), LeakageError);
    CHECK_THROWS_AS(group_holdout(std::vector<std::int64_t>{3, 4}, std::vector<std::int32_t>{0, 1}, 0.5, 0), LeakageError);
    CHECK_THROWS_AS(group_holdout(std::vector<std::int64_t>{}, std::vector<std::int32_t>{}, 0.5, 0), InvalidInputError);
    CHECK_THROWS_AS(group_holdout(groups, labels, 1.0, 0), InvalidInputError);
}

}  // namespace
}  // namespace emotion::model_selection
