#include "emotion/runtime/fold_loop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/trees/rank_codes.hpp"
#include "fold_problem.hpp"

using namespace emotion;
using namespace emotion::runtime;
using emotion::test::Indices;
using emotion::test::Problem;
using emotion::test::copy_rows;
using emotion::test::problem;
using emotion::test::thirds;

namespace {

PipelineSpec forest_spec(std::vector<StepSpec> steps) {
    ForestSpec forest;
    forest.options.n_estimators = 6;
    forest.options.seed = 11;
    return {std::move(steps), forest};
}

const std::vector<std::vector<StepSpec>>& step_lists() {
    using preprocessing::ImputeStrategy;
    static const std::vector<std::vector<StepSpec>> lists = {
        {},
        {ScalerSpec{}},
        {preprocessing::ImputerOptions{ImputeStrategy::median, 0, false}, ScalerSpec{}, SelectorSpec{3}, sampling::OverSamplerOptions{}},
        {sampling::OverSamplerOptions{}, ScalerSpec{}, preprocessing::ImputerOptions{}, SelectorSpec{2}},
    };
    return lists;
}

template <class T>
void check_equality(const PipelineSpec& spec, bool missing, bool weighted) {
    const Problem<T> p = problem<T>(missing, weighted);
    const Indices indices = thirds(p);
    std::vector<FoldResults> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        results.push_back(run_folds(p.data(), std::span(&spec, 1), indices.folds(), parallel, stop));
        std::vector<Fold> made = indices.folds();  // training rows that are made when the fold runs
        for (std::size_t f = 0; f < 2; ++f) {
            made[f].train = {};
            made[f].rest = true;
        }
        results.push_back(run_folds(p.data(), std::span(&spec, 1), made, parallel, stop));
    }
    Parallel parallel(1);
    StopToken stop;
    for (std::size_t f = 0; f < 3; ++f) {
        // The oracle: all rows of a copied matrix, with rank codes of its own.
        const Problem<T> copy = copy_rows(p, indices.train[f]);
        std::vector<std::int64_t> all(copy.y.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = static_cast<std::int64_t>(i);
        }
        const FoldFit fit = fit_fold(copy.data(), nullptr, spec, all, parallel, stop);
        CHECK(fit.classes.size() == (f < 2 ? 4 : 3));
        const Problem<T> test = copy_rows(p, indices.test[f]);
        Matrix<double> local(test.y.size(), fit.classes.size());
        fit.pipeline.predict_proba(test.x.view(), local.view(), parallel, stop);
        Matrix<double> expected(test.y.size(), 4);
        for (std::size_t i = 0; i < test.y.size(); ++i) {
            for (std::size_t k = 0; k < fit.classes.size(); ++k) {
                expected(i, static_cast<std::size_t>(fit.classes[k])) = local(i, k);
            }
        }
        for (const FoldResults& result : results) {
            CHECK(result.probability[f].values == expected.values);
        }
    }
}

}  // namespace

TEST_CASE("every fold equals the fit on copied rows, bit for bit, for any number of threads") {
    for (const auto& steps : step_lists()) {
        for (const bool missing : {false, true}) {
            for (const bool weighted : {false, true}) {
                check_equality<float>(forest_spec(steps), missing, weighted);
                check_equality<double>(forest_spec(steps), missing, weighted);
                if (!missing || steps.size() > 1) {
                    check_equality<float>({steps, linear::LogisticOptions{}}, missing, weighted);
                    check_equality<double>({steps, linear::LogisticOptions{}}, missing, weighted);
                }
            }
        }
    }
}

TEST_CASE("what test rows hold does not reach the fit") {
    const PipelineSpec spec = forest_spec(step_lists()[2]);
    Problem<float> p = problem<float>(true, false);
    const Indices indices = thirds(p);
    Parallel parallel(2);
    StopToken stop;
    const auto fit = [&] {
        const auto codes = trees::RankCodes::build(std::as_const(p.x).view(), parallel, stop);
        return std::get<trees::Forest>(fit_fold(p.data(), &codes, spec, indices.train[0], parallel, stop).pipeline.estimator);
    };
    const trees::Forest before = fit();
    for (const std::int64_t r : indices.test[0]) {
        std::fill(p.x.row(static_cast<std::size_t>(r)).begin(), p.x.row(static_cast<std::size_t>(r)).end(), 1e30F);
        p.y[static_cast<std::size_t>(r)] = 3;
    }
    const trees::Forest after = fit();
    CHECK(before.threshold.size() == after.threshold.size());
    CHECK(before.feature == after.feature);
    CHECK(before.value == after.value);
}

TEST_CASE("progress counts trees of forests and folds of others") {
    const Problem<float> p = problem<float>(false, false);
    const Indices indices = thirds(p);
    Parallel parallel(2);
    StopToken forests;
    const PipelineSpec forest = forest_spec({});
    run_folds(p.data(), std::span(&forest, 1), indices.folds(), parallel, forests);
    CHECK(forests.done() == 3 * 6);
    StopToken others;
    const PipelineSpec logistic{{}, linear::LogisticOptions{}};
    run_folds(p.data(), std::span(&logistic, 1), indices.folds(), parallel, others);
    CHECK(others.done() == 3);
}

TEST_CASE("rows out of range, empty parts, missing values and single classes are refused; a stop is obeyed") {
    Problem<float> p = problem<float>(true, false);
    Parallel parallel(1);
    StopToken stop;
    const std::vector<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const std::vector<std::int64_t> outside = {240};
    const std::vector<std::int64_t> none;
    const auto run = [&](const PipelineSpec& spec, std::span<const std::int64_t> train, std::span<const std::int64_t> test) {
        const std::vector<Fold> folds = {{train, test}};
        run_folds(p.data(), std::span(&spec, 1), folds, parallel, stop);
    };
    CHECK_THROWS_AS(run(forest_spec({}), all, outside), InvalidInputError);
    CHECK_THROWS_AS(run(forest_spec({}), none, all), InvalidInputError);
    p.x(3, 2) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(run(forest_spec({SelectorSpec{2}}), all, all), InvalidInputError);
    CHECK_THROWS_AS(run({{}, linear::LogisticOptions{}}, all, all), InvalidInputError);
    std::fill(p.y.begin(), p.y.end(), 1);
    CHECK_THROWS_AS(run({{preprocessing::ImputerOptions{}}, linear::LogisticOptions{}}, all, all), InvalidInputError);
    stop.request_stop();
    CHECK_THROWS_AS(run(forest_spec({}), all, all), Cancelled);
}
