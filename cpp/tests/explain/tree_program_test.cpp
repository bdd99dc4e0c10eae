#include "../../src/explain/tree_program.hpp"

#include <doctest/doctest.h>

#include "coalitions.hpp"

namespace emotion::explain {
namespace {

// Column 0 splits the root; on the right column 1, then column 0 again.
trees::Forest staircase() {
    trees::Forest forest;
    forest.n_classes = 2;
    forest.n_features = 2;
    forest.feature = {0, -1, 1, -1, 0, -1, -1};
    forest.threshold = {0, 0, 0, 0, 1, 0, 0};
    forest.left = {1, -1, 3, -1, 5, -1, -1};
    forest.right = {2, -1, 4, -1, 6, -1, -1};
    forest.missing_left.assign(7, 0);
    forest.cover = {8, 2, 6, 3, 3, 1, 2};
    forest.impurity.assign(7, 0);
    forest.value = {0.5, 0.5, 1, 0, 0.5, 0.5, 1, 0, 0.5, 0.5, 0, 1, 1, 0};
    forest.tree_offsets = {0, 7};
    return forest;
}

TEST_CASE("the child with more below comes first; a column that comes again knows its share so far") {
    const trees::Forest forest = staircase();
    const Program program = compile(arrays_of(forest));
    REQUIRE(program.steps.size() == 3);
    CHECK(program.steps[0].first_is_right);
    CHECK(program.steps[0].share == doctest::Approx(0.75));
    CHECK(program.steps[2].parent_level == 0);
    CHECK(program.steps[2].parent_share == doctest::Approx(0.75));
    CHECK(program.steps[2].share == doctest::Approx(0.25));
    CHECK(program.trees[0].points == 1);
    CHECK(program.trees[0].n_events == 5);
    CHECK(program.slots >= 1);
    // Shares sum to one, so the class that most leaves hold is implied by the other.
    CHECK(program.implied == 0);
    CHECK(program.base[0] == doctest::Approx(2.0 / 8 + 3.0 / 8 + 2.0 / 8));
    CHECK(program.base[1] == doctest::Approx(1.0 / 8));
}

TEST_CASE("outputs that do not sum to one are all kept") {
    trees::Forest forest = staircase();
    forest.value[2] = 0.5;
    CHECK(compile(arrays_of(forest)).implied == -1);
    const trees::Boosting boosting = test::random_boosting(3, 3, 4, 3, 1);
    CHECK(compile(arrays_of(boosting)).implied == -1);
}

}  // namespace
}  // namespace emotion::explain
