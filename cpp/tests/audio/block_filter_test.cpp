#include "block_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/core/errors.hpp"
#include "noise.hpp"

using emotion::StopToken;
using emotion::audio::BlockFilter;
using emotion::audio::test::uniform_noise;

namespace {

struct Case {
    std::size_t up, down, taps;
    std::vector<std::int64_t> first;
};
const std::vector<Case> cases{{1, 1, 1, {0}},     {1, 1, 100, {-50}},          {1, 3, 560, {-279}},         {2, 1, 182, {-91, -90}},
                              {3, 2, 280, {-139, -139, -138}}, {1, 16, 3000, {-1499}}, {4, 3, 300, {-140, 5, -100, 3}}, {1, 2, 64, {7}}};

double by_definition(const std::vector<float>& x, const Case& c, const std::vector<float>& h, std::size_t m) {
    const std::size_t r = m % c.up;
    double sum = 0;
    for (std::size_t j = 0; j < c.taps; ++j) {
        const auto at = static_cast<std::int64_t>(m / c.up * c.down) + c.first[r] + static_cast<std::int64_t>(j);
        if (at >= 0 && at < static_cast<std::int64_t>(x.size())) {
            sum += static_cast<double>(h[r * c.taps + j]) * static_cast<double>(x[static_cast<std::size_t>(at)]);
        }
    }
    return sum;
}

}  // namespace

TEST_CASE("outputs equal the definition, for signals of one sample to several batches, and one value more is never written") {
    for (const Case& c : cases) {
        CAPTURE(c.up);
        CAPTURE(c.down);
        REQUIRE(BlockFilter::suits(c.up, c.down, c.taps));
        const auto h = uniform_noise(c.up * c.taps, 1);
        const BlockFilter filter(c.up, c.down, h, c.taps, c.first);
        for (const std::size_t n : {1UL, 7UL, 1000UL, 20'011UL * c.down}) {
            CAPTURE(n);
            const auto x = uniform_noise(n, 2);
            const std::size_t size = (n * c.up + c.down - 1) / c.down;
            std::vector<float> y(size + 1, 77.0F);
            filter.apply(x, {y.data(), size}, StopToken{});
            CHECK(y[size] == 77.0F);
            // Rounding of single precision: 20 additions deep, of values as large as the root of the filter's energy.
            const double tolerance = 4e-7 * std::sqrt(static_cast<double>(c.taps)) + 1e-7;
            double worst = 0;
            for (std::size_t m = 0; m < size; m += size > 5000 ? 13 : 1) {
                worst = std::max(worst, std::abs(static_cast<double>(y[m]) - by_definition(x, c, h, m)));
            }
            CHECK(worst < tolerance);
        }
    }
}

TEST_CASE("silence stays exactly silent, and twice the signal gives exactly twice the output") {
    const Case& c = cases[2];
    const auto h = uniform_noise(c.taps, 1);
    const BlockFilter filter(c.up, c.down, h, c.taps, c.first);
    std::vector<float> x = uniform_noise(60'000, 3), y(20'000), doubled(20'000);
    filter.apply(x, y, StopToken{});
    for (float& v : x) {
        v *= 2;
    }
    filter.apply(x, doubled, StopToken{});
    for (std::size_t m = 0; m < y.size(); ++m) {
        CHECK(doubled[m] == 2 * y[m]);
    }
    filter.apply(std::vector<float>(60'000, 0.0F), y, StopToken{});
    CHECK(std::ranges::all_of(y, [](float v) { return v == 0.0F; }));
}

TEST_CASE("NaN stays near its place") {
    const Case& c = cases[2];
    const BlockFilter filter(c.up, c.down, uniform_noise(c.taps, 1), c.taps, c.first);
    std::vector<float> x = uniform_noise(300'000, 3), y(100'000);
    x[150'000] = std::numeric_limits<float>::quiet_NaN();
    filter.apply(x, y, StopToken{});
    CHECK(std::isnan(y[50'000]));
    for (std::size_t m = 0; m < y.size(); ++m) {
        CHECK((m + 3 * BlockFilter::transform > 50'000 && m < 50'000 + 3 * BlockFilter::transform ? true : std::isfinite(y[m])));
    }
}

TEST_CASE("what does not suit, and a stop request") {
    CHECK_FALSE(BlockFilter::suits(5, 1, 10));
    CHECK_FALSE(BlockFilter::suits(1, 17, 10));
    CHECK_FALSE(BlockFilter::suits(1, 1, 600));
    StopToken stop;
    stop.request_stop();
    const BlockFilter filter(1, 1, std::vector<float>{1.0F}, 1, std::vector<std::int64_t>{0});
    std::vector<float> x(100), y(100);
    CHECK_THROWS_AS(filter.apply(x, y, stop), emotion::Cancelled);
}
