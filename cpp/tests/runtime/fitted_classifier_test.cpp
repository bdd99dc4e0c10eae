#include "emotion/runtime/fitted_classifier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>
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
    result.joint = Joint::vote;
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

namespace {

FittedClassifier joined(Joint joint, std::vector<FittedClassifier> members, std::size_t classes, std::size_t columns) {
    FittedClassifier result = vote_of(std::move(members), {}, columns);
    std::get<trees::Forest>(result.pipeline.estimator).n_classes = classes;
    result.joint = joint;
    return result;
}

FittedClassifier binary(std::vector<double> coef, double intercept) {
    FittedClassifier result;
    result.pipeline.n_features_in = coef.size();
    result.pipeline.estimator = linear::LogisticModel{2, coef.size(), coef, {intercept}};
    return result;
}

double sigmoid(double score) { return 1 / (1 + std::exp(-score)); }

}  // namespace

TEST_CASE("fitted_classifier: the last of a stack reads what the members say, and the columns with passthrough") {
    const Matrix<float> x = rows_of(150, 2);
    const Matrix<double> said = probabilities(second, x);
    for (const bool passthrough : {false, true}) {
        FittedClassifier stack = joined(Joint::stack, {first, second}, 3, 2);
        stack.says_margin = {true, false};
        stack.passthrough = passthrough;
        REQUIRE(stack.stacked_columns() == (passthrough ? 8 : 6));
        linear::LogisticModel last{3, stack.stacked_columns(), {}, {0.1, -0.2, 0}};
        for (std::size_t i = 0; i < 3 * last.n_features; ++i) {
            last.coef.push_back(std::cos(static_cast<double>(i)));
        }
        FittedClassifier end;
        end.pipeline.n_features_in = last.n_features;
        end.pipeline.estimator = last;
        stack.last = {end};
        Matrix<double> columns(x.rows, last.n_features);
        Matrix<double> margin(x.rows, 3);
        linear::decision_function(std::get<linear::LogisticModel>(first.pipeline.estimator), x.view(), margin.view());
        for (std::size_t r = 0; r < x.rows; ++r) {
            for (std::size_t k = 0; k < 3; ++k) {
                columns(r, k) = margin(r, k);
                columns(r, 3 + k) = said(r, k);
            }
            for (std::size_t c = 6; c < columns.cols; ++c) {
                columns(r, c) = static_cast<double>(x(r, c - 6));
            }
        }
        Matrix<double> expected(x.rows, 3);
        linear::predict_proba(last, std::as_const(columns).view(), expected.view());
        for (const int n_threads : {1, 2, 7}) {
            CHECK(probabilities(stack, x, n_threads).values == expected.values);
        }
        CHECK(stack.has_margin());
        CHECK_FALSE(stack.is_additive());
        CHECK(stack.refuses_missing("caller") != nullptr);
        CHECK(probabilities(vote_of({stack}, {1}, 2), x).values == expected.values);
    }
}

TEST_CASE("fitted_classifier: one classifier a label says each label's own probability") {
    const Matrix<float> x = rows_of(100, 2);
    FittedClassifier constant = binary({0, 0}, 0);
    constant.constant = true;
    FittedClassifier labels = joined(Joint::labels, {binary({1, 2}, 0.5), binary({-1, 0.25}, -0.5), constant}, 3, 2);
    const Matrix<double> own = probabilities(labels, x);
    Matrix<double> margin(x.rows, 3);
    Parallel parallel(2);
    StopToken stop;
    ClassifierPredictor(labels).label_margins(x.view(), margin.view(), parallel, stop);
    for (std::size_t r = 0; r < x.rows; ++r) {
        // A sigmoid of another order of operations: some ulps.
        CHECK(own(r, 0) == doctest::Approx(sigmoid(static_cast<double>(x(r, 0)) + 2 * static_cast<double>(x(r, 1)) + 0.5)).epsilon(1e-14));
        CHECK((own(r, 2) == 1 && margin(r, 2) == 1));
        CHECK((own(r, 1) > 0.5) == (margin(r, 1) > 0));
    }
    labels.scaled = true;
    const Matrix<double> scaled = probabilities(labels, x, 7);
    for (std::size_t r = 0; r < x.rows; ++r) {
        const double total = own(r, 0) + own(r, 1) + own(r, 2);
        for (std::size_t k = 0; k < 3; ++k) {
            CHECK(scaled(r, k) == own(r, k) / total);
        }
    }
    CHECK_FALSE(labels.has_margin());
    CHECK_FALSE(labels.is_additive());
    constant.constant = false;
    labels = joined(Joint::labels, {constant, constant, constant}, 3, 2);
    labels.scaled = true;
    CHECK(probabilities(labels, x).values == std::vector<double>(300, 0.0));  // what nobody claims stays 0
}
