#include "emotion/metrics/cluster_bootstrap.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

using namespace emotion;

TEST_CASE("every replicate draws as many clusters as there are; means and variances are binomial; threads do not matter") {
    Matrix<double> first(5000, 6);
    for (const int threads : {1, 2, 7}) {
        Matrix<double> out(5000, 6);
        Parallel parallel(threads);
        StopToken stop;
        metrics::cluster_multiplicities(3, out.view(), parallel, stop);
        for (std::size_t r = 0; r < out.rows; ++r) {
            const auto row = out.row(r);
            CHECK(std::accumulate(row.begin(), row.end(), 0.0) == 6.0);
        }
        if (threads == 1) {
            first = out;
        }
        CHECK(out.values == first.values);
    }
    double mean = 0;
    double square = 0;
    for (std::size_t r = 0; r < first.rows; ++r) {
        mean += first(r, 2) / 5000.0;
        square += first(r, 2) * first(r, 2) / 5000.0;
    }
    // Binomial(6, 1/6): mean 1, variance 5/6; five standard errors of 5,000 draws.
    CHECK(std::abs(mean - 1.0) < 5 * std::sqrt(5.0 / 6.0 / 5000.0));
    CHECK(std::abs(square - mean * mean - 5.0 / 6.0) < 0.1);
}
