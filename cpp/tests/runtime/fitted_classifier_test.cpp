#include "emotion/runtime/fitted_classifier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::runtime;

namespace {

FittedClassifier logistic(std::vector<double> coef, std::vector<double> intercept) {
    linear::LogisticModel model;
    model.n_classes = 3;
    model.n_features = coef.size() / 3;
    model.coef = std::move(coef);
    model.intercept = std::move(intercept);
    FittedClassifier result;
    result.pipeline.n_features_in = model.n_features;
    result.pipeline.estimator = std::move(model);
    return result;
}

FittedClassifier vote_of(std::vector<FittedClassifier> members, std::vector<double> weights, std::size_t columns, bool hard = false) {
    FittedClassifier result;
    result.pipeline.n_features_in = columns;
    trees::Forest sizes;
    sizes.n_classes = 3;
    sizes.n_features = columns;
    result.pipeline.estimator = std::move(sizes);
    result.members = std::move(members);
    result.weights = std::move(weights);
    result.hard = hard;
    return result;
}

Matrix<double> probabilities(const FittedClassifier& classifier, const Matrix<float>& x, int n_threads = 1) {
    Parallel parallel(n_threads);
    StopToken stop;
    Matrix<double> out(x.rows, 3);
    ClassifierPredictor(classifier).predict_proba(x.view(), out.view(), parallel, stop);
    return out;
}

Matrix<float> rows_of(std::size_t n, std::size_t columns) {
    Matrix<float> x(n, columns);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        x.values[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.7) * 2);
    }
    return x;
}

const FittedClassifier first = logistic({1, 0, 0, 1, -1, -1}, {0, 0.1, 0.2});
const FittedClassifier second = logistic({-1, 0.5, 0.25, 2, 1, 0}, {0.3, 0, -0.2});

}  // namespace

TEST_CASE("fitted_classifier: a soft vote is the weighted mean of its members' calibrated probabilities") {
    FittedClassifier careful = second;
    careful.calibration.kind = CalibrationKind::temperature;
    careful.calibration.temperature = 2;
    const Matrix<float> x = rows_of(300, 2);
    const Matrix<double> a = probabilities(first, x);
    const Matrix<double> b = probabilities(careful, x);
    const FittedClassifier vote = vote_of({first, careful}, {1, 3}, 2);
    for (const int n_threads : {1, 2, 7}) {
        const Matrix<double> got = probabilities(vote, x, n_threads);
        for (std::size_t i = 0; i < got.values.size(); ++i) {
            REQUIRE(got.values[i] == (a.values[i] * 1.0 + b.values[i] * 3.0) / 4.0);  // the very additions of the definition
        }
    }
    const Matrix<double> alone = probabilities(vote_of({first}, {0.5}, 2), x);
    CHECK(alone.values == a.values);
}

TEST_CASE("fitted_classifier: a vote sees what the steps leave, and is calibrated itself") {
    FittedClassifier vote = vote_of({first, second}, {1, 1}, 2);
    vote.pipeline.n_features_in = 3;
    vote.pipeline.steps.emplace_back(ColumnSelection{{0, 2}});
    vote.calibration.kind = CalibrationKind::temperature;
    vote.calibration.temperature = 0.5;
    const Matrix<float> x = rows_of(40, 3);
    Matrix<float> kept(40, 2);
    for (std::size_t r = 0; r < 40; ++r) {
        kept(r, 0) = x(r, 0);
        kept(r, 1) = x(r, 2);
    }
    Matrix<double> expected = probabilities(vote_of({first, second}, {1, 1}, 2), kept);
    calibration::apply_temperature(expected.view(), 0.5, expected.view());
    CHECK(probabilities(vote, x).values == expected.values);
    CHECK_THROWS_AS(probabilities(vote, kept), InvalidInputError);
    CHECK(probabilities(vote_of({vote}, {2}, 3), x).values == expected.values);  // a vote inside a vote
}

TEST_CASE("fitted_classifier: a hard vote counts the weight of each member's first best class") {
    const Matrix<float> x = rows_of(50, 2);
    const Matrix<double> a = probabilities(first, x);
    const Matrix<double> b = probabilities(second, x);
    const Matrix<double> got = probabilities(vote_of({first, second}, {1, 3}, 2, true), x);
    const auto best = [](const Matrix<double>& m, std::size_t r) {
        return static_cast<std::size_t>(std::max_element(m.row(r).begin(), m.row(r).end()) - m.row(r).begin());
    };
    bool differed = false;
    for (std::size_t r = 0; r < 50; ++r) {
        std::vector<double> expected(3, 0.0);
        expected[best(a, r)] += 0.25;
        expected[best(b, r)] += 0.75;
        differed = differed || best(a, r) != best(b, r);
        CHECK(std::equal(expected.begin(), expected.end(), got.row(r).begin()));
    }
    CHECK(differed);
}

TEST_CASE("fitted_classifier: rows with NaN get NaN, and are refused by name where a member cannot take them") {
    const FittedClassifier soft = vote_of({first, second}, {1, 1}, 2);
    Matrix<float> x = rows_of(3, 2);
    x(1, 0) = std::numeric_limits<float>::quiet_NaN();
    for (const bool hard : {false, true}) {
        const Matrix<double> got = probabilities(vote_of({first, second}, {1, 1}, 2, hard), x);
        for (std::size_t k = 0; k < 3; ++k) {
            CHECK(std::isnan(got(1, k)));
            CHECK(std::isfinite(got(0, k)));
            CHECK(std::isfinite(got(2, k)));
        }
    }
    CHECK(soft.refuses_missing("caller") != nullptr);
    FittedClassifier filled = soft;
    filled.pipeline.steps.emplace_back(preprocessing::SimpleImputer{{0.0, 0.0}});
    CHECK(filled.refuses_missing("caller") == nullptr);
    CHECK(std::isfinite(probabilities(filled, x)(1, 0)));
}

TEST_CASE("fitted_classifier: what is a sum of contributions") {
    CHECK(first.is_additive());
    CHECK_FALSE(vote_of({first, second}, {1, 1}, 2).is_additive());  // means of probabilities are no sums of margins
    FittedClassifier forest;
    forest.pipeline.estimator = trees::Forest{};
    CHECK(vote_of({forest, forest}, {1, 1}, 2).is_additive());
    CHECK_FALSE(vote_of({forest, forest}, {1, 1}, 2, true).is_additive());
    FittedClassifier corrected = forest;
    corrected.calibration.trained_priors = {1, 2, 3};
    corrected.calibration.target_priors = {1, 1, 1};
    CHECK_FALSE(vote_of({forest, corrected}, {1, 1}, 2).is_additive());
    forest.calibration.kind = CalibrationKind::temperature;
    CHECK_FALSE(vote_of({forest}, {1}, 2).is_additive());
}
