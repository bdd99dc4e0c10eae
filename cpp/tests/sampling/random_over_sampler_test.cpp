#include "emotion/sampling/random_over_sampler.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion::sampling;

namespace {

const std::vector<std::int32_t> labels = {0, 1, 0, 2, 0, 1, 0};  // 4, 2 and 1 rows

std::vector<std::int64_t> counts_after(const OverSamplerOptions& options) {
    const auto positions = random_over_sample(labels, 3, options);
    std::vector<std::int64_t> counts(3);
    std::int32_t last = 0;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        if (i < labels.size()) {
            CHECK(positions[i] == static_cast<std::int64_t>(i));
        } else {
            const std::int32_t label = labels[static_cast<std::size_t>(positions[i])];
            CHECK(label >= last);  // class by class
            last = label;
        }
        ++counts[static_cast<std::size_t>(labels[static_cast<std::size_t>(positions[i])])];
    }
    return counts;
}

using Counts = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("rows of each class after every strategy") {
    CHECK(counts_after({Strategy::not_majority, {}, 1, 5}) == Counts{4, 4, 4});
    CHECK(counts_after({Strategy::all, {}, 1, 5}) == Counts{4, 4, 4});
    CHECK(counts_after({Strategy::minority, {}, 1, 5}) == Counts{4, 2, 4});
    CHECK(counts_after({Strategy::counts, {-1, 3, 9}, 1, 5}) == Counts{4, 3, 9});
    const std::vector<std::int32_t> two = {0, 0, 0, 0, 1};
    CHECK(random_over_sample(two, 2, {Strategy::ratio, {}, 0.75, 5}).size() == 7);
}

TEST_CASE("absent classes change nothing; the seed changes the copies") {
    std::vector<std::int32_t> shifted = labels;
    for (auto& label : shifted) {
        label = 2 * label + 1;
    }
    const OverSamplerOptions options{Strategy::not_majority, {}, 1, 5};
    CHECK(random_over_sample(labels, 3, options) == random_over_sample(shifted, 6, options));
    std::vector<std::int32_t> many(100, 0);
    many.resize(150, 1);
    CHECK(random_over_sample(many, 2, options) != random_over_sample(many, 2, {Strategy::not_majority, {}, 1, 6}));
}

TEST_CASE("draws are uniform over the rows of a class: chi-square over 10 rows") {
    std::vector<std::int32_t> y(10, 1);
    y.resize(100010, 0);
    const auto positions = random_over_sample(y, 2, {Strategy::not_majority, {}, 1, 3});
    std::vector<double> drawn(10);
    for (std::size_t i = y.size(); i < positions.size(); ++i) {
        ++drawn.at(static_cast<std::size_t>(positions[i]));
    }
    const double expected = std::accumulate(drawn.begin(), drawn.end(), 0.0) / 10;
    double chi2 = 0;
    for (const double d : drawn) {
        chi2 += (d - expected) * (d - expected) / expected;
    }
    CHECK(chi2 < 27.9);  // the 99.9 % point with 9 degrees of freedom
}

TEST_CASE("what cannot be drawn is refused") {
    CHECK_THROWS_AS(random_over_sample(labels, 3, {Strategy::counts, {3, -1, -1}, 1, 0}), emotion::InvalidInputError);
    CHECK_THROWS_AS(random_over_sample(labels, 4, {Strategy::counts, {-1, -1, -1, 2}, 1, 0}), emotion::InvalidInputError);
    CHECK_THROWS_AS(random_over_sample(labels, 3, {Strategy::ratio, {}, 0.5, 0}), emotion::InvalidInputError);
    const std::vector<std::int32_t> two = {0, 0, 1};
    CHECK_THROWS_AS(random_over_sample(two, 2, {Strategy::ratio, {}, 0.4, 0}), emotion::InvalidInputError);
}
