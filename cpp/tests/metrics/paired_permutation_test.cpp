#include "emotion/metrics/paired_permutation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::metrics;

namespace {

PermutationResult flip(const std::vector<double>& differences, PermutationOptions options = {}, int threads = 1) {
    Parallel parallel(threads);
    StopToken stop;
    return sign_flip_test(differences, options, parallel, stop);
}

struct Pair {
    Matrix<double> a;
    Matrix<double> b;
};

// Counts of two classes in which model a is right more often.
Pair counts(std::size_t speakers) {
    Pair pair{{speakers, 4}, {speakers, 4}};
    for (std::size_t s = 0; s < speakers; ++s) {
        RandomStream stream(5, Purpose::test, s);
        for (std::size_t c : {std::size_t{0}, std::size_t{1}}) {
            const auto n = static_cast<double>(4 + stream.below(9));
            for (Matrix<double>* m : {&pair.a, &pair.b}) {
                const double right = std::floor(n * (m == &pair.a ? 0.75 : 0.6) * stream.uniform() + 0.3 * n);
                (*m)(s, 3 * c) = right;
                (*m)(s, 2 - c) = n - right;
            }
        }
    }
    return pair;
}

PermutationResult swap(const Pair& pair, Rate rate, PermutationOptions options = {}, int threads = 1) {
    Parallel parallel(threads);
    StopToken stop;
    return swap_test(pair.a.view(), pair.b.view(), 2, 2, rate, options, parallel, stop);
}

}  // namespace

TEST_CASE("Darwin's maize: 1,726 of 32,768 sign assignments are as extreme (Fisher 1935, section 21)") {
    const std::vector<double> inches{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    const auto exact = flip(inches);
    CHECK(exact.statistic == 314);
    CHECK(exact.exact);
    CHECK(exact.n_permutations == 16384);
    CHECK(exact.p_value == 1726.0 / 32768.0);
    const auto drawn = flip(inches, {.exact_up_to = 10, .n_resamples = 40'000, .seed = 2});
    CHECK_FALSE(drawn.exact);
    CHECK(drawn.n_permutations == 40'001);
    CHECK(std::abs(drawn.p_value - exact.p_value) < 5 * std::sqrt(0.0527 * 0.9473 / 40'000));  // five standard errors
}

TEST_CASE("small cases") {
    CHECK(flip({}).p_value == 1.0);
    CHECK(flip({0, 0}).p_value == 1.0);
    CHECK(flip({2.5}).p_value == 1.0);
    CHECK(flip({0.1, 0.2, 0.3, 0.0}).p_value == 0.25);  // three that differ: the smallest two-sided value is 2 / 8
    CHECK(flip({0.1, 0.2, -0.3}).p_value == 1.0);       // a sum of 0 up to rounding
    CHECK_THROWS_AS((void)flip({1, 2}, {.exact_up_to = 31}), InvalidInputError);
}

TEST_CASE("walking all exchanges equals trying each by itself") {
    const Pair pair = counts(9);
    for (const Rate rate : {Rate::accuracy, Rate::balanced_accuracy, Rate::macro_f1, Rate::weighted_f1, Rate::kappa, Rate::matthews}) {
        std::vector<double> margins(4);
        std::vector<double> values;
        for (unsigned mask = 0; mask < 512; ++mask) {
            Matrix<double> a(2, 2);
            Matrix<double> b(2, 2);
            for (std::size_t s = 0; s < 9; ++s) {
                for (std::size_t c = 0; c < 4; ++c) {
                    const bool swapped = (mask >> s & 1U) != 0;
                    a.values[c] += (swapped ? pair.b : pair.a)(s, c);
                    b.values[c] += (swapped ? pair.a : pair.b)(s, c);
                }
            }
            values.push_back(rate_of(a.view(), 2, rate, margins.data()) - rate_of(b.view(), 2, rate, margins.data()));
        }
        double extreme = 0;
        for (const double value : values) {
            extreme += std::abs(value) >= std::abs(values[0]) - 1e-12 ? 1 : 0;
        }
        const auto result = swap(pair, rate);
        CHECK(result.statistic == values[0]);
        CHECK(result.p_value == extreme / 512);
    }
}

TEST_CASE("threads do not matter, nor which model is first") {
    const Pair pair = counts(16);
    const Pair back{pair.b, pair.a};
    for (const PermutationOptions& options : {PermutationOptions{}, PermutationOptions{.exact_up_to = 4, .n_resamples = 20'000, .seed = 7}}) {
        const auto one = swap(pair, Rate::macro_f1, options);
        for (const int threads : {2, 7}) {
            CHECK(swap(pair, Rate::macro_f1, options, threads).p_value == one.p_value);
        }
        CHECK(swap(back, Rate::macro_f1, options).p_value == one.p_value);
        CHECK(swap(back, Rate::macro_f1, options).statistic == -one.statistic);
    }
}
