#include "emotion/metrics/rates.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::metrics;

namespace {

double score(const std::vector<double>& counts, std::size_t k, std::size_t n_classes, const char* name) {
    std::vector<double> margins(2 * k);
    return rate_of({counts.data(), k, k}, n_classes, rate_named(name, "test"), margins.data());
}

}  // namespace

TEST_CASE("two classes by hand") {
    // 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: the example of Cohen's kappa that textbooks use, kappa = .4.
    const std::vector<double> counts{20, 5, 10, 15};
    CHECK(score(counts, 2, 2, "accuracy") == doctest::Approx(0.7).epsilon(1e-15));
    CHECK(score(counts, 2, 2, "cohen_kappa") == doctest::Approx(0.4).epsilon(1e-15));
    CHECK(score(counts, 2, 2, "uar") == doctest::Approx((0.8 + 0.6) / 2).epsilon(1e-15));
    CHECK(score(counts, 2, 2, "macro_f1") == doctest::Approx((40.0 / 55 + 30.0 / 45) / 2).epsilon(1e-15));
    CHECK(score(counts, 2, 2, "weighted_f1") == doctest::Approx((40.0 / 55 + 30.0 / 45) / 2).epsilon(1e-15));
    CHECK(score(counts, 2, 2, "matthews_corrcoef") == doctest::Approx((20.0 * 15 - 5 * 10) / std::sqrt(25.0 * 25 * 30 * 20)).epsilon(1e-14));
}

TEST_CASE("a last row and column of failed clips takes part in totals, but is no class") {
    const std::vector<double> counts{3, 0, 1, 0, 2, 2, 0, 0, 0};
    CHECK(score(counts, 3, 2, "accuracy") == doctest::Approx(5.0 / 8));
    CHECK(score(counts, 3, 2, "balanced_accuracy") == doctest::Approx((3.0 / 4 + 2.0 / 4) / 2));
    CHECK(score(counts, 3, 2, "macro_f1") == doctest::Approx((6.0 / 7 + 4.0 / 6) / 2));
}

TEST_CASE("undefined scores") {
    const std::vector<double> nothing(4, 0.0);
    CHECK(std::isnan(score(nothing, 2, 2, "accuracy")));
    CHECK(std::isnan(score(nothing, 2, 2, "balanced_accuracy")));
    const std::vector<double> constant{4, 0, 0, 0};
    CHECK(std::isnan(score(constant, 2, 2, "cohen_kappa")));
    CHECK(score(constant, 2, 2, "matthews_corrcoef") == 0.0);
    CHECK_THROWS_AS((void)rate_named("f2", "test"), InvalidInputError);
}
