#include "emotion/calibration/isotonic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::calibration;
using Values = std::vector<double>;

namespace {

// The minimax formula of Barlow et al., theorem 1.4: f_i = max over j <= i of min over k >= i of the weighted mean of y_j … y_k.
Values minimax(const Values& y, const Values& weight) {
    Values out(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
        double best = -INFINITY;
        for (std::size_t j = 0; j <= i; ++j) {
            double least = INFINITY;
            double sum = 0;
            double total = 0;
            for (std::size_t k = j; k < y.size(); ++k) {
                sum += weight[k] * y[k];
                total += weight[k];
                if (k >= i) {
                    least = std::min(least, sum / total);
                }
            }
            best = std::max(best, least);
        }
        out[i] = best;
    }
    return out;
}

}  // namespace

TEST_CASE("a case worked by hand") {
    Values y{1, 3, 2, 4, 3.5};
    isotonic_regression(y, {}, true);
    CHECK(y == Values{1, 2.5, 2.5, 3.75, 3.75});
    Values falling{1, 3, 2};
    isotonic_regression(falling, {}, false);
    CHECK(falling == Values{2, 2, 2});
    const IsotonicMap map = fit_isotonic(Values{2, 1, 2, 3}, Values{0, 1, 4, 5}, Values{1, 1, 3, 2}, {});
    CHECK(map.x == Values{1, 2, 3});
    CHECK(map.y == Values{1, 3, 5});  // 2: (0 + 3 * 4) / 4
}

TEST_CASE("pooling equals the minimax formula") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        RandomStream stream(seed, Purpose::test, 1);
        const std::size_t n = 1 + static_cast<std::size_t>(stream.below(30));
        Values y(n);
        Values weight(n);
        for (std::size_t i = 0; i < n; ++i) {
            y[i] = seed % 2 == 0 ? stream.normal() : static_cast<double>(stream.below(3));
            weight[i] = 0.1 + stream.uniform();
        }
        const Values expected = minimax(y, weight);
        isotonic_regression(y, weight, true);
        for (std::size_t i = 0; i < n; ++i) {
            CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-12));  // sums of at most 30 terms in another order
        }
        CHECK(std::is_sorted(y.begin(), y.end()));
    }
}

TEST_CASE("order of rows, ties, copies and weights of zero") {
    RandomStream stream(3, Purpose::test, 2);
    const std::size_t n = 500;
    Values x(n);
    Values y(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = std::floor(40 * stream.uniform()) / 40 * (i % 7 == 0 ? 1e-9 : 1);  // ties, and a crowd beside zero
        y[i] = static_cast<double>(stream.below(8));
    }
    const IsotonicMap map = fit_isotonic(x, y, {}, {});
    Values back_x(x.rbegin(), x.rend());
    Values back_y(y.rbegin(), y.rend());
    const IsotonicMap back = fit_isotonic(back_x, back_y, {}, {});
    CHECK(map.x == back.x);
    CHECK(map.y == back.y);  // sums of small integers are exact
    Values doubled_x = x;
    doubled_x.insert(doubled_x.end(), x.begin(), x.end());
    Values doubled_y = y;
    doubled_y.insert(doubled_y.end(), y.begin(), y.end());
    const IsotonicMap doubled = fit_isotonic(doubled_x, doubled_y, {}, {});
    CHECK(map.x == doubled.x);
    CHECK(map.y == doubled.y);
    Values weight(2 * n, 0.0);
    std::fill(weight.begin(), weight.begin() + n, 1.0);
    std::fill(doubled_y.begin() + n, doubled_y.end(), 1e6);
    const IsotonicMap weighted = fit_isotonic(doubled_x, doubled_y, weight, {});
    CHECK(map.x == weighted.x);
    CHECK(map.y == weighted.y);
}

TEST_CASE("values some last bits apart are one point, the smallest, with all their weight") {
    const double next = std::nextafter(0.3, 1.0);
    const IsotonicMap map = fit_isotonic(Values{next, 0.3, 0.9}, Values{1, 0, 1}, Values{1, 3, 1}, {});
    CHECK(map.x == Values{0.3, 0.9});
    CHECK(map.y == Values{0.25, 1});
    // Counted from the smallest of them, not from neighbour to neighbour: a chain of steps below the limit has several points.
    const Values chain{0.0, 0.8e-15, 1.6e-15, 2.4e-15};
    CHECK(fit_isotonic(chain, Values{0, 0, 1, 1}, {}, {}).x == Values{0.0, 1.6e-15});
    IsotonicOptions options;
    options.single = true;
    const double small = 0.3F;
    const double near = 0.3F + 5e-7F;
    CHECK(fit_isotonic(Values{small, near, 0.5}, Values{0, 1, 1}, {}, options).x == Values{small, 0.5});
    CHECK(fit_isotonic(Values{small, near, 0.5}, Values{0, 1, 1}, {}, {}).x == Values{small, near, 0.5});
}

TEST_CASE("the map is linear between its corners and level outside") {
    const Values x{-5, 0, 0.25, 1, 1.2, 1.5, 2.75, 4, 9, std::nan("")};
    Values out(x.size());
    apply_isotonic(Values{0, 1, 1.5, 4}, Values{0, 2, 2, 3}, x, out);
    CHECK(Values(out.begin(), out.end() - 1) == Values{0, 0, 0.5, 2, 2, 2, 2.5, 3, 3});
    CHECK(std::isnan(out.back()));
    // Corners that crowd into one cell.
    IsotonicMap crowd;
    for (int i = 0; i < 1000; ++i) {
        crowd.x.push_back(i * 1e-12);
        crowd.y.push_back(i);
    }
    crowd.x.push_back(1.0);
    crowd.y.push_back(1000.0);
    const Values inside{5e-12, 0.5};
    Values at(2);
    apply_isotonic(crowd.x, crowd.y, inside, at);
    CHECK(at[0] == doctest::Approx(5.0).epsilon(1e-9));
    CHECK(at[1] == doctest::Approx(999.5).epsilon(1e-9));
    Values values(3);
    apply_isotonic(Values{-1e308, 1e308}, Values{0, 1}, Values{-1e308, 0, 1e308}, values);  // the width overflows
    CHECK(values == Values{0, 0.5, 1});
}

TEST_CASE("what is refused, and what is empty") {
    const Values one{1};
    CHECK_THROWS_AS((void)fit_isotonic(Values{NAN}, one, {}, {}), InvalidInputError);
    CHECK_THROWS_AS((void)fit_isotonic(one, Values{INFINITY}, {}, {}), InvalidInputError);
    CHECK_THROWS_AS((void)fit_isotonic(one, Values{1, 2}, {}, {}), InvalidInputError);
    CHECK_THROWS_AS((void)fit_isotonic(one, one, Values{-1}, {}), InvalidInputError);
    CHECK(fit_isotonic(one, one, Values{0}, {}).x.empty());
    CHECK(fit_isotonic(one, one, {}, {}).y == one);
    Values out(1);
    CHECK_THROWS_AS(apply_isotonic({}, {}, one, out), InvalidInputError);
    CHECK_THROWS_AS(apply_isotonic(Values{1, 1}, Values{0, 1}, one, out), InvalidInputError);
}
