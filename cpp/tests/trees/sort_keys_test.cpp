#include "../../src/trees/sort_keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

// Codes come out sorted, with all keys present; whole keys are sorted unless each code had a bucket of its own.
template <class Key>
void check(std::size_t n, std::uint64_t n_codes, bool skewed, std::uint64_t seed) {
    constexpr int payload_bits = 8;
    RandomStream stream(seed, Purpose::test, n);
    KeySorter<Key> sorter;
    sorter.reserve(std::max<std::size_t>(n, 64));
    std::vector<Key> keys(n);
    for (Key& key : keys) {
        std::uint64_t code = stream.below(n_codes);
        if (skewed && stream.uniform() < 0.9) {
            code = n_codes / 2 + stream.below(3);
        }
        key = static_cast<Key>((code << payload_bits) | (1 + stream.below(40)));
    }
    std::copy(keys.begin(), keys.end(), sorter.keys());
    std::vector<Key> expected = keys;
    std::sort(expected.begin(), expected.end());
    sorter.sort(n, expected.front() >> payload_bits, expected.back() >> payload_bits, payload_bits);
    std::vector<Key> found(sorter.sorted(), sorter.sorted() + n);
    REQUIRE(std::is_sorted(found.begin(), found.end(), [](Key a, Key b) { return (a >> payload_bits) < (b >> payload_bits); }));
    REQUIRE(sorter.sorted()[n] == std::numeric_limits<Key>::max());
    std::sort(found.begin(), found.end());
    REQUIRE(found == expected);
}

TEST_CASE_TEMPLATE("keys of every length and spread are sorted", Key, std::uint32_t, std::uint64_t) {
    std::uint64_t seed = 0;
    for (const std::size_t n : {1, 2, 3, 7, 8, 9, 16, 17, 47, 48, 49, 64, 100, 1000, 5000}) {
        for (const std::uint64_t n_codes : {2ULL, 5ULL, 60ULL, 3000ULL, 1ULL << 20}) {
            check<Key>(n, n_codes, false, ++seed);
            check<Key>(n, n_codes, true, ++seed);
        }
    }
}

}  // namespace
}  // namespace emotion::trees
