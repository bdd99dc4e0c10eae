#include "emotion/preprocessing/simple_imputer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace emotion;
using namespace emotion::preprocessing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

double statistic(std::vector<double> column, ImputeStrategy strategy) { return impute_statistic(std::span<double>(column), {strategy, -1, false}); }

}  // namespace

TEST_CASE("statistics of hand-worked columns") {
    const std::vector<double> odd = {3, missing, 1, 2, missing};
    const std::vector<double> even = {4, 1, missing, 1, 8};
    CHECK(statistic(odd, ImputeStrategy::mean) == 2);
    CHECK(statistic(odd, ImputeStrategy::median) == 2);
    CHECK(statistic(even, ImputeStrategy::mean) == 3.5);
    CHECK(statistic(even, ImputeStrategy::median) == 2.5);
    CHECK(statistic(even, ImputeStrategy::most_frequent) == 1);
    CHECK(statistic({5, 4, 5, 4, missing}, ImputeStrategy::most_frequent) == 4);  // the smaller of equally frequent values
    CHECK(statistic(even, ImputeStrategy::constant) == -1);
}

TEST_CASE("the median of huge values does not overflow") {
    const double huge = std::numeric_limits<double>::max();
    CHECK(statistic({huge, huge}, ImputeStrategy::median) == huge);
}

TEST_CASE("columns without values are dropped or kept") {
    Matrix<float> x(2, 2);
    x.values = {std::numeric_limits<float>::quiet_NaN(), 1, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
    Parallel parallel(2);
    for (const bool keep : {false, true}) {
        const SimpleImputer imputer = fit_imputer(std::as_const(x).view(), {ImputeStrategy::mean, 0, keep}, parallel);
        const auto kept = imputer.kept_columns();
        CHECK(kept == (keep ? std::vector<std::int32_t>{0, 1} : std::vector<std::int32_t>{1}));
        Matrix<float> out(2, kept.size());
        imputer.transform(std::as_const(x).view(), out.view());
        CHECK(out.values == (keep ? std::vector<float>{0, 1, 0, 1} : std::vector<float>{1, 1}));
    }
    CHECK(fit_imputer(std::as_const(x).view(), {ImputeStrategy::constant, 7, true}, parallel).statistics == std::vector<double>{7, 7});
}
