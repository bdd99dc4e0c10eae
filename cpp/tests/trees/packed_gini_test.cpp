#include "../../src/trees/packed_gini.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "../../src/trees/unit_search.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

using Cells = std::vector<std::array<std::uint32_t, packed_classes>>;

// The counts of some bins, of which some are empty, with `copies` rows in all.
Cells random_cells(RandomStream& stream, std::size_t n, std::uint64_t copies, std::uint64_t n_classes) {
    Cells cells(n);
    for (std::uint64_t i = 0; i < copies; ++i) {
        ++cells[stream.below(n)][stream.below(n_classes)];
    }
    return cells;
}

// The rule of GiniScore, boundary after boundary; n cells if none is better.
std::size_t scan(const Cells& cells, std::size_t n, const std::array<std::uint32_t, packed_classes>& left, const std::array<std::uint32_t, packed_classes>& total,
                 std::int64_t least, double& best) {
    GiniScore score;
    std::array<std::int64_t, packed_classes> all{};
    std::array<std::int64_t, packed_classes> before{};
    std::copy(total.begin(), total.end(), all.begin());
    score.start_node(all.data(), packed_classes);
    score.best = best;
    std::int64_t n_left = 0;
    std::int64_t n_all = 0;
    const auto move = [&](const std::array<std::uint32_t, packed_classes>& cell) {
        bool moved = false;
        for (std::size_t c = 0; c < packed_classes; ++c) {
            score.move(before[c], all[c], cell[c]);
            before[c] += cell[c];
            n_left += cell[c];
            moved = moved || cell[c] > 0;
        }
        return moved;
    };
    for (const std::uint32_t count : total) {
        n_all += count;
    }
    move(left);
    std::size_t found = n;
    for (std::size_t b = 0; b < n; ++b) {
        if (move(cells[b]) && n_left >= least && n_all - n_left >= least && n_left < n_all && score.improves(n_left, n_all - n_left)) {
            found = b;
        }
    }
    best = score.best;
    return found;
}

TEST_CASE("ranks count the smaller codes, among ties too") {
    RandomStream stream(1, Purpose::test, 0);
    alignas(64) std::array<std::uint8_t, ranked_places> codes{};
    alignas(64) std::array<std::uint8_t, ranked_places> ranks{};
    for (std::size_t n = 1; n <= ranked_places; ++n) {
        for (const std::uint64_t distinct : {2U, 20U, 256U}) {
            for (std::size_t i = 0; i < n; ++i) {
                codes[i] = static_cast<std::uint8_t>(255 - stream.below(distinct));
            }
            rank_bytes(codes.data(), n, ranks.data());
            for (std::size_t i = 0; i < n; ++i) {
                REQUIRE(ranks[i] == std::count_if(codes.begin(), codes.begin() + static_cast<std::ptrdiff_t>(n), [&](std::uint8_t code) { return code < codes[i]; }));
            }
        }
    }
}

TEST_CASE("both kernels find the boundary, and the score, of the scan by rows") {
    RandomStream stream(2, Purpose::test, 0);
    for (int round = 0; round < 3000; ++round) {
        const std::size_t n = 2 + stream.below(60);
        const std::uint64_t copies = 2 + stream.below(packed_copies - 1);
        const Cells cells = random_cells(stream, n, copies, 1 + stream.below(packed_classes));
        std::array<std::uint32_t, packed_classes> total{};
        std::array<std::uint32_t, packed_classes> left = cells[n - 1];   // as if the last bin were NaN
        if (round % 2 == 0) {
            left.fill(0);
        }
        const std::size_t end = round % 2 == 0 ? n : n - 1;
        for (const auto& cell : cells) {
            std::transform(cell.begin(), cell.end(), total.begin(), total.begin(), std::plus<>());
        }
        const auto least = static_cast<std::int64_t>(1 + stream.below(3));
        const double start = round % 3 == 0 ? -1 : 0.3 * static_cast<double>(copies);
        double wanted = start;
        const std::size_t found = scan(cells, end, left, total, least, wanted);
        std::vector<std::uint64_t> prefixes(n + padding, 0);
        std::uint64_t total_word = 0;
        std::uint64_t sum = 0;
        for (std::size_t c = 0; c < packed_classes; ++c) {
            total_word |= std::uint64_t{total[c]} << (8 * c);
            sum |= std::uint64_t{left[c]} << (8 * c);
        }
        const bool starts_empty = std::all_of(cells[0].begin(), cells[0].end(), [](std::uint32_t count) { return count == 0; });
        for (std::size_t b = 0; b < end; ++b) {
            for (std::size_t c = 0; c < packed_classes; ++c) {
                sum += std::uint64_t{cells[b][c]} << (8 * c);
            }
            prefixes[b] = sum;
        }
        double packed = start;
        if (!starts_empty) {   // the callers' first prefix has rows
            CHECK(best_boundary(prefixes.data(), end, total_word, static_cast<std::uint32_t>(copies), static_cast<std::uint32_t>(least), &packed) == found);
            CHECK(packed == wanted);
        }
        double counted = start;
        CHECK(best_bin(cells[0].data(), 0, end, left.data(), total.data(), static_cast<double>(least), &counted) == found);
        CHECK(counted == wanted);
    }
}

}  // namespace
}  // namespace emotion::trees
