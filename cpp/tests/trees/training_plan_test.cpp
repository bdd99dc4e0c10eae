#include "../../src/trees/training_plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "emotion/core/errors.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("positions of equal row and class are one item; with weights each is its own") {
    const auto data = test::make_data(5, 2, 2, 1);
    test::Input input(data.x, data.y, {3, 1, 3, 4, 3}, 2, test::identity);
    const TrainingPlan plan(input.set(), {});
    CHECK(plan.item_row == std::vector<std::uint32_t>{1, 3, 4});
    CHECK(plan.item_copies == std::vector<std::uint32_t>{1, 3, 1});
    CHECK(plan.position_item == std::vector<std::uint32_t>{1, 0, 1, 2, 1});
    input.weights = {1, 2, 3, 4, 5};
    const TrainingPlan weighted(input.set(), {});
    CHECK(weighted.item_row == std::vector<std::uint32_t>{3, 1, 3, 4, 3});
}

TEST_CASE("one row under two classes stays two items") {
    const auto data = test::make_data(2, 1, 2, 1);
    test::Input input(data.x, data.y, {0, 0, 1}, 2, test::identity);
    input.labels = {0, 1, 1};
    CHECK(TrainingPlan(input.set(), {}).item_row.size() == 3);
}

TEST_CASE("values that a map made equal share a code") {
    Matrix<float> x(4, 1);
    x.values = {1.0F, 1.25F, 3.0F, std::nanf("")};
    const std::vector<std::int32_t> y = {0, 1, 0, 1};
    test::Input input(x, y, test::all_rows(4), 2, [](float value) { return std::floor(value); });
    const TrainingPlan plan(input.set(), {});
    const Column& column = plan.columns[0];
    CHECK(column.code(0) == 0);
    CHECK(column.code(1) == 0);
    CHECK(column.code(2) == 1);
    CHECK(column.code(3) == column.missing_code);
    CHECK(column.values[1] == 3.0F);
}

TEST_CASE("draws: as many as asked for, uniform over positions, a pure function of seed and tree") {
    const auto data = test::make_data(100, 1, 2, 1);
    const test::Input input(data.x, data.y, test::all_rows(100), 2, test::identity);
    ForestOptions options;
    const TrainingPlan plan(input.set(), options);
    std::vector<std::uint32_t> copies;
    std::vector<std::uint32_t> again;
    std::vector<double> total(100, 0);
    for (std::size_t tree = 0; tree < 2000; ++tree) {
        plan.draw(options, tree, copies);
        REQUIRE(std::accumulate(copies.begin(), copies.end(), 0U) == 100);
        for (std::size_t i = 0; i < 100; ++i) {
            total[i] += copies[i];
        }
    }
    plan.draw(options, 1999, again);
    CHECK(again == copies);
    double chi_squared = 0;
    for (const double count : total) {
        chi_squared += (count - 2000) * (count - 2000) / 2000;
    }
    CHECK(chi_squared < 160);  // 99 degrees of freedom: the 99.99th percentile is 161
    options.max_samples = 7;
    plan.draw(options, 0, copies);
    CHECK(std::accumulate(copies.begin(), copies.end(), 0U) == 7);
}

TEST_CASE("balanced class weights follow scikit-learn's rule; absent classes do not count") {
    const auto data = test::make_data(4, 1, 3, 1);
    test::Input input(data.x, data.y, test::all_rows(4), 3, test::identity);
    input.labels = {0, 0, 0, 2};
    ForestOptions options;
    options.class_weight = ClassWeight::balanced;
    const TrainingPlan plan(input.set(), options);
    CHECK(plan.class_factor[0] == doctest::Approx(4.0 / (2 * 3)));
    CHECK(plan.class_factor[2] == doctest::Approx(4.0 / (2 * 1)));
    options.class_weight = ClassWeight::balanced_subsample;
    const TrainingPlan later(input.set(), options);
    const auto factor = later.tree_class_factor(options, {1, 0, 0, 1});
    CHECK(factor[0] == doctest::Approx(1.0));
}

TEST_CASE("bad input names the parameter") {
    const auto data = test::make_data(4, 2, 2, 1);
    const auto refuses = [&](auto&& change) {
        test::Input input(data.x, data.y, test::all_rows(4), 2, test::identity);
        ForestOptions options;
        change(input, options);
        CHECK_THROWS_AS(TrainingPlan(input.set(), options), InvalidInputError);
    };
    refuses([](test::Input& input, ForestOptions&) { input.labels[0] = 2; });
    refuses([](test::Input& input, ForestOptions&) { input.labels[0] = -1; });
    refuses([](test::Input& input, ForestOptions&) { input.labels.pop_back(); });
    refuses([](test::Input& input, ForestOptions&) { input.rows[0] = 4; });
    refuses([](test::Input& input, ForestOptions&) { input.rows.clear(), input.labels.clear(); });
    refuses([](test::Input& input, ForestOptions&) { input.columns[0] = 2; });
    refuses([](test::Input& input, ForestOptions&) { input.values[0].pop_back(); });
    refuses([](test::Input& input, ForestOptions&) { std::swap(input.values[0][0], input.values[0][1]); });
    refuses([](test::Input& input, ForestOptions&) { input.values[0][1] = std::nanf(""); });
    refuses([](test::Input& input, ForestOptions&) { input.weights = {1, 1, -1, 1}; });
    refuses([](test::Input& input, ForestOptions&) { input.weights = {1, 1}; });
    refuses([](test::Input&, ForestOptions& options) { options.n_estimators = 0; });
    refuses([](test::Input&, ForestOptions& options) { options.max_leaf_nodes = 1; });
    refuses([](test::Input&, ForestOptions& options) { options.class_weight = ClassWeight::given; });
}

}  // namespace
}  // namespace emotion::trees
