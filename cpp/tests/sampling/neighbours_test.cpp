#include "emotion/sampling/neighbours.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::sampling;

namespace {

template <class T>
Matrix<T> table(std::size_t rows, std::size_t cols, double scale, bool ties) {
    Matrix<T> x(rows, cols);
    RandomStream stream(5, Purpose::test, rows, cols);
    for (T& v : x.values) {
        v = static_cast<T>(ties ? static_cast<double>(stream.below(3)) : scale * stream.normal() + 1000 * scale);
    }
    return x;
}

template <class T>
std::vector<std::int32_t> by_hand(const Matrix<T>& x, const std::vector<std::int32_t>& rows, std::int32_t query, std::size_t k) {
    std::vector<std::pair<double, std::int32_t>> all;
    for (const std::int32_t row : rows) {
        double sum = 0;
        for (std::size_t c = 0; c < x.cols; ++c) {
            const double d = static_cast<double>(x(static_cast<std::size_t>(row), c)) - static_cast<double>(x(static_cast<std::size_t>(query), c));
            sum += d * d;
        }
        if (row != query) {
            all.emplace_back(sum, row);
        }
    }
    std::sort(all.begin(), all.end());
    std::vector<std::int32_t> found;
    for (std::size_t i = 0; i < std::min(k, all.size()); ++i) {
        found.push_back(all[i].second);
    }
    return found;
}

template <class T>
void compare(std::size_t n, std::size_t cols, std::size_t k, double scale, bool ties, std::size_t every) {
    const Matrix<T> x = table<T>(n + 3, cols, scale, ties);
    std::vector<std::int32_t> rows(n);
    std::iota(rows.begin(), rows.end(), 2);  // not all rows of the matrix
    std::vector<std::int32_t> queries;
    for (std::size_t i = 0; i < n; i += every) {
        queries.push_back(static_cast<std::int32_t>(i));
    }
    Neighbours first;
    for (const int n_threads : {1, 2, 7}) {
        Parallel parallel(n_threads);
        StopToken stop;
        const Neighbours found = nearest_neighbours(x.view(), rows, queries, k, parallel, stop);
        if (n_threads == 1) {
            first = found;
        }
        CHECK(found.row == first.row);
        CHECK(found.squared_distance == first.squared_distance);
    }
    REQUIRE(first.k == std::min(k, n - 1));
    for (std::size_t q = 0; q < queries.size(); ++q) {
        const auto expected = by_hand(x, rows, rows[static_cast<std::size_t>(queries[q])], k);
        CHECK(std::equal(expected.begin(), expected.end(), first.of(q).begin(), first.of(q).end()));
    }
}

}  // namespace

TEST_CASE_TEMPLATE("neighbours equal a full sort by distance and row number", T, float, double) {
    for (const std::size_t n : {2, 6, 17, 193, 400}) {
        for (const std::size_t every : {1, 3}) {
            compare<T>(n, 7, 5, 1.0, false, every);
            compare<T>(n, 3, 5, 1.0, true, every);  // many equal distances (exact in float64), ordered by row number
        }
    }
    compare<T>(300, 33, 299, 1.0, false, 1);   // every other row
    compare<T>(200, 8, 4, 1e-30, false, 1);
    compare<T>(200, 8, 4, 1e30, false, 1);
}

TEST_CASE("equal rows, one row and values whose squares overflow") {
    Parallel parallel(1);
    StopToken stop;
    const std::vector<std::int32_t> rows = {0, 1, 2, 3};
    const Matrix<double> same(4, 2, 7.0);
    CHECK(nearest_neighbours(same.view(), rows, rows, 2, parallel, stop).row == std::vector<std::int32_t>{1, 2, 0, 2, 0, 1, 0, 1});
    CHECK(nearest_neighbours(same.view(), std::span(rows).first(1), std::span(rows).first(1), 2, parallel, stop).k == 0);
    Matrix<double> wide(4, 1);
    wide.values = {-1e300, 1e300, 0.0, 2e300};
    CHECK(nearest_neighbours(std::as_const(wide).view(), rows, rows, 1, parallel, stop).row == std::vector<std::int32_t>{1, 0, 0, 0});
}
