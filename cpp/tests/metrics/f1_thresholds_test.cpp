#include "emotion/metrics/f1_thresholds.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::metrics;

namespace {

struct Result {
    std::vector<double> thresholds, f1;
};

Result tune(const Matrix<std::uint8_t>& truth, const Matrix<double>& scores, int threads = 1) {
    Result result{std::vector<double>(scores.cols), std::vector<double>(scores.cols)};
    Parallel parallel(threads);
    StopToken stop;
    best_f1_thresholds(truth.view(), scores.view(), result.thresholds, result.f1, parallel, stop);
    return result;
}

double f1_at(const Matrix<std::uint8_t>& truth, const Matrix<double>& scores, std::size_t k, double threshold) {
    double hits = 0;
    double both = 0;
    for (std::size_t r = 0; r < truth.rows; ++r) {
        const bool predicted = scores(r, k) > threshold;
        hits += predicted && truth(r, k) != 0 ? 1 : 0;
        both += (predicted ? 1 : 0) + (truth(r, k) != 0 ? 1 : 0);
    }
    return both == 0 ? 0 : 2 * hits / both;
}

}  // namespace

TEST_CASE("a hand-worked label: cuts after 1, 2, 3, 4 rows have F1 2/3, 1/2, 4/5, 2/3") {
    Matrix<std::uint8_t> truth(4, 1);
    truth.values = {1, 0, 1, 0};
    Matrix<double> scores(4, 1);
    scores.values = {4, 3, 2, 1};
    const Result result = tune(truth, scores);
    CHECK(result.thresholds[0] == 1.5);
    CHECK(result.f1[0] == doctest::Approx(0.8));
}

TEST_CASE("no cut is better, equal scores stay together, and threads change nothing") {
    Matrix<std::uint8_t> truth(60, 7);
    Matrix<double> scores(60, 7);
    RandomStream stream(2, Purpose::test, 0);
    for (std::size_t i = 0; i < truth.values.size(); ++i) {
        truth.values[i] = stream.below(3) == 0 ? 1 : 0;
        scores.values[i] = static_cast<double>(stream.below(20)) + truth.values[i];
    }
    const Result result = tune(truth, scores);
    for (std::size_t k = 0; k < 7; ++k) {
        CHECK(f1_at(truth, scores, k, result.thresholds[k]) == doctest::Approx(result.f1[k]));
        for (double threshold = -1; threshold < 22; threshold += 0.5) {
            CHECK(f1_at(truth, scores, k, threshold) <= result.f1[k] + 1e-15);
        }
    }
    for (const int threads : {2, 7}) {
        CHECK(tune(truth, scores, threads).thresholds == result.thresholds);
    }
}

TEST_CASE("labels of all rows, of none, and neighbouring numbers") {
    Matrix<std::uint8_t> truth(2, 3);
    truth.values = {1, 0, 1, 1, 0, 0};
    Matrix<double> scores(2, 3);
    const double above = std::nextafter(1.0, 2.0);
    scores.values = {1, 1, above, 2, 2, 1};
    const Result result = tune(truth, scores);
    CHECK(result.thresholds[0] < 1);
    CHECK(result.f1[0] == 1);
    CHECK(result.thresholds[1] == 2);
    CHECK(result.f1[1] == 0);
    CHECK(result.thresholds[2] == 1);
    CHECK(result.f1[2] == 1);
    scores.values[0] = NAN;
    CHECK_THROWS_AS(tune(truth, scores), InvalidInputError);
    CHECK_THROWS_AS(tune(Matrix<std::uint8_t>(3, 3), scores), InvalidInputError);
}
