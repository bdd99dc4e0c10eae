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
}  // namespace

TEST_CASE("two equal-mass bins: hand-worked") {
    const auto bins = reliability_bins(confidence, correct, {}, 2, Binning::equal_mass);
    CHECK(bins[0].weight == 2);
    CHECK(bins[0].confidence == doctest::Approx(0.65));
    CHECK(bins[0].accuracy == doctest::Approx(0.5));
    CHECK(bins[1].confidence == doctest::Approx(0.85));
    CHECK(bins[1].accuracy == doctest::Approx(1.0));
    CHECK(calibration_error(bins, false) == doctest::Approx(0.15));
}

TEST_CASE("the debiased error equals the mean of many draws of the folded normal") {
    // Oracle: the Monte-Carlo form of Kumar et al.; 200,000 draws, so the tolerance is 5 standard errors.
    const double d = 0.15;
    const double sd = std::sqrt(0.25 / 2.0);
    RandomStream stream(1, Purpose::test, 0);
    constexpr int n = 200000;
    double mean = 0;
    for (int i = 0; i < n; ++i) {
        mean += std::abs(d + sd * stream.normal()) / n;
    }
    const double expected = 0.5 * (2 * d - mean) + 0.5 * 0.15;  // the second bin has accuracy 1, so no variance and no bias
    const double found = calibration_error(reliability_bins(confidence, correct, {}, 2, Binning::equal_mass), true);
    CHECK(std::abs(found - expected) < 5 * sd / std::sqrt(n));
}

TEST_CASE("a weight of two acts as a copied row, ties are not parted") {
    const std::vector<double> twice{0.9, 0.6, 0.8, 0.7, 0.6};
    const std::vector<std::uint8_t> ok{1, 0, 1, 1, 0};
    const auto weighted = [](const std::vector<double>& weight) {
        return calibration_error(reliability_bins(confidence, correct, weight, 3, Binning::equal_mass), true);
    };
    CHECK(calibration_error(reliability_bins(twice, ok, {}, 3, Binning::equal_mass), true) == weighted({1, 2, 1, 1}));
    CHECK(std::isnan(weighted({0, 0, 0, 0})));
}

TEST_CASE("the bins of clusters keep the edges of all rows") {
    const std::vector<std::int64_t> cluster{0, 0, 1, 1};
    const Matrix<double> table = cluster_bins(confidence, correct, cluster, 2, 2);
    CHECK(table.cols == 6);
    const std::vector<double> expected{1, 1, 0.6, 0.9, 0, 1, 1, 1, 0.7, 0.8, 1, 1};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(table.values[i] == doctest::Approx(expected[i]));
    }
    Matrix<double> weights(3, 2);
    weights.values = {1, 1, 1, 0, 0, 0};
    std::vector<double> errors(3);
    Parallel parallel(1);
    StopToken stop;
    calibration_errors(table.view(), weights.view(), errors, parallel, stop);
    CHECK(errors[0] == doctest::Approx(calibration_error(reliability_bins(confidence, correct, {}, 2, Binning::equal_mass), true)));
    CHECK(errors[1] == doctest::Approx((0.6 + 0.1) / 2));  // one row a bin, accuracies of 0 and 1: no noise
    CHECK(std::isnan(errors[2]));
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
    const Matrix<double> table = cluster_bins(c, ok, speaker, 10, 15);
    Matrix<double> weights(100, 10);
    for (double& w : weights.values) {
        w = static_cast<double>(stream.below(4));
    }
    std::vector<std::vector<double>> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        results.emplace_back(100);
        calibration_errors(table.view(), weights.view(), results.back(), parallel, stop);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
}

TEST_CASE("values outside [0, 1], NaN, bad codes and other lengths are refused") {
    const std::vector<std::int64_t> own{0, 1, 2, 3};
    for (const double bad : {-0.1, 1.1, std::nan("")}) {
        CHECK_THROWS_AS(reliability_bins(std::vector<double>{bad}, std::vector<std::uint8_t>{1}, {}, 2, Binning::equal_mass), InvalidInputError);
    }
    CHECK_THROWS_AS(reliability_bins(confidence, std::vector<std::uint8_t>{1}, {}, 2, Binning::equal_mass), InvalidInputError);
    CHECK_THROWS_AS(reliability_bins(confidence, correct, std::vector<double>{1.0}, 2, Binning::equal_mass), InvalidInputError);
    CHECK_THROWS_AS(reliability_bins(confidence, correct, {}, 0, Binning::equal_mass), InvalidInputError);
    CHECK_THROWS_AS(cluster_bins(confidence, correct, own, 3, 2), InvalidInputError);
    CHECK_THROWS_AS(cluster_bins(confidence, correct, std::vector<std::int64_t>{0}, 3, 2), InvalidInputError);
    CHECK_THROWS_AS(cluster_bins(confidence, correct, own, 4, 0), InvalidInputError);
    const Matrix<double> table = cluster_bins(confidence, correct, own, 4, 2);
    Parallel parallel(1);
    StopToken stop;
    std::vector<double> out(1);
    CHECK_THROWS_AS(calibration_errors(table.view(), Matrix<double>(1, 3).view(), out, parallel, stop), InvalidInputError);
}
