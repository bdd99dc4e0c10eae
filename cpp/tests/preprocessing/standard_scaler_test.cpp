#include "emotion/preprocessing/standard_scaler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::preprocessing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Matrix<double> random_matrix(std::size_t rows, std::size_t cols, double offset) {
    Matrix<double> x(rows, cols);
    RandomStream stream(1, Purpose::test, 0);
    for (double& value : x.values) {
        value = offset + stream.normal();
    }
    return x;
}

Moments moments_of(const Matrix<double>& x, std::span<const double> weights, int threads) {
    Parallel parallel(threads);
    Moments moments(x.cols);
    moments.add(std::as_const(x).view(), weights, parallel);
    return moments;
}

}  // namespace

TEST_CASE("mean and scale of a hand-worked matrix; NaN is ignored; a constant column has scale 1") {
    Matrix<double> x(4, 3);
    x.values = {1, 5, missing, 2, 5, 3, 3, 5, missing, 6, 5, 7};
    const StandardScaler scaler = finish_scaler(moments_of(x, {}, 1), true, true);
    CHECK(scaler.mean == std::vector<double>{3, 5, 5});
    CHECK(scaler.scale[0] == doctest::Approx(std::sqrt(3.5)).epsilon(1e-15));
    CHECK(scaler.scale[1] == 1.0);
    CHECK(scaler.scale[2] == doctest::Approx(2.0).epsilon(1e-15));
    Matrix<double> z(4, 3);
    scaler.transform(std::as_const(x).view(), z.view());
    CHECK(z(0, 1) == 0.0);
    CHECK(std::isnan(z(0, 2)));
    CHECK(z(3, 2) == doctest::Approx(1.0));
}

TEST_CASE("a column that is constant up to rounding has scale 1") {
    Matrix<float> x(1000, 1, 0.1F);
    Parallel parallel(1);
    Moments moments(1);
    moments.add(std::as_const(x).view(), {}, parallel);
    CHECK(moments.mean[0] == static_cast<double>(0.1F));
    CHECK(moments.deviation[0] == 0.0);
    CHECK(finish_scaler(moments, true, true).scale[0] == 1.0);
}

TEST_CASE("a large offset does not spoil the variance") {
    // The textbook formula of squares would keep no digit here; 1e-6 is what rounding of the data itself (1e9 * 2^-53) leaves.
    const Matrix<double> x = random_matrix(5000, 1, 1e9);
    const Matrix<double> centred = random_matrix(5000, 1, 0);
    CHECK(variances(moments_of(x, {}, 1))[0] == doctest::Approx(variances(moments_of(centred, {}, 1))[0]).epsilon(1e-6));
}

TEST_CASE("an integer weight equals copies up to rounding, weight 0 equals absence") {
    const Matrix<double> x = random_matrix(700, 3, 2);
    std::vector<double> weights(700);
    Matrix<double> copies;
    copies.cols = 3;
    for (std::size_t r = 0; r < 700; ++r) {
        weights[r] = static_cast<double>(r % 3);
        for (std::size_t i = 0; i < r % 3; ++i) {
            copies.values.insert(copies.values.end(), x.row(r).begin(), x.row(r).end());
            ++copies.rows;
        }
    }
    const Moments a = moments_of(x, weights, 1);
    const Moments b = moments_of(copies, {}, 1);
    for (std::size_t c = 0; c < 3; ++c) {
        CHECK(a.weight[c] == b.weight[c]);
        CHECK(a.mean[c] == doctest::Approx(b.mean[c]).epsilon(1e-13));
        CHECK(a.deviation[c] == doctest::Approx(b.deviation[c]).epsilon(1e-13));
    }
}

TEST_CASE("equal bits for any number of threads and for rows given block by block") {
    const Matrix<double> x = random_matrix(1000, 70, 3);
    const Moments one = moments_of(x, {}, 1);
    for (const int threads : {2, 7}) {
        const Moments many = moments_of(x, {}, threads);
        CHECK(many.mean == one.mean);
        CHECK(many.deviation == one.deviation);
    }
    Moments blocks(x.cols);
    for (std::size_t r = 0; r < x.rows; r += moments_block_rows) {
        blocks.add_block(MatrixView<const double>{x.values.data() + r * x.cols, std::min(moments_block_rows, x.rows - r), x.cols}, {});
    }
    CHECK(blocks.mean == one.mean);
    CHECK(blocks.deviation == one.deviation);
}

TEST_CASE("the inverse undoes the transform; switched-off parts do nothing") {
    const Matrix<double> x = random_matrix(20, 2, 1);
    for (const bool with_mean : {false, true}) {
        for (const bool with_std : {false, true}) {
            const StandardScaler scaler = finish_scaler(moments_of(x, {}, 1), with_mean, with_std);
            Matrix<double> z(20, 2);
            Matrix<double> back(20, 2);
            scaler.transform(std::as_const(x).view(), z.view());
            scaler.inverse_transform(std::as_const(z).view(), back.view());
            for (std::size_t i = 0; i < x.values.size(); ++i) {
                CHECK(back.values[i] == doctest::Approx(x.values[i]).epsilon(1e-14));
            }
            if (!with_mean && !with_std) {
                CHECK(z.values == x.values);
            }
        }
    }
}
