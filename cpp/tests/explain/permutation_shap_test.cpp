#include "emotion/explain/permutation_shap.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::explain {
namespace {

Matrix<double> random_rows(std::size_t n, std::size_t d, std::uint64_t seed) {
    RandomStream stream(seed, Purpose::test, 1);
    Matrix<double> x(n, d);
    for (double& value : x.values) {
        value = stream.normal();
    }
    return x;
}

// Two outputs with interactions.
std::pair<double, double> f(std::span<const double> row) {
    double product = 1;
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
        product *= 1 + 0.5 * row[j];
        sum += static_cast<double>(j) * row[j] * row[(j + 1) % row.size()];
    }
    return {product, std::tanh(sum)};
}

Matrix<double> ask(const Matrix<double>& rows) {
    Matrix<double> out(rows.rows, 2);
    for (std::size_t r = 0; r < rows.rows; ++r) {
        std::tie(out(r, 0), out(r, 1)) = f(rows.row(r));
    }
    return out;
}

Matrix<double> means(const Matrix<double>& scores, std::size_t n) {
    Matrix<double> out(scores.rows / n, scores.cols);
    average_background(scores.view(), n, out.view());
    return out;
}

std::vector<double> explain(const PermutationShap& plan, const Matrix<double>& x, const Matrix<double>& background, int threads) {
    Parallel parallel(threads);
    StopToken stop;
    Matrix<double> rows(x.rows * plan.n_coalitions() * background.rows, x.cols);
    plan.fill<double>(x.view(), background.view(), 0, x.rows * plan.n_coalitions(), rows.view(), parallel, stop);
    std::vector<double> values(x.rows * x.cols * 2);
    const Matrix<double> worth = means(ask(rows), background.rows);
    const Matrix<double> empty = means(ask(background), background.rows);
    const Matrix<double> whole = ask(x);
    plan.values(worth.view(), empty.values, whole.view(), values, parallel, stop);
    return values;
}

// The definition: a mean over all orders of the columns.
double shapley(const Matrix<double>& x, const Matrix<double>& background, std::size_t row, std::size_t column, std::size_t output) {
    const std::size_t d = x.cols;
    double sum = 0;
    for (unsigned set = 0; set < (1U << d); ++set) {
        if (((set >> column) & 1U) != 0) {
            continue;
        }
        const int size = __builtin_popcount(set);
        const double weight = std::tgamma(size + 1) * std::tgamma(static_cast<double>(d) - size) / std::tgamma(static_cast<double>(d) + 1);
        for (std::size_t b = 0; b < background.rows; ++b) {
            for (const bool with : {false, true}) {
                std::vector<double> mixed(d);
                for (std::size_t j = 0; j < d; ++j) {
                    mixed[j] = ((set >> j) & 1U) != 0 || (with && j == column) ? x(row, j) : background(b, j);
                }
                const auto [first, second] = f(mixed);
                sum += (with ? weight : -weight) * (output == 0 ? first : second) / static_cast<double>(background.rows);
            }
        }
    }
    return sum;
}

TEST_CASE("all coalitions give the definition; so does one column") {
    for (const std::size_t d : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
        const Matrix<double> x = random_rows(3, d, 1);
        const Matrix<double> background = random_rows(4, d, 2);
        const auto values = explain(PermutationShap(d, 0, 0), x, background, 1);
        for (std::size_t r = 0; r < 3; ++r) {
            for (std::size_t j = 0; j < d; ++j) {
                for (std::size_t k = 0; k < 2; ++k) {
                    CHECK(values[(r * d + j) * 2 + k] == doctest::Approx(shapley(x, background, r, j, k)).epsilon(1e-12).scale(1));
                }
            }
        }
    }
}

