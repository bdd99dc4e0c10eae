#include "../../src/runtime/step_fit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace emotion;
using namespace emotion::runtime;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// Four training rows (0, 1, 2, 4) of five; row 3 is not in the fold. The last column is constant.
struct Fixture {
    std::vector<double> values{1, 10, 5,   //
                               3, 10, 5,   //
                               5, 30, 5,   //
                               99, 99, 99,  //
                               7, 30, 5};
    std::vector<std::int32_t> classes{0, 1};
    std::vector<FittedStep> fitted;
    TrainingRows<double> rows;
    Parallel parallel{1};
    StopToken stop;

    Fixture() {
        rows.x = {values.data(), 5, 3};
        rows.rows = {0, 1, 2, 4};
        rows.labels = {0, 0, 1, 1};
        rows.columns = {0, 1, 2};
    }
    void fit(const StepSpec& spec) { fit_step(spec, rows, classes, fitted, parallel, stop); }
};

}  // namespace

TEST_CASE("a scaler learns from the rows of the fold alone and moves them") {
    Fixture f;
    f.fit(ScalerSpec{});
    REQUIRE(f.fitted.size() == 1);
    const auto& scaler = std::get<preprocessing::StandardScaler>(f.fitted[0]);
    CHECK(scaler.mean == std::vector<double>{4, 20, 5});
    CHECK(scaler.scale == std::vector<double>{std::sqrt(5.0), 10, 1});
    CHECK(f.rows.at(0, 0) == -3 / std::sqrt(5.0));
    CHECK(f.rows.at(3, 1) == 1);
    CHECK(f.rows.at(2, 2) == 0);
}

TEST_CASE("an imputer fills what is missing, with a number that the steps before have moved") {
    Fixture f;
    f.values[3] = missing;  // row 1, column 0: the others are 1, 5, 7
    f.fit(preprocessing::ImputerOptions{});
    const auto& imputer = std::get<preprocessing::SimpleImputer>(f.fitted.at(0));
    CHECK(imputer.statistics[0] == doctest::Approx(13.0 / 3).epsilon(1e-15));
    CHECK(f.rows.at(1, 0) == imputer.statistics[0]);
    CHECK(f.rows.at(0, 0) == 1);
}

TEST_CASE("a selector keeps the best columns and the stages of the kept ones") {
    Fixture f;
    f.fit(ScalerSpec{});
    f.fit(SelectorSpec{1});
    CHECK(std::get<ColumnSelection>(f.fitted.at(1)).columns == std::vector<std::int32_t>{1});  // separates the classes without error
    CHECK(f.rows.columns == std::vector<std::int32_t>{1});
    CHECK(f.rows.at(0, 0) == -1);
    CHECK(f.rows.at(3, 0) == 1);
}

TEST_CASE("a sampler adds positions, not rows, and is no part of the fitted pipeline") {
    Fixture f;
    f.rows.labels = {0, 1, 1, 1};
    f.fit(sampling::OverSamplerOptions{});
    CHECK(f.fitted.empty());
    REQUIRE(f.rows.rows.size() == 6);
    CHECK(std::vector<std::int32_t>(f.rows.rows.begin(), f.rows.rows.begin() + 4) == std::vector<std::int32_t>{0, 1, 2, 4});
    CHECK(f.rows.rows[4] == 0);
    CHECK(f.rows.rows[5] == 0);
    CHECK(std::accumulate(f.rows.labels.begin(), f.rows.labels.end(), 0) == 3);
}

TEST_CASE("float32 rows are moved in float32 at each step") {
    Fixture f;
    std::vector<float> narrow(f.values.begin(), f.values.end());
    TrainingRows<float> rows;
    rows.x = {narrow.data(), 5, 3};
    rows.rows = f.rows.rows;
    rows.labels = f.rows.labels;
    rows.columns = f.rows.columns;
    fit_step(StepSpec{ScalerSpec{}}, rows, f.classes, f.fitted, f.parallel, f.stop);
    CHECK(rows.at(0, 0) == static_cast<float>(-3 / std::sqrt(5.0)));
}
