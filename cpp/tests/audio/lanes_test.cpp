#include "lanes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace emotion::audio;

TEST_CASE("log_lane stays within 2e-7 max(1, |log x|) of std::log over the whole range of normal floats") {
    double worst = 0;
    for (double e = -37.9; e < 38.5; e += 0.0007) {
        float x[lanes];
        for (std::size_t l = 0; l < lanes; ++l) {
            x[l] = static_cast<float>(std::pow(10.0, e) * (1.0 + 0.01 * static_cast<double>(l)));
        }
        float y[lanes];
        store(y, log_lane(load(x)));
        for (std::size_t l = 0; l < lanes; ++l) {
            const double exact = std::log(static_cast<double>(x[l]));
            worst = std::max(worst, std::abs(y[l] - exact) / std::max(1.0, std::abs(exact)));
        }
    }
    CHECK(worst < 2e-7);
}

TEST_CASE("log_lane of one is zero, exactly") {
    float y[lanes];
    store(y, log_lane(splat(1.0F)));
    CHECK(y[0] == 0.0F);
}

TEST_CASE("any_lane sees each lane") {
    CHECK_FALSE(any_lane(splat_int(0)));
    for (std::size_t l = 0; l < lanes; ++l) {
        LaneInt mask = splat_int(0);
        mask[l] = -1;
        CHECK(any_lane(mask));
    }
}
