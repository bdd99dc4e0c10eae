#include "emotion/trees/boosting_predictor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "boostings.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

std::vector<double> shares_by_hand(const std::vector<double>& margins) {
    std::vector<double> exps;
    if (margins.size() == 1) {
        exps = {1.0, std::exp(margins[0])};
    } else {
        for (const double margin : margins) {
            exps.push_back(std::exp(margin));
        }
    }
    double sum = 0;
    for (const double e : exps) {
        sum += e;
    }
    for (double& e : exps) {
        e /= sum;
    }
    return exps;
}

void check(const Boosting& model, const Matrix<float>& x) {
    validate(model);
    const BoostingPredictor predictor(model);
    const std::size_t k = model.n_outputs();
    StopToken stop;
    for (const int n_threads : {1, 2, 7}) {
        Parallel parallel(n_threads);
        Matrix<double> margins(x.rows, k);
        Matrix<double> shares(x.rows, model.n_classes);
        Matrix<std::int32_t> leaves(x.rows, model.n_trees());
        predictor.decision_function(x.view(), margins.view(), parallel, stop);
        predictor.predict_proba(x.view(), shares.view(), parallel, stop);
        predictor.apply(x.view(), leaves.view(), parallel, stop);
        Matrix<double> staged(x.rows, k);
        for (std::size_t r = 0; r < x.rows; ++r) {
            std::copy(model.baseline.begin(), model.baseline.end(), staged.row(r).begin());
        }
        for (std::size_t t = 0; t < model.n_trees(); t += model.trees_per_round()) {
            predictor.add_trees(t, t + model.trees_per_round(), x.view(), staged.view(), parallel, stop);
        }
        CHECK(staged.values == margins.values);
        std::vector<double> row(k);
        std::vector<double> share(model.n_classes);
        for (std::size_t r = 0; r < x.rows; ++r) {
            const float* const values = x.row(r).data();
            const auto expected = test::margins_by_hand(model, values);
            const auto expected_share = shares_by_hand(expected);
            predictor.decision_row(values, row.data());
            predictor.predict_row(values, share.data());
            for (std::size_t c = 0; c < k; ++c) {
                REQUIRE(margins(r, c) == expected[c]);
                REQUIRE(row[c] == expected[c]);
            }
            for (std::size_t c = 0; c < model.n_classes; ++c) {
                REQUIRE(shares(r, c) == doctest::Approx(expected_share[c]).epsilon(1e-12));
                REQUIRE(share[c] == shares(r, c));
            }
            for (std::size_t t = 0; t < model.n_trees(); ++t) {
                REQUIRE(static_cast<std::size_t>(leaves(r, t)) + static_cast<std::size_t>(model.tree_offsets[t]) == test::leaf_by_hand(model, t, values));
            }
        }
    }
}

TEST_CASE("margins, probabilities and leaves equal the definition, for every layout and any number of threads") {
    for (const std::size_t n_classes : {2U, 3U, 8U}) {
        check(test::random_boosting(n_classes, 1, 5, 4, n_classes), test::random_rows(131, 4, 1));
        const std::size_t n_outputs = n_classes == 2 ? 1 : n_classes;
        check(test::random_boosting(n_classes, n_outputs, 11, 4, n_classes + 10), test::random_rows(70, 4, 2));
    }
}

TEST_CASE("trees and matrices too large for 8-byte nodes") {
    check(test::random_boosting(3, 3, 1, 3, 5, 40'000), test::random_rows(9, 3, 3));
    check(test::random_boosting(2, 1, 3, 70'000, 6), test::random_rows(3, 70'000, 4));
}

TEST_CASE("extreme margins give shares of exactly 0 and 1, never NaN") {
    Boosting model = test::random_boosting(2, 1, 1, 1, 1, 0);
    model.baseline = {5'000};
    std::array<double, 2> share{};
    const float x = 0;
    BoostingPredictor(model).predict_row(&x, share.data());
    CHECK(share[0] == 0);
    CHECK(share[1] == 1);
    model = test::random_boosting(3, 3, 1, 1, 1, 0);
    model.baseline = {5'000, 0, -5'000};
    std::array<double, 3> shares{};
    BoostingPredictor(model).predict_row(&x, shares.data());
    CHECK(shares == std::array<double, 3>{1, 0, 0});
}

TEST_CASE("shapes are checked; a stop is obeyed") {
    const BoostingPredictor predictor(test::random_boosting(3, 1, 2, 2, 1));
    Parallel serial(1);
    StopToken stop;
    const Matrix<float> x(4, 2);
    Matrix<double> out(4, 3);
    Matrix<double> narrow(4, 2);
    Matrix<std::int32_t> leaves(4, 3);
    CHECK_THROWS_AS(predictor.predict_proba(Matrix<float>(4, 3).view(), out.view(), serial, stop), InvalidInputError);
    CHECK_THROWS_AS(predictor.predict_proba(x.view(), narrow.view(), serial, stop), InvalidInputError);
    CHECK_THROWS_AS(predictor.decision_function(x.view(), narrow.view(), serial, stop), InvalidInputError);
    CHECK_THROWS_AS(predictor.add_trees(0, 7, x.view(), out.view(), serial, stop), InvalidInputError);
    CHECK_THROWS_AS(predictor.add_trees(2, 1, x.view(), out.view(), serial, stop), InvalidInputError);
    CHECK_THROWS_AS(predictor.apply(x.view(), leaves.view(), serial, stop), InvalidInputError);
    stop.request_stop();
    CHECK_THROWS_AS(predictor.predict_proba(x.view(), out.view(), serial, stop), Cancelled);
}

}  // namespace
}  // namespace emotion::trees
