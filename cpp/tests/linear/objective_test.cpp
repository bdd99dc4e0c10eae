#include "../../src/linear/objective.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::linear;

namespace {

struct Problem {
    Matrix<double> dense;
    std::vector<double> values;
    std::vector<std::int32_t> columns;
    std::vector<std::int64_t> starts;
    std::vector<std::int32_t> y;
    std::vector<double> weights;

    [[nodiscard]] SparseRows<double> sparse() const { return {values, columns, starts, dense.cols}; }
};

Problem random_problem(std::size_t rows, std::size_t cols, std::size_t classes) {
    Problem p;
    p.dense = Matrix<double>(rows, cols);
    p.starts.push_back(0);
    RandomStream stream(7, Purpose::test, 0);
    for (std::size_t r = 0; r < rows; ++r) {
        p.y.push_back(static_cast<std::int32_t>(stream.below(classes)));
        p.weights.push_back(0.5 + static_cast<double>(stream.below(3)));
        for (std::size_t c = 0; c < cols; ++c) {
            if (stream.below(4) == 0) {
                p.dense(r, c) = stream.normal();
                p.values.push_back(p.dense(r, c));
                p.columns.push_back(static_cast<std::int32_t>(c));
            }
        }
        p.starts.push_back(static_cast<std::int64_t>(p.values.size()));
    }
    return p;
}

std::vector<double> somewhere(std::size_t n_features, std::size_t n_outputs, std::size_t lanes) {
    RandomStream stream(8, Purpose::test, 1);
    std::vector<double> x((n_features + 1) * lanes);
    for (std::size_t j = 0; j <= n_features; ++j) {
        for (std::size_t k = 0; k < n_outputs; ++k) {
            x[j * lanes + k] = 0.3 * stream.normal();
        }
    }
    return x;
}

}  // namespace

TEST_CASE("dense and sparse rows have one objective, whose gradient is that of finite differences") {
    for (const std::size_t classes : {2U, 3U, 9U}) {
        const Problem p = random_problem(600, 11, classes);
        const std::size_t n_outputs = classes == 2 ? 1 : classes;
        LogisticOptions options;
        options.c = 0.1;
        options.l1_ratio = 0.25;
        Parallel parallel(2);
        StopToken stop;
        const auto columns = by_columns(p.sparse(), stop);
        const auto dense = dense_objective(p.dense.view(), p.y, p.weights, n_outputs, options, parallel, stop);
        const auto sparse = sparse_objective(p.sparse(), columns, p.y, p.weights, n_outputs, options, parallel, stop);
        CHECK(dense->has_l1());
        std::vector<double> x = somewhere(11, n_outputs, dense->lanes());
        std::vector<double> gradient(x.size());
        std::vector<double> other(x.size());
        const double value = (*dense)(x, gradient);
        CHECK((*sparse)(x, other) == doctest::Approx(value).epsilon(1e-13));
        std::vector<double> scratch(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            CHECK(other[i] == doctest::Approx(gradient[i]).epsilon(1e-11));
            const double at = x[i];
            x[i] = at + 1e-5;
            const double above = (*dense)(x, scratch);
            x[i] = at - 1e-5;
            const double below = (*dense)(x, scratch);
            x[i] = at;
            if (i % dense->lanes() < n_outputs) {
                CHECK((above - below) / 2e-5 == doctest::Approx(gradient[i]).epsilon(1e-6));  // rounding 1e-16 / 1e-5, curvature 1e-10
            } else {
                CHECK(gradient[i] == 0);
            }
        }
    }
}

TEST_CASE("the copy by columns holds every value at its place") {
    const Problem p = random_problem(50, 6, 2);
    StopToken stop;
    const auto columns = by_columns(p.sparse(), stop);
    Matrix<double> again(50, 6);
    for (std::size_t j = 0; j < 6; ++j) {
        for (auto i = static_cast<std::size_t>(columns.starts[j]); i < static_cast<std::size_t>(columns.starts[j + 1]); ++i) {
            again(static_cast<std::size_t>(columns.rows[i]), j) = columns.values[i];
        }
    }
    CHECK(again.values == p.dense.values);
}

TEST_CASE("absolute values weigh on coefficients only, and not at all without a penalty") {
    const Problem p = random_problem(40, 3, 3);
    Parallel parallel(1);
    StopToken stop;
    LogisticOptions options;
    options.l1_ratio = 1;
    const auto objective = dense_objective(p.dense.view(), p.y, p.weights, 3, options, parallel, stop);
    double total = 0;
    for (const double w : p.weights) {
        total += w;
    }
    const std::vector<double> l1 = objective->l1_weights();
    CHECK(l1.size() == 16);
    for (std::size_t i = 0; i < l1.size(); ++i) {
        CHECK(l1[i] == (i < 12 && i % 4 < 3 ? 1.0 / total : 0.0));
    }
    options.c = HUGE_VAL;
    CHECK_FALSE(dense_objective(p.dense.view(), p.y, p.weights, 3, options, parallel, stop)->has_l1());
}

TEST_CASE("class weights multiply the weights of rows; balanced ones even the classes out") {
    LogisticOptions options;
    options.class_weights = {2, 3};
    const std::vector<std::int32_t> y = {0, 1, 1, 1};
    CHECK(row_weights(y, {}, 2, options) == std::vector<double>{2, 3, 3, 3});
    options.class_weights.clear();
    options.balanced = true;
    const std::vector<double> given = {1, 1, 2, 1};
    const auto w = row_weights(y, given, 2, options);
    CHECK(w[0] == doctest::Approx(w[1] + w[2] + w[3]));
}
