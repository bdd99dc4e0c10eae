#include "../../src/explain/tree_walk.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "coalitions.hpp"
#include "emotion/explain/tree_shap.hpp"

namespace emotion::explain {
namespace {

std::vector<double> explain(const TreeShap& shap, const Matrix<float>& x) {
    std::vector<double> values(x.rows * shap.n_features() * shap.n_outputs());
    std::vector<double> base(shap.n_outputs());
    Parallel parallel(1);
    StopToken stop;
    shap.explain(x.view(), values, base, parallel, stop);
    return values;
}

TEST_CASE("a row's bits do not depend on the rows beside it, nor on its lane") {
    const trees::Boosting model = test::random_boosting(4, 1, 6, 5, 3);
    const TreeShap shap(model);
    const Matrix<float> x = test::random_rows(21, 5, 4, 0.1);
    const std::vector<double> together = explain(shap, x);
    for (std::size_t r = 0; r < x.rows; ++r) {
        Matrix<float> one(1, 5);
        std::ranges::copy(x.row(r), one.values.begin());
        const std::vector<double> alone = explain(shap, one);
        CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(r * alone.size())));
    }
}

TEST_CASE("margins of boosting equal the sum over all coalitions, columns coming again on a path") {
    for (const auto& [classes, width] : {std::pair<std::size_t, std::size_t>{2, 1}, {3, 1}, {3, 3}}) {
        const trees::Boosting model = test::random_boosting(classes, width, 5, 4, 10 + classes + width);
        const TreeArrays trees = arrays_of(model);
        const Matrix<float> x = test::random_rows(9, 4, 5, 0.2);
        const TreeShap shap(model);
        const std::vector<double> found = explain(shap, x);
        const std::size_t outputs = model.n_outputs();
        REQUIRE(shap.n_outputs() == outputs);
        for (std::size_t r = 0; r < x.rows; ++r) {
            for (std::size_t j = 0; j < 4; ++j) {
                for (std::size_t k = 0; k < outputs; ++k) {
                    REQUIRE(found[(r * 4 + j) * outputs + k] == doctest::Approx(test::shapley_value(trees, x.row(r).data(), j, k)).epsilon(1e-11).scale(1));
                }
            }
        }
    }
}

TEST_CASE("children without cover: the branch that no training row took has no say, and nothing becomes NaN") {
    trees::Boosting model = test::random_boosting(2, 1, 8, 3, 7);
    for (std::size_t i = 0; i < model.feature.size(); ++i) {
        model.cover[i] = i % 3 == 0 ? 0 : model.cover[i];
    }
    const Matrix<float> x = test::random_rows(16, 3, 8, 0.1);
    const std::vector<double> found = explain(TreeShap(model), x);
    CHECK(std::ranges::all_of(found, [](double v) { return std::isfinite(v); }));
}

}  // namespace
}  // namespace emotion::explain