TEST_CASE("pairs of two columns are all orders, so exact; of many columns they add up and come near") {
    const Matrix<double> x2 = random_rows(2, 2, 3);
    const Matrix<double> background2 = random_rows(3, 2, 4);
    const auto two = explain(PermutationShap(2, 1, 9), x2, background2, 1);
    CHECK(two[1] == doctest::Approx(shapley(x2, background2, 0, 0, 1)).epsilon(1e-12));

    const Matrix<double> x = random_rows(2, 6, 5);
    const Matrix<double> background = random_rows(3, 6, 6);
    const PermutationShap plan(6, 300, 7);
    const auto values = explain(plan, x, background, 1);
    const Matrix<double> empty = means(ask(background), 3);
    const Matrix<double> whole = ask(x);
    for (std::size_t k = 0; k < 2; ++k) {
        double sum = empty(0, k);
        for (std::size_t j = 0; j < 6; ++j) {
            sum += values[(6 + j) * 2 + k];
            // 300 pairs: a standard error of at most a twentieth of the spread of shares, which is near 1.
            CHECK(std::abs(values[(6 + j) * 2 + k] - shapley(x, background, 1, j, k)) < 0.25);
        }
        CHECK(sum == doctest::Approx(whole(1, k)).epsilon(1e-12));
    }
    CHECK(explain(plan, x, background, 2) == values);
    CHECK(explain(plan, x, background, 7) == values);
    CHECK(explain(PermutationShap(6, 300, 8), x, background, 1) != values);
}

TEST_CASE("parts of the coalitions are rows of the whole") {
    const Matrix<double> x = random_rows(3, 4, 1);
    const Matrix<double> background = random_rows(2, 4, 2);
    const PermutationShap plan(4, 2, 3);
    CHECK(plan.n_coalitions() == 12);
    Parallel parallel(2);
    StopToken stop;
    Matrix<double> all(36 * 2, 4);
    plan.fill<double>(x.view(), background.view(), 0, 36, all.view(), parallel, stop);
    Matrix<double> part(5 * 2, 4);
    plan.fill<double>(x.view(), background.view(), 10, 15, part.view(), parallel, stop);
    CHECK(std::equal(part.values.begin(), part.values.end(), all.values.begin() + 10 * 2 * 4));
}

TEST_CASE("plans and extents that cannot be are refused") {
    CHECK_THROWS_AS(PermutationShap(0, 1, 0), InvalidInputError);
    CHECK_THROWS_AS(PermutationShap(21, 0, 0), InvalidInputError);
    const Matrix<double> x = random_rows(1, 3, 1);
    Parallel parallel(1);
    StopToken stop;
    const PermutationShap plan(3, 1, 0);
    Matrix<double> out(4, 3);
    CHECK_NOTHROW(plan.fill<double>(x.view(), x.view(), 0, 4, out.view(), parallel, stop));
    CHECK_THROWS_AS(plan.fill<double>(x.view(), x.view(), 1, 5, out.view(), parallel, stop), InvalidInputError);
    CHECK_THROWS_AS(plan.fill<double>(x.view(), x.view(), 0, 3, out.view(), parallel, stop), InvalidInputError);
    std::vector<double> values(3);
    const std::vector<double> empty(1);
    CHECK_THROWS_AS(plan.values({out.values.data(), 3, 1}, empty, {out.values.data(), 1, 1}, values, parallel, stop), InvalidInputError);
    Matrix<double> mean(1, 3);
    CHECK_THROWS_AS(average_background(std::as_const(out).view(), 0, mean.view()), InvalidInputError);
}

TEST_CASE("a stop ends the writing of rows") {
    const Matrix<double> x = random_rows(1, 3, 1);
    Parallel parallel(1);
    StopToken stop;
    stop.request_stop();
    Matrix<double> out(4, 3);
    CHECK_THROWS_AS(PermutationShap(3, 1, 0).fill<double>(x.view(), x.view(), 0, 4, out.view(), parallel, stop), Cancelled);
}

}  // namespace
}  // namespace emotion::explain
