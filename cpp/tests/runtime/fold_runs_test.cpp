#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/fold_loop.hpp"
#include "fold_problem.hpp"

using namespace emotion;
using namespace emotion::runtime;
using emotion::test::Indices;
using emotion::test::Problem;
using emotion::test::copy_rows;
using emotion::test::problem;
using emotion::test::thirds;

namespace {

EstimatorSpec forest(int n_estimators, double min_samples_leaf) {
    ForestSpec spec;
    spec.options.n_estimators = n_estimators;
    spec.options.seed = 5;
    spec.sizes.min_samples_leaf = {trees::Share::Kind::count, min_samples_leaf};
    return spec;
}

EstimatorSpec boosting(int n_estimators, double learning_rate = 0.1, int max_bins = 255, int n_iter_no_change = 0) {
    BoostingSpec spec;
    spec.options.n_estimators = n_estimators;
    spec.options.learning_rate = learning_rate;
    spec.options.max_bins = max_bins;
    spec.options.n_iter_no_change = n_iter_no_change;
    spec.options.subsample = 0.7;
    spec.options.seed = 2;
    spec.ungrouped = true;
    return spec;
}

EstimatorSpec balanced(EstimatorSpec spec) {
    std::get<BoostingSpec>(spec).options.class_weight = trees::ClassWeight::balanced;
    return spec;
}

// Settings that share everything, the first steps, or nothing.
std::vector<PipelineSpec> settings() {
    linear::LogisticOptions loose;
    loose.c = 0.1;
    sampling::SmoteOptions smote;
    smote.seed = 3;
    std::vector<PipelineSpec> specs;
    for (const std::vector<StepSpec>& steps : std::vector<std::vector<StepSpec>>{
             {}, {ScalerSpec{}}, {ScalerSpec{}, SelectorSpec{3}}, {ScalerSpec{}, smote}, {ScalerSpec{}, smote, SelectorSpec{2}}}) {
        for (const EstimatorSpec& estimator :
             {forest(3, 1), forest(8, 1), forest(5, 1), forest(5, 4), EstimatorSpec{linear::LogisticOptions{}}, EstimatorSpec{loose}, boosting(6), boosting(2),
              boosting(4, 0.3), boosting(4, 0.3, 4), balanced(boosting(3)), balanced(boosting(3, 0.3)), boosting(9, 0.5, 255, 2), boosting(9, 0.9, 255, 2)}) {
            specs.push_back({steps, estimator});
        }
    }
    return specs;
}

// Every setting on every fold, settings first.
std::vector<Fold> all_runs(const Indices& indices, std::size_t n_specs) {
    std::vector<Fold> folds;
    for (std::size_t s = 0; s < n_specs; ++s) {
        for (std::size_t f = 0; f < indices.train.size(); ++f) {
            folds.push_back({indices.train[f], indices.test[f], s});
        }
    }
    return folds;
}

template <class T>
Matrix<double> oracle(const Problem<T>& p, const PipelineSpec& spec, const std::vector<std::int64_t>& train, const std::vector<std::int64_t>& test_rows) {
    Parallel parallel(1);
    StopToken stop;
    const Problem<T> copy = copy_rows(p, train);
    std::vector<std::int64_t> all(train.size());
    std::iota(all.begin(), all.end(), 0);
    const FoldFit fit = fit_fold(copy.data(), nullptr, spec, all, parallel, stop);
    const Problem<T> test = copy_rows(p, test_rows);
    Matrix<double> local(test_rows.size(), fit.classes.size());
    fit.pipeline.predict_proba(test.x.view(), local.view(), parallel, stop);
    Matrix<double> expected(test_rows.size(), 4);
    for (std::size_t i = 0; i < test_rows.size(); ++i) {
        for (std::size_t k = 0; k < fit.classes.size(); ++k) {
            expected(i, static_cast<std::size_t>(fit.classes[k])) = local(i, k);
        }
    }
    return expected;
}

template <class T>
void check_settings(bool weighted) {
    const Problem<T> p = problem<T>(false, weighted);
    const Indices indices = thirds(p);
    const std::vector<PipelineSpec> specs = settings();
    const std::vector<Fold> folds = all_runs(indices, specs.size());
    std::vector<FoldResults> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        results.push_back(run_folds(p.data(), std::span<const PipelineSpec>(specs), folds, parallel, stop));
        std::uint64_t units = 0;
        for (const PipelineSpec& spec : specs) {
            const auto* const f = std::get_if<ForestSpec>(&spec.estimator);
            const auto* const b = std::get_if<BoostingSpec>(&spec.estimator);
            units += f != nullptr ? static_cast<std::uint64_t>(f->options.n_estimators) : b != nullptr ? static_cast<std::uint64_t>(b->options.n_estimators) : 1;
        }
        CHECK(stop.done() == units * indices.train.size());
    }
    for (std::size_t r = 0; r < folds.size(); ++r) {
        const std::size_t f = r % indices.train.size();
        const Matrix<double> expected = oracle(p, specs[folds[r].spec], indices.train[f], indices.test[f]);
        for (const FoldResults& result : results) {
            CHECK(result.probability[r].values == expected.values);
        }
    }
}

}  // namespace

TEST_CASE("fold_runs: every setting of a search equals its own fit on copied rows, bit for bit, for any number of threads") {
    check_settings<float>(false);
    check_settings<double>(true);
}

TEST_CASE("fold_runs: an error of one setting is an error of the call; a stop is obeyed before the first fit") {
    const Problem<float> p = problem<float>(true, false);
    const Indices indices = thirds(p);
    const std::vector<PipelineSpec> specs = {{{}, forest(2, 1)}, {{}, linear::LogisticOptions{}}};  // the second refuses missing values
    Parallel parallel(2);
    StopToken stop;
    CHECK_THROWS_AS(run_folds(p.data(), std::span<const PipelineSpec>(specs), all_runs(indices, 2), parallel, stop), InvalidInputError);
    stop.request_stop();
    CHECK_THROWS_AS(run_folds(p.data(), std::span<const PipelineSpec>(specs), all_runs(indices, 1), parallel, stop), Cancelled);
}
