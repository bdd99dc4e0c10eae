#include "../../src/trees/split_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "../../src/trees/random_cut_search.hpp"
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

TEST_CASE("random cuts lie in [low, high) in float32, are uniform, and stay finite between infinite ends") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float largest = std::numeric_limits<float>::max();
    const float next = std::nextafter(1.0F, 2.0F);
    const std::vector<std::pair<float, float>> ranges = {{1.0F, 2.0F}, {1.0F, next},          {-next, -1.0F},         {-infinity, infinity}, {-infinity, 0.0F},
                                                         {0.0F, infinity}, {-largest, largest}, {largest, infinity}, {-infinity, -largest}, {0.0F, std::numeric_limits<float>::denorm_min()}};
    RandomStream stream(1, Purpose::test, 0);
    for (const auto& [low, high] : ranges) {
        for (int i = 0; i < 1000; ++i) {
            const float cut = random_cut(low, high, stream);
            REQUIRE(low <= cut);
            REQUIRE(cut < high);
        }
    }
    // Kolmogorov's distance of 10,000 draws: above 0.02 with probability 7e-4.
    std::vector<float> cuts(10'000);
    std::generate(cuts.begin(), cuts.end(), [&] { return random_cut(-3.0F, 5.0F, stream); });
    std::sort(cuts.begin(), cuts.end());
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        REQUIRE(std::abs((cuts[i] + 3.0F) / 8.0F - static_cast<float>(i) / 1e4F) < 0.02F);
    }
}

TEST_CASE("a random cut leaves values on both sides, and depends on seed, tree, path and column alone") {
    Matrix<float> x(6, 4);
    const float nan = std::nanf("");
    x.values = {1, 1, nan, 1,  //
                2, 2, nan, 7,  //
                5, 5, 3,   7,  //
                9, 9, 3,   7,  //
                4, 4, nan, 7,  //
                3, 3, 3,   7};
    const std::vector<std::int32_t> y = {0, 1, 0, 1, 0, 1};
    const test::Input input(x, y, test::all_rows(6), 2, test::identity);
    Parallel parallel(1);
    StopToken stop;
    TrainingPlan plan(input.set(), {});
    plan.take_values(ItemValues(input.set(), plan.item_row, parallel, stop));
    const auto search = make_random_cut_search(plan, Criterion::gini);
    search->start_tree({1, 1, 1, 1, 1, 1}, plan.class_factor);
    NodeSums sums{std::vector<double>(2)};
    search->sums(0, 6, sums);
    const auto split_of = [&](std::uint32_t column, const NodeKey& key) {
        search->start_node(0, 6, sums, {1, 0, key});
        CHECK(search->try_column(column));
        return search->best();
    };
    std::vector<float> cuts;
    for (std::uint64_t path = 0; path < 50; ++path) {
        const Split split = split_of(0, {1, 2, path});
        REQUIRE(split.found);
        REQUIRE((split.cut >= 1 && split.cut < 9));
        const std::size_t middle = search->apply(split, 0, 6);
        CHECK(middle == static_cast<std::size_t>(std::count_if(y.begin(), y.end(), [&, r = std::size_t{0}](std::int32_t) mutable { return x(r++, 0) <= split.cut; })));
        CHECK(split.cut == split_of(0, {1, 2, path}).cut);
        CHECK(split.cut != split_of(1, {1, 2, path}).cut);
        CHECK(split.cut != split_of(0, {1, 3, path}).cut);
        CHECK(split.cut != split_of(0, {2, 2, path}).cut);
        cuts.push_back(split.cut);
    }
    std::sort(cuts.begin(), cuts.end());
    CHECK(std::unique(cuts.begin(), cuts.end()) == cuts.end());
    CHECK(split_of(2, {}).only_missing_right);  // 3 against NaN
    search->start_node(1, 2, sums, {});
    CHECK(!search->try_column(3));
}

}  // namespace
}  // namespace emotion::trees
