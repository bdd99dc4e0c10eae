#include "../../src/trees/log_loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace emotion::trees {
namespace {

TEST_CASE("gradients are the derivatives of the loss") {
    Matrix<double> margins(3, 2);
    margins.values = {0.3, -1, 1.2, 4, -0.5, 0.1};
    const std::vector<std::int32_t> labels = {1, 2};
    std::vector<double> normaliser(2);
    log_sum_exp(margins.view(), 0, 2, normaliser.data());
    constexpr double step = 1e-5;
    for (std::size_t c = 0; c < 3; ++c) {
        double g[2];
        double h[2];
        gradients(margins.row(c).data(), normaliser.data(), labels.data(), static_cast<std::int32_t>(c), nullptr, 2, g, h);
        for (std::size_t r = 0; r < 2; ++r) {
            Matrix<double> up = margins;
            Matrix<double> down = margins;
            up(c, r) += step;
            down(c, r) -= step;
            const double a = row_loss(up.view(), r, labels[r]);
            const double b = row_loss(margins.view(), r, labels[r]);
            const double d = row_loss(down.view(), r, labels[r]);
            CHECK(g[r] == doctest::Approx((a - d) / (2 * step)).epsilon(1e-7));
            CHECK(std::abs(h[r] - (a - 2 * b + d) / (step * step)) < 1e-4);
        }
    }
    const Matrix<double> one(1, 1, 0.7);
    const std::int32_t label = 1;
    const double weight = 2;
    double g = 0;
    double h = 0;
    gradients(one.row(0).data(), nullptr, &label, 1, &weight, 1, &g, &h);
    const double p = 1 / (1 + std::exp(-0.7));
    CHECK(g == doctest::Approx(2 * (p - 1)));
    CHECK(h == doctest::Approx(2 * p * (1 - p)));
    CHECK(row_loss(one.view(), 0, 1) == doctest::Approx(-std::log(p)));
}

}  // namespace
}  // namespace emotion::trees
