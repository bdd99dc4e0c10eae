#include "emotion/runtime/pipeline_plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::runtime;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// Four columns in: the imputer drops column 1, the scaler halves and shifts, the selection keeps the outer two of three.
FittedPipeline hand_made() {
    FittedPipeline pipeline;
    pipeline.n_features_in = 4;
    pipeline.steps.emplace_back(preprocessing::SimpleImputer{{10, missing, 20, 30}});
    pipeline.steps.emplace_back(preprocessing::StandardScaler{{1, 2, 3}, {2, 2, 2}, true, true});
    pipeline.steps.emplace_back(ColumnSelection{{0, 2}});
    pipeline.estimator = linear::LogisticModel{2, 2, {1, -1}, {0.5}};
    return pipeline;
}

}  // namespace

TEST_CASE("rows pass the steps in order, missing values filled, columns mapped back") {
    const FittedPipeline pipeline = hand_made();
    pipeline.validate();
    CHECK(pipeline.input_columns() == std::vector<std::int32_t>{0, 3});
    CHECK(pipeline.n_features_out() == 2);
    Matrix<float> x(2, 4);
    x.values = {3, 99, 99, 7, static_cast<float>(missing), 99, 99, static_cast<float>(missing)};
    Matrix<float> z(2, 2);
    pipeline.transform(std::as_const(x).view(), z.view());
    CHECK(z.values == std::vector<float>{1, 2, 4.5F, 13.5F});
    Parallel parallel(2);
    StopToken stop;
    Matrix<double> proba(2, 2);
    pipeline.predict_proba(std::as_const(x).view(), proba.view(), parallel, stop);
    CHECK(proba(0, 1) == doctest::Approx(1 / (1 + std::exp(0.5))));  // 1 - 2 + 0.5
    CHECK(proba(1, 1) == doctest::Approx(1 / (1 + std::exp(8.5))));
}

TEST_CASE("many rows equal single rows, float64 rows equal widened float32 rows where nothing rounds") {
    const FittedPipeline pipeline = hand_made();
    const PipelinePredictor predictor(pipeline);
    Matrix<float> x(1000, 4);
    Matrix<double> wide(1000, 4);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        x.values[i] = static_cast<float>(i % 17);
        wide.values[i] = static_cast<double>(i % 17);
    }
    StopToken stop;
    Matrix<double> together(1000, 2);
    Matrix<double> widened(1000, 2);
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        pipeline.predict_proba(std::as_const(x).view(), together.view(), parallel, stop);
        pipeline.predict_proba(std::as_const(wide).view(), widened.view(), parallel, stop);
        CHECK(together.values == widened.values);
        for (std::size_t r = 0; r < 1000; r += 111) {
            Matrix<double> single(1, 2);
            predictor.predict_proba(MatrixView<const float>{x.values.data() + 4 * r, 1, 4}, single.view());
            CHECK(single(0, 0) == together(r, 0));
        }
    }
}

TEST_CASE("inconsistent pipelines are refused before they are run") {
    const auto refused = [](auto&& change) {
        FittedPipeline pipeline = hand_made();
        change(pipeline);
        CHECK_THROWS_AS(pipeline.validate(), ModelFormatError);
    };
    refused([](FittedPipeline& p) { p.n_features_in = 5; });
    refused([](FittedPipeline& p) { p.n_features_in = 0; });
    refused([](FittedPipeline& p) { std::get<preprocessing::StandardScaler>(p.steps[1]).scale[1] = 0; });
    refused([](FittedPipeline& p) { std::get<preprocessing::StandardScaler>(p.steps[1]).mean[1] = missing; });
    refused([](FittedPipeline& p) { std::get<preprocessing::SimpleImputer>(p.steps[0]).statistics[0] = INFINITY; });
    refused([](FittedPipeline& p) { std::get<preprocessing::SimpleImputer>(p.steps[0]).statistics.assign(4, missing); });
    refused([](FittedPipeline& p) { std::get<ColumnSelection>(p.steps[2]).columns = {2, 0}; });
    refused([](FittedPipeline& p) { std::get<ColumnSelection>(p.steps[2]).columns = {0, 3}; });
    refused([](FittedPipeline& p) { std::get<ColumnSelection>(p.steps[2]).columns = {-1, 0}; });
    refused([](FittedPipeline& p) { std::get<ColumnSelection>(p.steps[2]).columns = {}; });
    refused([](FittedPipeline& p) { std::get<linear::LogisticModel>(p.estimator).coef = {1, -1, 1}; });
    refused([](FittedPipeline& p) { p.estimator = trees::Forest{}; });
}

TEST_CASE("rows of another width are refused") {
    const FittedPipeline pipeline = hand_made();
    Matrix<float> x(1, 3);
    Matrix<double> proba(1, 2);
    Parallel parallel(1);
    StopToken stop;
    CHECK_THROWS_AS(pipeline.predict_proba(std::as_const(x).view(), proba.view(), parallel, stop), InvalidInputError);
}
