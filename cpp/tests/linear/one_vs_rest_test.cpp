#include "emotion/linear/one_vs_rest.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::linear;

namespace {

Matrix<float> random_rows(std::size_t rows, std::size_t cols) {
    Matrix<float> x(rows, cols);
    RandomStream stream(3, Purpose::test, 0);
    for (float& v : x.values) {
        v = stream.below(3) == 0 ? 0.0F : static_cast<float>(stream.normal());
    }
    return x;
}

Matrix<std::uint8_t> random_labels(const Matrix<float>& x, std::size_t n_labels) {
    Matrix<std::uint8_t> labels(n_labels, x.rows);
    RandomStream stream(5, Purpose::test, 1);
    for (std::size_t k = 0; k < n_labels; ++k) {
        for (std::size_t r = 0; r < x.rows; ++r) {
            labels(k, r) = static_cast<double>(x(r, k)) + stream.normal() > 0.5 ? 1 : 0;
        }
    }
    return labels;
}

struct Csr {
    std::vector<float> values;
    std::vector<std::int32_t> columns;
    std::vector<std::int64_t> starts = {0};
    std::size_t cols;

    explicit Csr(const Matrix<float>& x) : cols(x.cols) {
        for (std::size_t r = 0; r < x.rows; ++r) {
            for (std::size_t c = 0; c < x.cols; ++c) {
                if (x(r, c) != 0) {
                    values.push_back(x(r, c));
                    columns.push_back(static_cast<std::int32_t>(c));
                }
            }
            starts.push_back(static_cast<std::int64_t>(values.size()));
        }
    }
    [[nodiscard]] SparseRows<float> view() const { return {values, columns, starts, cols}; }
};

}  // namespace

TEST_CASE("each label's fit is the fit of that label alone, bit for bit and for any number of threads") {
    const Matrix<float> x = random_rows(700, 9);
    const Matrix<std::uint8_t> labels = random_labels(x, 5);
    const Csr sparse(x);
    for (const double l1_ratio : {0.0, 0.5, 1.0}) {
        LogisticOptions options;
        options.l1_ratio = l1_ratio;
        options.c = 0.2;
        options.balanced = true;
        StopToken stop;
        Parallel one(1);
        for (const int threads : {1, 2, 7}) {
            Parallel parallel(threads);
            const auto dense_fits = fit_one_vs_rest(x.view(), labels.view(), {}, options, parallel, stop);
            const auto sparse_fits = fit_one_vs_rest(sparse.view(), labels.view(), {}, options, parallel, stop);
            CHECK(dense_fits.size() == 5);
            for (std::size_t k = 0; k < 5; ++k) {
                const std::vector<std::int32_t> y(labels.row(k).begin(), labels.row(k).end());
                const auto alone = fit_logistic(x.view(), y, {}, 2, options, one, stop);
                CHECK(dense_fits[k].model.coef == alone.model.coef);
                CHECK(dense_fits[k].model.intercept == alone.model.intercept);
                CHECK(sparse_fits[k].model.coef == fit_logistic(sparse.view(), y, {}, 2, options, one, stop).model.coef);
                CHECK(dense_fits[k].converged);
            }
        }
    }
}

TEST_CASE("scores and probabilities are those of the labels' own models") {
    const Matrix<float> x = random_rows(50, 4);
    const Csr sparse(x);
    const Matrix<double> coef = [] {
        Matrix<double> c(2, 4);
        c.values = {1, -2, 0.5, 0, 0, 3, -1, 1};
        return c;
    }();
    const std::vector<double> intercept = {0.1, -0.2};
    Matrix<double> proba(50, 2);
    Matrix<double> scores(50, 2);
    Matrix<double> of_sparse(50, 2);
    one_vs_rest_scores(coef.view(), intercept, x.view(), true, proba.view());
    one_vs_rest_scores(coef.view(), intercept, x.view(), false, scores.view());
    one_vs_rest_scores(coef.view(), intercept, sparse.view(), false, of_sparse.view());
    for (std::size_t k = 0; k < 2; ++k) {
        const LogisticModel model{2, 4, {coef.row(k).begin(), coef.row(k).end()}, {intercept[k]}};
        Matrix<double> own(50, 2);
        predict_proba(model, x.view(), own.view());
        Matrix<double> score(50, 1);
        decision_function(model, x.view(), score.view());
        for (std::size_t r = 0; r < 50; ++r) {
            CHECK(proba(r, k) == own(r, 1));
            CHECK(scores(r, k) == score(r, 0));
            CHECK(of_sparse(r, k) == doctest::Approx(scores(r, k)).epsilon(1e-12));
        }
    }
}
