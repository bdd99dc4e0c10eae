#include "../../src/runtime/fold_plan.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace emotion;
using namespace emotion::runtime;

namespace {

using Runs = std::vector<std::size_t>;

PipelineSpec forest(std::vector<StepSpec> steps, int n_estimators, double min_samples_leaf = 1) {
    ForestSpec spec;
    spec.options.n_estimators = n_estimators;
    spec.sizes.min_samples_leaf = {trees::Share::Kind::count, min_samples_leaf};
    return {std::move(steps), spec};
}

PipelineSpec boosting(int n_estimators, int n_iter_no_change) {
    BoostingSpec spec;
    spec.options.n_estimators = n_estimators;
    spec.options.n_iter_no_change = n_iter_no_change;
    return {{}, spec};
}

std::vector<FoldGroup> plan(const std::vector<PipelineSpec>& specs, std::size_t n_folds = 1) {
    static const std::vector<std::vector<std::int64_t>> parts = {{0, 1}, {2, 3}, {4, 5}};
    std::vector<Fold> folds;
    for (std::size_t s = 0; s < specs.size(); ++s) {
        for (std::size_t f = 0; f < n_folds; ++f) {
            folds.push_back({{}, parts[f], s, true});
        }
    }
    return plan_folds(specs, folds);
}

}  // namespace

TEST_CASE("fold_plan: a run alone starts from its rows") {
    const auto groups = plan({forest({ScalerSpec{}}, 5)}, 3);
    REQUIRE(groups.size() == 3);
    CHECK(groups[0].prefixes.empty());
    REQUIRE(groups[2].tasks.size() == 1);
    CHECK(groups[2].tasks[0].prefix == no_prefix);
    CHECK(groups[2].tasks[0].runs == Runs{2});
}

TEST_CASE("fold_plan: equal rows are found by content, whichever array holds them") {
    const std::vector<std::int64_t> a = {0, 1, 2, 5}, same = a, other = {0, 3, 2, 5}, test = {4};
    const std::vector<PipelineSpec> specs = {forest({}, 1), forest({}, 1, 2)};
    const std::vector<Fold> folds = {{a, test, 0}, {same, test, 1}, {other, test, 1}, {{}, test, 0, true}};
    const auto groups = plan_folds(specs, folds);
    REQUIRE(groups.size() == 3);
    CHECK(groups[0].tasks.size() == 2);
    CHECK(groups[1].tasks[0].runs == Runs{2});
    CHECK(groups[2].tasks[0].runs == Runs{3});
}

TEST_CASE("fold_plan: worked example, two selections behind one scaler and two leaf sizes of 10 and 20 trees each") {
    std::vector<PipelineSpec> specs;
    for (const std::size_t k : {3, 4}) {
        for (const double leaf : {1.0, 2.0}) {
            for (const int n_trees : {20, 10}) {
                specs.push_back(forest({ScalerSpec{}, SelectorSpec{k}}, n_trees, leaf));
            }
        }
    }
    const auto groups = plan(specs);
    REQUIRE(groups.size() == 1);
    const FoldGroup& group = groups[0];
    REQUIRE(group.prefixes.size() == 3);  // the scaler, and each selection behind it
    CHECK(group.prefixes[0].parent == no_prefix);
    CHECK(group.prefixes[0].depth == 1);
    CHECK(group.prefixes[1].parent == 0);
    CHECK(group.prefixes[1].depth == 2);
    CHECK(group.prefixes[2].parent == 0);
    CHECK(group.prefixes[2].run == 4);
    REQUIRE(group.tasks.size() == 4);
    CHECK(group.tasks[0].runs == Runs{1, 0});  // 10 trees are the first of 20
    CHECK(group.tasks[0].prefix == 1);
    CHECK(group.tasks[3].runs == Runs{7, 6});
    CHECK(group.tasks[3].prefix == 2);
}

TEST_CASE("fold_plan: other seeds, early stopping and samplers with other seeds are not shared") {
    PipelineSpec seeded = forest({}, 10);
    std::get<ForestSpec>(seeded.estimator).options.seed = 1;
    CHECK(plan({forest({}, 10), seeded})[0].tasks.size() == 2);
    CHECK(plan({boosting(5, 0), boosting(9, 0)})[0].tasks.size() == 1);
    CHECK(plan({boosting(5, 3), boosting(9, 3)})[0].tasks.size() == 2);
    CHECK(plan({{{}, linear::LogisticOptions{}}, {{}, linear::LogisticOptions{}}})[0].tasks.size() == 2);
    sampling::SmoteOptions a, b;
    b.seed = 7;
    const auto groups = plan({forest({a}, 1), forest({b}, 1), forest({a, ScalerSpec{}}, 1)});
    REQUIRE(groups[0].prefixes.size() == 2);  // the rows, and what the first sampler makes of them
    CHECK(groups[0].prefixes[1].depth == 1);
    CHECK(groups[0].tasks.size() == 3);
}
