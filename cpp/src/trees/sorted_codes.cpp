#include "sorted_codes.hpp"

#include <cstring>

#include "emotion/core/clones.hpp"
#include "lane_gains.hpp"

namespace emotion::trees {
namespace {

using Keys = std::uint16_t __attribute__((vector_size(32)));
using Bytes = std::uint8_t __attribute__((vector_size(16)));

// Sorts the two halves, then merges them, so the first 2**power places are sorted by the first count[power] comparators.
struct Network {
    std::uint8_t first[1536] = {};
    std::uint8_t second[1536] = {};
    std::size_t count[8] = {};

    constexpr Network() { sort(0, most_sorted); }

private:
    constexpr void sort(std::size_t begin, std::size_t n) {
        if (n == 1) {
            return;
        }
        sort(begin, n / 2);
        sort(begin + n / 2, n / 2);
        for (std::size_t k = n / 2; k > 0; k /= 2) {
            for (std::size_t j = k == n / 2 ? 0 : k; j + k < n; j += 2 * k) {
                for (std::size_t i = j; i < j + k && i + k < n; ++i) {
                    first[size_] = static_cast<std::uint8_t>(begin + i);
                    second[size_] = static_cast<std::uint8_t>(begin + i + k);
                    ++size_;
                }
            }
        }
        if (begin == 0) {
            std::size_t power = 0;
            while (std::size_t{1} << power < n) {
                ++power;
            }
            count[power] = size_;
        }
    }
    std::size_t size_ = 0;
};
constexpr Network network;
static_assert(most_sorted == std::size_t{1} << 7);

}  // namespace

EMOTION_CLONES
void sort_codes(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, std::size_t columns, std::uint16_t* keys) {
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t eight[2] = {};
        std::memcpy(eight, codes + rows[i] * stride, sizeof eight[0]);
        if (columns == sorted_lanes) {
            std::memcpy(eight + 1, codes + rows[i] * stride + sizeof eight[0], sizeof eight[1]);
        }
        Bytes row;
        std::memcpy(&row, eight, sizeof row);
        const Keys key = __builtin_convertvector(row, Keys) << 8 | static_cast<std::uint16_t>(i);
        std::memcpy(keys + i * sorted_lanes, &key, sizeof key);
    }
    std::size_t power = 0;
    while (std::size_t{1} << power < n) {
        ++power;
    }
    for (std::size_t c = 0; c < network.count[power]; ++c) {
        const std::size_t i = network.first[c];
        const std::size_t k = network.second[c];
        if (k >= n) {
            continue;   // past the end are the largest keys
        }
        Keys a;
        Keys b;
        std::memcpy(&a, keys + i * sorted_lanes, sizeof a);
        std::memcpy(&b, keys + k * sorted_lanes, sizeof b);
        const Keys low = a < b ? a : b;
        const Keys high = a < b ? b : a;
        std::memcpy(keys + i * sorted_lanes, &low, sizeof low);
        std::memcpy(keys + k * sorted_lanes, &high, sizeof high);
    }
}

EMOTION_CLONES
void scan_sorted(const std::uint16_t* keys, std::size_t n, const std::uint64_t* words, const Sums& total, const ScanRules& rules, LaneSplits& out) {
    const auto least = static_cast<std::size_t>(rules.min_rows < 1 ? 1 : rules.min_rows);
    LaneBest best(total, rules);
    LaneWords sum = {};
    for (std::size_t left = 1; left + least <= n; ++left) {
        const std::uint16_t* const key = keys + (left - 1) * sorted_lanes;
        sum += LaneWords{words[key[0] & 0xFF], words[key[1] & 0xFF], words[key[2] & 0xFF], words[key[3] & 0xFF],
                         words[key[4] & 0xFF], words[key[5] & 0xFF], words[key[6] & 0xFF], words[key[7] & 0xFF]};
        if (left < least) {
            continue;
        }
        LaneInts code;
        LaneInts next;
        for (std::size_t l = 0; l < 8; ++l) {
            code[l] = key[l] >> 8;
            next[l] = key[sorted_lanes + l] >> 8;
        }
        const LaneInts g = __builtin_convertvector(sum >> 38, LaneInts) - static_cast<std::int32_t>(left << 13);
        const LaneInts h = __builtin_convertvector(sum >> 13 & 0x1FFFFFF, LaneInts);
        best.consider(g, h, code != next, code);
    }
    std::memcpy(out.numerator, &best.numerator, sizeof best.numerator);
    std::memcpy(out.denominator, &best.denominator, sizeof best.denominator);
    std::memcpy(out.bin, &best.tag, sizeof best.tag);
    std::memset(out.missing_left, 0, sizeof out.missing_left);
}

}  // namespace emotion::trees
