#include "emotion/metrics/calibration_error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::metrics;

namespace {
const std::vector<double> confidence{0.9, 0.6, 0.8, 0.7};
const std::vector<std::uint8_t> correct{1, 0, 1, 1};
const std::vector<std::int64_t> own{0, 1, 2, 3};
}  // namespace

TEST_CASE("two equal-mass bins: hand-worked") {
    const ReliabilityPlan plan(confidence, correct, own, 4, 2, Binning::equal_mass);
    const auto bins = plan.bins(std::vector<double>(4, 1.0));
    CHECK(bins[0].weight == 2);
    CHECK(bins[0].confidence == doctest::Approx(0.65));
    CHECK(bins[0].accuracy == doctest::Approx(0.5));
    CHECK(bins[1].confidence == doctest::Approx(0.85));
    CHECK(bins[1].accuracy == doctest::Approx(1.0));
    CHECK(plan.error(std::vector<double>(4, 1.0), false) == doctest::Approx(0.15));
}

TEST_CASE("the debiased error equals the mean of many draws of the folded normal") {
    // Oracle: the Monte-Carlo form of Kumar et al.; 200,000 draws, so the tolerance is 5 standard errors.
    const ReliabilityPlan plan(confidence, correct, own, 4, 2, Binning::equal_mass);
    const double d = 0.15;
    const double sd = std::sqrt(0.25 / 2.0);
    RandomStream stream(1, Purpose::test, 0);
    constexpr int n = 200000;
    double mean = 0;
    for (int i = 0; i < n; ++i) {
        mean += std::abs(d + sd * stream.normal()) / n;
    }
    const double expected = 0.5 * (2 * d - mean) + 0.5 * 0.15;  // the second bin has accuracy 1, so no variance and no bias
    CHECK(std::abs(plan.error(std::vector<double>(4, 1.0), true) - expected) < 5 * sd / std::sqrt(n));
}

TEST_CASE("a weight of two acts as a copied row, ties are not parted") {
    const std::vector<double> twice{0.9, 0.6, 0.8, 0.7, 0.6};
    const std::vector<std::uint8_t> ok{1, 0, 1, 1, 0};
    const ReliabilityPlan copied(twice, ok, std::vector<std::int64_t>{0, 1, 2, 3, 4}, 5, 3, Binning::equal_mass);
    const ReliabilityPlan weighted(confidence, correct, own, 4, 3, Binning::equal_mass);
    CHECK(copied.error(std::vector<double>(5, 1.0), true) == weighted.error(std::vector<double>{1, 2, 1, 1}, true));
    CHECK(std::isnan(weighted.error(std::vector<double>(4, 0.0), true)));
}

TEST_CASE("replicates have equal bits for any number of threads") {
    RandomStream stream(2, Purpose::test, 0);
    std::vector<double> c(500);
    std::vector<std::uint8_t> ok(500);
    std::vector<std::int64_t> speaker(500);
    for (std::size_t i = 0; i < 500; ++i) {
        c[i] = stream.uniform();
        ok[i] = stream.below(2) == 1;
        speaker[i] = static_cast<std::int64_t>(i % 10);
    }
    const ReliabilityPlan plan(c, ok, speaker, 10, 15, Binning::equal_mass);
    Matrix<double> weights(100, 10);
    for (double& w : weights.values) {
        w = static_cast<double>(stream.below(4));
    }
    std::vector<std::vector<double>> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        results.emplace_back(100);
        calibration_errors(plan, weights.view(), true, results.back(), parallel, stop);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
}

TEST_CASE("values outside [0, 1], NaN and bad codes are refused") {
    for (const double bad : {-0.1, 1.1, std::nan("")}) {
        CHECK_THROWS_AS(ReliabilityPlan(std::vector<double>{bad}, std::vector<std::uint8_t>{1}, std::vector<std::int64_t>{0}, 1, 2, Binning::equal_mass),
                        InvalidInputError);
    }
    CHECK_THROWS_AS(ReliabilityPlan(confidence, correct, own, 3, 2, Binning::equal_mass), InvalidInputError);
    CHECK_THROWS_AS(ReliabilityPlan(confidence, correct, own, 4, 0, Binning::equal_mass), InvalidInputError);
}
