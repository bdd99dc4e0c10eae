#include "emotion/core/rng.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <set>
#include <vector>

using emotion::Purpose;
using emotion::RandomStream;

TEST_CASE("a stream is a function of seed, purpose and indices, and each of them matters") {
    std::set<std::uint64_t> first;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        for (const auto purpose : {Purpose::bootstrap, Purpose::node_features}) {
            for (std::uint64_t index = 0; index < 20; ++index) {
                for (std::uint64_t sub = 0; sub < 5; ++sub) {
                    RandomStream a(seed, purpose, index, sub);
                    RandomStream b(seed, purpose, index, sub);
                    const auto value = a.next();
                    CHECK(value == b.next());
                    first.insert(value);
                }
            }
        }
    }
    CHECK(first.size() == 20 * 2 * 20 * 5);
}

TEST_CASE("below is uniform: chi-square over 7 cells") {
    RandomStream stream(1, Purpose::test, 0);
    std::array<int, 7> counts{};
    constexpr int n = 70000;
    for (int i = 0; i < n; ++i) {
        ++counts[stream.below(7)];
    }
    double chi2 = 0;
    for (const int c : counts) {
        chi2 += (c - n / 7.0) * (c - n / 7.0) / (n / 7.0);
    }
    CHECK(chi2 < 22.5);  // the 99.9 % point with 6 degrees of freedom
}

TEST_CASE("first draws of neighbouring streams are uncorrelated") {
    constexpr int n = 20000;
    double sum = 0;
    for (int i = 0; i < n; ++i) {
        sum += (RandomStream(5, Purpose::test, i).uniform() - 0.5) * (RandomStream(5, Purpose::test, i + 1).uniform() - 0.5);
    }
    CHECK(std::abs(sum / n * 12.0) < 4.0 / std::sqrt(n));
}

TEST_CASE("normal has mean 0 and variance 1") {
    RandomStream stream(3, Purpose::test, 0);
    constexpr int n = 100000;
    double sum = 0;
    double square = 0;
    for (int i = 0; i < n; ++i) {
        const double x = stream.normal();
        sum += x;
        square += x * x;
    }
    CHECK(std::abs(sum / n) < 4.0 / std::sqrt(n));
    CHECK(std::abs(square / n - 1.0) < 4.0 * std::sqrt(2.0 / n));
}

TEST_CASE("shuffle keeps the values") {
    std::vector<int> values{1, 2, 3, 4, 5, 6};
    RandomStream(9, Purpose::test, 0).shuffle(std::span<int>(values));
    CHECK(std::multiset<int>(values.begin(), values.end()) == std::multiset<int>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("golden values: a change of these breaks the reproducibility of every published model") {
    RandomStream stream(42, Purpose::bootstrap, 7);
    CHECK(stream.next() == 12245972127945381689ULL);
    CHECK(stream.next() == 2509484882775795248ULL);
}
