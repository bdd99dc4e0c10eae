#include "emotion/sampling/random_under_sampler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace emotion::sampling;

TEST_CASE("classes in order, rows of each ascending and distinct, uniform over the rows") {
    std::vector<std::int32_t> labels(40, 2);
    labels.resize(50, 0);
    std::vector<double> drawn(40);
    for (std::uint64_t seed = 0; seed < 4000; ++seed) {
        const auto kept = random_under_sample(labels, 3, {{Strategy::not_minority, {}, 1}, seed, false});
        REQUIRE(kept.size() == 20);
        CHECK(std::is_sorted(kept.begin() + 10, kept.end()));
        CHECK(std::adjacent_find(kept.begin() + 10, kept.end()) == kept.end());
        for (std::size_t i = 0; i < 20; ++i) {
            CHECK(labels[static_cast<std::size_t>(kept[i])] == (i < 10 ? 0 : 2));
        }
        std::for_each(kept.begin() + 10, kept.end(), [&](std::int64_t row) { ++drawn[static_cast<std::size_t>(row)]; });
    }
    double chi2 = 0;
    for (const double d : drawn) {
        chi2 += (d - 1000) * (d - 1000) / (1000 * 0.75);  // each row is drawn with probability 1/4
    }
    CHECK(chi2 < 72.1);  // the 99.9 % point with 39 degrees of freedom
}

TEST_CASE("with replacement rows repeat") {
    const std::vector<std::int32_t> labels = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
    bool repeated = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto kept = random_under_sample(labels, 2, {{Strategy::majority, {}, 1}, seed, true});
        CHECK(kept.size() == 10);
        repeated = repeated || std::adjacent_find(kept.begin(), kept.end()) != kept.end();
    }
    CHECK(repeated);
}
