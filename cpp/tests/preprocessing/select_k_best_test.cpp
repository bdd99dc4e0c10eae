#include "emotion/preprocessing/select_k_best.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::preprocessing;

TEST_CASE("F of a hand-worked table") {
    // Classes {0, 1} and {2, 3}: between 4, within 1/2 + 1/2, F = (4 / 1) / (1 / 2) = 8. A constant column: 0/0. Equal inside classes: x/0.
    Matrix<double> x(4, 3);
    x.values = {0, 7, 1, 1, 7, 1, 2, 7, 2, 3, 7, 2};
    const std::vector<std::int32_t> y = {0, 0, 1, 1};
    Parallel parallel(1);
    const auto f = f_classif(std::as_const(x).view(), y, 2, parallel);
    CHECK(f[0] == 8);
    CHECK(std::isnan(f[1]));
    CHECK(std::isinf(f[2]));
}

TEST_CASE("classes without rows change nothing; threads change no bit") {
    Matrix<float> x(600, 70);
    RandomStream stream(2, Purpose::test, 0);
    for (float& value : x.values) {
        value = static_cast<float>(stream.normal());
    }
    std::vector<std::int32_t> y(600);
    std::vector<std::int32_t> sparse(600);
    for (std::size_t i = 0; i < 600; ++i) {
        y[i] = static_cast<std::int32_t>(stream.below(3));
        sparse[i] = 2 * y[i] + 1;
    }
    Parallel one(1);
    const auto f = f_classif(std::as_const(x).view(), y, 3, one);
    CHECK(f == f_classif(std::as_const(x).view(), sparse, 7, one));
    for (const int threads : {2, 7}) {
        Parallel parallel(threads);
        CHECK(f == f_classif(std::as_const(x).view(), y, 3, parallel));
    }
}

TEST_CASE("the later of equal scores wins, NaN loses, the answer is ascending") {
    const double missing = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> scores = {2, 5, 2, missing, 2};
    using Columns = std::vector<std::int32_t>;
    CHECK(k_best(scores, 1) == Columns{1});
    CHECK(k_best(scores, 2) == Columns{1, 4});
    CHECK(k_best(scores, 3) == Columns{1, 2, 4});
    CHECK(k_best(scores, 4) == Columns{0, 1, 2, 4});
    CHECK(k_best(scores, 99) == Columns{0, 1, 2, 3, 4});
    CHECK(k_best(scores, 0).empty());
}
