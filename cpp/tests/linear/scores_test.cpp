#include "../../src/linear/scores.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;

namespace {

template <class T>
std::vector<T> random_values(std::size_t n, std::uint64_t index) {
    RandomStream stream(7, Purpose::test, index);
    std::vector<T> values(n);
    for (T& v : values) {
        v = static_cast<T>(stream.normal());
    }
    return values;
}

// The order that the header states, one product at a time.
template <class T>
double in_order(const T* row, const double* coef, std::size_t cols, double intercept) {
    double sums[4] = {0, 0, 0, 0};
    for (std::size_t j = 0; j < cols; ++j) {
        sums[j < cols / 4 * 4 ? j % 4 : 0] += static_cast<double>(row[j]) * coef[j];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + intercept;
}

template <class T>
void check_dense() {
    for (const std::size_t outputs : {1UL, 3UL, 4UL, 8UL, 9UL}) {
        for (const std::size_t cols : {1UL, 4UL, 7UL, 180UL}) {
            const auto row = random_values<T>(cols, 1);
            const auto coef = random_values<double>(outputs * cols, 2);
            const auto intercept = random_values<double>(outputs, 3);
            std::vector<double> out(outputs);
            linear::row_scores(row.data(), coef.data(), outputs, cols, intercept.data(), out.data());
            for (std::size_t k = 0; k < outputs; ++k) {
                CHECK(out[k] == in_order(row.data(), coef.data() + k * cols, cols, intercept[k]));
            }
        }
    }
}

}  // namespace

TEST_CASE("scores of a dense row equal plain sums in the documented order, bit for bit, for any number of outputs") {
    check_dense<float>();
    check_dense<double>();
}

TEST_CASE("scores of a sparse row are the intercept and its products in the order of the columns") {
    const std::vector<double> values = {0.1, -2.5, 3.25};
    const std::vector<std::int32_t> columns = {0, 2, 1};
    const std::vector<std::int64_t> starts = {0, 2, 3};
    const linear::SparseRows<double> x{values, columns, starts, 3};
    const std::vector<double> coef = {1, 2, 3, -1, 0.5, 0.25};
    const std::vector<double> intercept = {0.3, -0.7};
    std::vector<double> out(2);
    linear::row_scores(x, 0, MatrixView<const double>{coef.data(), 2, 3}, intercept, out.data());
    CHECK(out[0] == (0.3 + 0.1 * 1) + -2.5 * 3);
    CHECK(out[1] == (-0.7 + 0.1 * -1) + -2.5 * 0.25);
    linear::row_scores(x, 1, MatrixView<const double>{coef.data(), 2, 3}, intercept, out.data());
    CHECK(out[0] == 0.3 + 3.25 * 2);
    CHECK(out[1] == -0.7 + 3.25 * 0.5);
}
