#include "../../src/trees/split_search.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "forests.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("impurities of hand-worked class weights") {
    CHECK(impurity_of({1, 1}, 2, Criterion::gini) == doctest::Approx(0.5));
    CHECK(impurity_of({3, 1}, 4, Criterion::gini) == doctest::Approx(1 - 10.0 / 16));
    CHECK(impurity_of({1, 1, 2}, 4, Criterion::entropy) == doctest::Approx(1.5));
    CHECK(impurity_of({5, 0}, 5, Criterion::entropy) == 0);
    CHECK(impurity_of({0, 0}, 0, Criterion::gini) == 0);
}

TEST_CASE("the entropy table is n log2 n up to one scale, monotone, without overflow in sums") {
    const auto table = entropy_table(100'000);
    const double scale = static_cast<double>(table[2]) / 2;
    CHECK(table[0] == 0);
    CHECK(table[1] == 0);
    for (const std::size_t n : {3, 10, 1000, 100'000}) {
        CHECK(static_cast<double>(table[n]) / scale == doctest::Approx(static_cast<double>(n) * std::log2(static_cast<double>(n))).epsilon(1e-9));
    }
    CHECK(table.back() < (std::int64_t{1} << 61));
}

TEST_CASE("a column constant in the node is reported, with and without NaN") {
    Matrix<float> x(4, 3);
    const float nan = std::nanf("");
    x.values = {1, nan, 1,  //
                1, nan, nan,  //
                1, nan, 1,  //
                2, nan, 1};
    const std::vector<std::int32_t> y = {0, 1, 0, 1};
    const test::Input input(x, y, {0, 1, 2}, 2, test::identity);
    const TrainingPlan plan(input.set(), {});
    const std::vector<std::int64_t> table = entropy_table(3);
    for (const Criterion criterion : {Criterion::gini, Criterion::entropy}) {
        for (const bool narrow : {true, false}) {
            const auto search = make_split_search(plan, criterion, narrow, table);
            search->start_tree({1, 1, 1}, plan.class_factor);
            NodeSums sums{std::vector<double>(2)};
            search->sums(0, 3, sums);
            search->start_node(0, 3, sums, {});
            CHECK(!search->try_column(0));
            CHECK(!search->try_column(1));
            CHECK(search->try_column(2));  // 1 against NaN
            const Split best = search->best();
            REQUIRE(best.found);
            CHECK(best.only_missing_right);
            CHECK(search->apply(best, 0, 3) == 2);
        }
    }
}

}  // namespace
}  // namespace emotion::trees
