#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "boostings.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("a model is valid; each broken rule is refused") {
    Boosting good = test::random_boosting(3, 1, 2, 3, 4);
    while (good.feature[0] < 0) {
        good = test::random_boosting(3, 1, 2, 3, good.n_nodes() + 100);
    }
    CHECK_NOTHROW(validate(good));
    CHECK_NOTHROW(validate(test::random_boosting(3, 3, 2, 3, 4)));
    CHECK_NOTHROW(validate(test::random_boosting(2, 1, 2, 3, 4)));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<std::function<void(Boosting&)>> breaks = {
        [](Boosting& b) { b.n_classes = 1; },
        [](Boosting& b) { b.n_classes = 4; },
        [](Boosting& b) { b.n_classes = std::numeric_limits<std::size_t>::max(); },
        [](Boosting& b) { b.n_features = 0; },
        [](Boosting& b) { b.leaf_width = 2; },
        [](Boosting& b) { b.leaf_width = 0; },
        [](Boosting& b) { b.leaf_width = 3; },
        [](Boosting& b) { b.baseline.pop_back(); },
        [nan](Boosting& b) { b.baseline[0] = nan; },
        [](Boosting& b) { b.tree_offsets.clear(); },
        [](Boosting& b) { b.tree_offsets = {0}; },
        [](Boosting& b) { b.tree_offsets.erase(b.tree_offsets.begin() + 1); },
        [](Boosting& b) { b.tree_offsets[0] = 1; },
        [](Boosting& b) { b.tree_offsets[1] = b.tree_offsets[2]; },
        [](Boosting& b) { b.tree_offsets[1] = -5; },
        [](Boosting& b) { b.tree_offsets[1] = 1'000'000; },
        [](Boosting& b) { b.tree_offsets.back() += 1; },
        [](Boosting& b) { b.threshold.pop_back(); },
        [](Boosting& b) { b.value.push_back(1); },
        [](Boosting& b) { b.gain.pop_back(); },
        [](Boosting& b) { b.missing_left.clear(); },
        [](Boosting& b) { b.feature[0] = 3; },
        [](Boosting& b) { b.feature[0] = -2; },
        [](Boosting& b) { b.feature[0] = -1; },
        [](Boosting& b) { b.left[0] = 0; },
        [](Boosting& b) { b.left[0] = -1; },
        [](Boosting& b) { b.left[0] = 1'000'000; },
        [](Boosting& b) { b.right[0] = b.left[0]; },
        [](Boosting& b) { b.threshold[0] = std::numeric_limits<float>::quiet_NaN(); },
        [nan](Boosting& b) { b.cover[0] = nan; },
        [](Boosting& b) { b.cover[0] = -1; },
        [nan](Boosting& b) { b.gain[0] = nan; },
        [](Boosting& b) { b.value[0] = std::numeric_limits<double>::infinity(); },
        [](Boosting& b) { b = Boosting{}; },
    };
    for (std::size_t i = 0; i < breaks.size(); ++i) {
        Boosting bad = good;
        breaks[i](bad);
        CAPTURE(i);
        CHECK_THROWS_AS(validate(bad), ModelFormatError);
    }
}

}  // namespace
}  // namespace emotion::trees
