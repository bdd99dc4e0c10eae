#include "../../src/trees/gradient_histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("packed sums of full chunks with the largest gradients are exact, and spread adds and clears") {
    for (const std::int32_t g : {largest_quantum, -largest_quantum, 0, 17}) {
        const std::vector<std::uint8_t> codes(8, 3);
        const std::vector<std::uint32_t> rows(chunk_rows, 0);
        const std::vector<std::uint64_t> words(chunk_rows, packed(g, largest_quantum));
        std::vector<std::uint64_t> scratch(4 * 8, 0);
        std::vector<std::int32_t> histogram(4 * bin_words, 99);
        for (int turn = 0; turn < 2; ++turn) {
            add_rows(codes.data(), 8, rows.data(), chunk_rows, words.data(), scratch.data());
            spread(scratch.data(), 4, histogram.data(), turn == 0);
        }
        for (std::size_t l = 0; l < 8; ++l) {
            CHECK(histogram[3 * bin_words + l] == 2 * 4096 * g);
            CHECK(histogram[3 * bin_words + 8 + l] == 2 * 4096 * largest_quantum);
            CHECK(histogram[3 * bin_words + 16 + l] == 2 * 4096);
            CHECK(histogram[l] == 0);
        }
        CHECK(scratch == std::vector<std::uint64_t>(4 * 8, 0));
        subtract(histogram.data(), std::vector<std::int32_t>(histogram).data(), histogram.size());
        CHECK(histogram == std::vector<std::int32_t>(4 * bin_words, 0));
    }
}

// Tolerance 1e-5: the kernel compares in float32.
TEST_CASE("the scan finds the best split of every lane, NaN on either side") {
    RandomStream stream(1, Purpose::test, 0);
    constexpr std::int32_t bins = 12;
    for (int round = 0; round < 50; ++round) {
        std::vector<std::int32_t> histogram((bins + 1) * bin_words);
        Sums total;
        for (std::int32_t i = 0; i < 40; ++i) {
            const auto g = static_cast<std::int32_t>(stream.below(2001)) - 1000;
            const auto h = static_cast<std::int32_t>(1 + stream.below(500));
            total.g += g;
            total.h += h;
            ++total.n;
            for (std::size_t l = 0; l < 8; ++l) {
                std::int32_t* const bin = histogram.data() + stream.below(bins + 1) * bin_words + l;
                bin[0] += g;
                bin[8] += h;
                bin[16] += 1;
            }
        }
        ScanRules rules;
        rules.min_rows = 4;
        rules.l2 = 10;
        rules.scale_h = 0x1p-14F;
        LaneSplits found;
        scan_block(histogram.data(), bins, true, total, rules, found);
        const auto value = [&](std::size_t l, std::int32_t last, bool missing_left) {
            double g = 0;
            double h = 0;
            double n = 0;
            for (std::int32_t b = 0; b <= bins; ++b) {
                if (b <= last || (b == bins && missing_left)) {
                    const std::int32_t* const bin = histogram.data() + static_cast<std::size_t>(b) * bin_words + l;
                    g += bin[0];
                    h += bin[8];
                    n += bin[16];
                }
            }
            const double other_g = static_cast<double>(total.g) - g;
            const double other_h = static_cast<double>(total.h) - h;
            const bool allowed = n >= 4 && static_cast<double>(total.n) - n >= 4;
            return allowed ? g * g / (h + 10) + other_g * other_g / (other_h + 10) : -1.0;
        };
        for (std::size_t l = 0; l < 8; ++l) {
            double best = 0;
            for (std::int32_t b = 0; b < bins; ++b) {
                best = std::max({best, value(l, b, false), b + 1 < bins ? value(l, b, true) : 0.0});
            }
            REQUIRE(found.bin[l] >= 0);
            CHECK(value(l, found.bin[l], found.missing_left[l] != 0) == doctest::Approx(best).epsilon(1e-5));
        }
    }
}

}  // namespace
}  // namespace emotion::trees
