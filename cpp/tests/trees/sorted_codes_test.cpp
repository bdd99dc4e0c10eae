#include "../../src/trees/sorted_codes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

struct Node {
    std::size_t stride = 0;
    std::vector<std::uint8_t> codes;
    std::vector<std::uint32_t> rows;
    std::vector<std::uint64_t> words;
    Sums total;
};

// n of 200 rows; codes below n_bins, in the first column nearly all of them equal.
Node random_node(RandomStream& stream, std::size_t n, std::size_t stride, std::uint64_t n_bins) {
    Node node;
    node.stride = stride;
    for (std::size_t i = 0; i < 200 * stride; ++i) {
        node.codes.push_back(static_cast<std::uint8_t>(stream.below(i % stride == 0 && stream.below(20) > 0 ? 1 : n_bins)));
    }
    for (std::size_t i = 0; i < n; ++i) {
        node.rows.push_back(static_cast<std::uint32_t>(stream.below(200)));
        const auto g = static_cast<std::int32_t>(stream.below(2 * largest_quantum + 1)) - largest_quantum;
        const auto h = static_cast<std::int32_t>(stream.below(largest_quantum + 1));
        node.words.push_back(packed(g, h));
        node.total.g += g;
        node.total.h += h;
        ++node.total.n;
    }
    return node;
}

TEST_CASE("columns of any number of rows are sorted by code, then by the number of the row") {
    RandomStream stream(2, Purpose::test, 0);
    for (std::size_t n = 1; n <= most_sorted; ++n) {
        const std::size_t columns = n % 2 == 0 ? 16 : 8;
        const Node node = random_node(stream, n, columns, 1 + stream.below(256));
        std::vector<std::uint16_t> keys(n * sorted_lanes, 7);
        sort_codes(node.codes.data(), node.stride, node.rows.data(), n, columns, keys.data());
        for (std::size_t lane = 0; lane < sorted_lanes; ++lane) {
            std::vector<int> wanted;
            std::vector<int> found;
            for (std::size_t i = 0; i < n; ++i) {
                const int code = lane < columns ? node.codes[node.rows[i] * node.stride + lane] : 0;
                wanted.push_back(code * 256 + static_cast<int>(i));
                found.push_back(keys[i * sorted_lanes + lane]);
            }
            std::sort(wanted.begin(), wanted.end());
            REQUIRE(found == wanted);
        }
    }
}

TEST_CASE("the scan of sorted rows finds what the scan of their histogram finds, to the bit") {
    RandomStream stream(3, Purpose::test, 0);
    int splits = 0;
    for (int round = 0; round < 400; ++round) {
        const std::size_t n = 2 + stream.below(most_sorted - 1);
        const auto n_bins = static_cast<std::int32_t>(2 + stream.below(254));
        const Node node = random_node(stream, n, 16, static_cast<std::uint64_t>(n_bins));
        ScanRules rules;
        rules.min_rows = static_cast<std::int32_t>(1 + stream.below(n / 2 + 1));
        rules.min_h = static_cast<std::int32_t>(1 + stream.below(20'000));
        rules.l2 = static_cast<float>(stream.below(10'000));
        rules.scale_h = 0x1p-21F;
        std::vector<std::uint16_t> keys(n * sorted_lanes);
        sort_codes(node.codes.data(), node.stride, node.rows.data(), n, 16, keys.data());
        for (std::size_t block = 0; block < 2; ++block) {
            std::vector<std::uint64_t> scratch(256 * 8, 0);
            std::vector<std::int32_t> histogram(256 * bin_words);
            add_rows(node.codes.data() + block * 8, node.stride, node.rows.data(), n, node.words.data(), scratch.data());
            spread(scratch.data(), 256, histogram.data(), true);
            LaneSplits wanted;
            LaneSplits found;
            scan_block(histogram.data(), n_bins, false, node.total, rules, wanted);
            scan_sorted(keys.data() + block * 8, n, node.words.data(), node.total, rules, found);
            for (std::size_t lane = 0; lane < 8; ++lane) {
                REQUIRE(found.bin[lane] == wanted.bin[lane]);
                REQUIRE(found.numerator[lane] == wanted.numerator[lane]);
                REQUIRE(found.denominator[lane] == wanted.denominator[lane]);
                REQUIRE(found.missing_left[lane] == 0);
                splits += found.bin[lane] >= 0 ? 1 : 0;
            }
            take_rows(node.codes.data() + block * 8, node.stride, node.rows.data(), n, node.words.data(), histogram.data());
            CHECK(histogram == std::vector<std::int32_t>(256 * bin_words, 0));
        }
    }
    CHECK(splits > 1000);
}

}  // namespace
}  // namespace emotion::trees
