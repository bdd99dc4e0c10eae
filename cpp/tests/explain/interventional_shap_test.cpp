#include "emotion/explain/interventional_shap.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "../trees/forests.hpp"
#include "coalitions.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::explain {
namespace {

struct Explained {
    std::vector<double> values;
    std::vector<double> base;
};

Explained explain(const InterventionalShap& shap, const Matrix<float>& x, int n_threads = 1) {
    Explained out{std::vector<double>(x.rows * shap.n_features() * shap.n_outputs()), std::vector<double>(shap.n_outputs())};
    Parallel parallel(n_threads);
    StopToken stop;
    shap.explain(x.view(), out.values, out.base, parallel, stop);
    return out;
}

TEST_CASE("values equal the sum over all coalitions, averaged over the background") {
    StopToken stop;
    for (const auto& [classes, width] : {std::pair<std::size_t, std::size_t>{2, 1}, {3, 1}, {3, 3}}) {
        const trees::Boosting model = test::random_boosting(classes, width, 5, 4, 30 + classes + width);
        const TreeArrays trees = arrays_of(model);
        const Matrix<float> x = test::random_rows(6, 4, 31, 0.2);
        const Matrix<float> background = test::random_rows(70, 4, 32, 0.2);
        const Explained found = explain(InterventionalShap(model, background.view(), stop), x);
        const std::size_t outputs = model.n_outputs();
        for (std::size_t r = 0; r < x.rows; ++r) {
            for (std::size_t j = 0; j < 4; ++j) {
                for (std::size_t k = 0; k < outputs; ++k) {
                    double expected = 0;
                    for (std::size_t b = 0; b < background.rows; ++b) {
                        expected += test::shapley_value(trees, x.row(r).data(), j, k, background.row(b).data()) / 70;
                    }
                    REQUIRE(found.values[(r * 4 + j) * outputs + k] == doctest::Approx(expected).epsilon(1e-11).scale(1));
                }
            }
        }
    }
}

TEST_CASE("deep forests: base and contributions sum to the prediction; equal bits for any number of threads; a row against itself is zero") {
    const auto data = trees::test::make_data(400, 40, 8, 5, 0, 0.02);
    trees::ForestOptions options;
    options.n_estimators = 8;
    options.max_features = 3;
    const trees::Forest forest = trees::test::fit(data, options);
    const Matrix<float> background = test::random_rows(130, 40, 6, 0.02);
    StopToken stop;
    const InterventionalShap shap(forest, background.view(), stop);
    Matrix<float> x(10, 40);
    std::copy_n(data.x.values.begin(), x.values.size(), x.values.begin());
    const Explained found = explain(shap, x);
    const trees::ForestPredictor predictor(forest);
    std::vector<double> expected(8);
    for (std::size_t r = 0; r < x.rows; ++r) {
        predictor.predict_row(x.row(r).data(), expected.data());
        for (std::size_t c = 0; c < 8; ++c) {
            double sum = found.base[c];
            for (std::size_t j = 0; j < 40; ++j) {
                sum += found.values[(r * 40 + j) * 8 + c];
            }
            REQUIRE(std::abs(sum - expected[c]) < 1e-9);
        }
    }
    for (const int n_threads : {2, 7}) {
        CHECK(explain(shap, x, n_threads).values == found.values);
    }
    Matrix<float> same(1, 40);
    std::ranges::copy(background.row(0), same.values.begin());
    const Explained itself = explain(InterventionalShap(forest, same.view(), stop), same);
    CHECK(std::ranges::all_of(itself.values, [](double v) { return v == 0; }));
}

TEST_CASE("empty backgrounds, other columns and wrong extents are refused; a stop request ends the work") {
    const trees::Boosting model = test::random_boosting(3, 1, 4, 4, 40);
    StopToken stop;
    const Matrix<float> none(0, 4);
    const Matrix<float> wide(3, 5);
    CHECK_THROWS_AS(InterventionalShap(model, none.view(), stop), InvalidInputError);
    CHECK_THROWS_AS(InterventionalShap(model, wide.view(), stop), InvalidInputError);
    const Matrix<float> background = test::random_rows(3, 4, 41, 0);
    const InterventionalShap shap(model, background.view(), stop);
    std::vector<double> values(12);
    std::vector<double> base(3);
    Parallel parallel(1);
    CHECK_THROWS_AS(shap.explain(wide.view(), values, base, parallel, stop), InvalidInputError);
    CHECK_THROWS_AS(shap.explain(background.view(), values, base, parallel, stop), InvalidInputError);
    values.resize(36);
    stop.request_stop();
    CHECK_THROWS_AS(shap.explain(background.view(), values, base, parallel, stop), Cancelled);
}

}  // namespace
}  // namespace emotion::explain
