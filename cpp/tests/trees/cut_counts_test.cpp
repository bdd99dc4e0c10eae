#include "../../src/trees/cut_counts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("ranges and sums equal a plain loop, with NaN, infinities and any length") {
    RandomStream stream(1, Purpose::test, 0);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t n = 1; n < 80; ++n) {
        std::vector<float> values(n + padding);
        std::vector<std::uint64_t> words(n);
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t kind = stream.below(n % 3 == 0 ? 10 : 100);
            values[i] = kind == 0 ? std::nanf("") : kind == 1 ? -infinity : static_cast<float>(stream.normal());
            words[i] = std::uint64_t{1} << (8 * stream.below(8));
        }
        float low = infinity;
        float high = -infinity;
        std::uint64_t left = 0;
        std::uint64_t missing = 0;
        for (std::size_t i = 0; i < n; ++i) {
            low = std::fmin(low, values[i]);
            high = std::fmax(high, values[i]);
            left += values[i] <= 0.25F ? words[i] : 0;
            missing += std::isnan(values[i]) ? words[i] : 0;
        }
        CHECK(words_left(values.data(), words.data(), n, 0.25F, false) == left);
        CHECK(words_left(values.data(), words.data(), n, 0.25F, true) == left + missing);
        const ValueRange range = value_range(values.data(), n);
        CHECK(range.low == low);
        CHECK(range.high == high);
        CHECK(range.missing == (missing != 0));
    }
}

}  // namespace
}  // namespace emotion::trees
