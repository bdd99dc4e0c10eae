#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "emotion/core/errors.hpp"
#include "emotion/trees/forest_predictor.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

Forest small_forest() {
    ForestOptions options;
    options.n_estimators = 3;
    return test::fit(test::make_data(60, 3, 2, 1), options);
}

TEST_CASE("a fitted forest is valid; each broken rule is refused") {
    const Forest good = small_forest();
    CHECK_NOTHROW(validate(good));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<std::function<void(Forest&)>> breaks = {
        [](Forest& f) { f.n_classes = 0; },
        [](Forest& f) { f.n_classes = 3; },
        [](Forest& f) { f.n_classes = std::numeric_limits<std::size_t>::max(); },
        [](Forest& f) { f.n_features = 0; },
        [](Forest& f) { f.tree_offsets.clear(); },
        [](Forest& f) { f.tree_offsets = {0}; },
        [](Forest& f) { f.tree_offsets[0] = 1; },
        [](Forest& f) { f.tree_offsets[1] = f.tree_offsets[2]; },
        [](Forest& f) { f.tree_offsets[1] = -5; },
        [](Forest& f) { f.tree_offsets[1] = 1'000'000; },
        [](Forest& f) { f.tree_offsets.back() += 1; },
        [](Forest& f) { f.threshold.pop_back(); },
        [](Forest& f) { f.value.push_back(1); },
        [](Forest& f) { f.missing_left.clear(); },
        [](Forest& f) { f.feature[0] = 3; },
        [](Forest& f) { f.feature[0] = -2; },
        [](Forest& f) { f.feature[0] = -1; },
        [](Forest& f) { f.left[0] = 0; },
        [](Forest& f) { f.left[0] = -1; },
        [](Forest& f) { f.left[0] = 1'000'000; },
        [](Forest& f) { f.right[0] = f.left[0]; },
        [](Forest& f) { f.right[0] = f.right[0] + 1; },
        [](Forest& f) { f.threshold[0] = std::numeric_limits<float>::quiet_NaN(); },
        [nan](Forest& f) { f.cover[0] = nan; },
        [](Forest& f) { f.cover[0] = -1; },
        [nan](Forest& f) { f.value[0] = nan; },
        [](Forest& f) { f.value[0] += 0.5; },
        [](Forest& f) { f = Forest{}; },
    };
    for (std::size_t i = 0; i < breaks.size(); ++i) {
        Forest bad = good;
        breaks[i](bad);
        CAPTURE(i);
        CHECK_THROWS_AS(validate(bad), ModelFormatError);
    }
}

TEST_CASE("thousands of random changes: refused, or safe to predict with") {
    const Forest good = small_forest();
    const Matrix<float> x = test::make_data(5, 3, 2, 2).x;
    Parallel parallel(1);
    StopToken stop;
    Matrix<double> out(5, 2);
    int accepted = 0;
    for (std::uint64_t trial = 0; trial < 5000; ++trial) {
        RandomStream stream(trial, Purpose::test, 0);
        Forest bad = good;
        for (std::uint64_t change = 0; change <= stream.below(3); ++change) {
            const std::size_t node = stream.below(bad.n_nodes());
            const auto number = static_cast<std::int32_t>(stream.below(bad.n_nodes() + 4)) - 2;
            switch (stream.below(4)) {
                case 0: bad.feature[node] = number % 5; break;
                case 1: bad.left[node] = number; break;
                case 2: bad.right[node] = number; break;
                default: bad.tree_offsets[stream.below(4)] = number; break;
            }
        }
        try {
            validate(bad);
            predict_proba(bad, x.view(), out.view(), parallel, stop);
            ++accepted;
        } catch (const ModelFormatError&) {
        }
    }
    CHECK(accepted < 2500);
}

}  // namespace
}  // namespace emotion::trees
