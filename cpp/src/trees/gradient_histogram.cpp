#include "gradient_histogram.hpp"

#include <algorithm>
#include <cstring>

#include "emotion/core/clones.hpp"
#include "lane_gains.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t ahead = 16;   // rows: the codes of a node lie anywhere in memory

}  // namespace

void add_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, const std::uint64_t* words, std::uint64_t* scratch) {
    const std::size_t last = n == 0 ? 0 : n - 1;
    for (std::size_t i = 0; i < n; ++i) {
        __builtin_prefetch(codes + rows[std::min(i + ahead, last)] * stride);
        std::uint64_t eight = 0;
        std::memcpy(&eight, codes + rows[i] * stride, 8);
        const std::uint64_t word = words[i];
        scratch[(eight & 0xFF) * 8 + 0] += word;
        scratch[(eight >> 8 & 0xFF) * 8 + 1] += word;
        scratch[(eight >> 16 & 0xFF) * 8 + 2] += word;
        scratch[(eight >> 24 & 0xFF) * 8 + 3] += word;
        scratch[(eight >> 32 & 0xFF) * 8 + 4] += word;
        scratch[(eight >> 40 & 0xFF) * 8 + 5] += word;
        scratch[(eight >> 48 & 0xFF) * 8 + 6] += word;
        scratch[(eight >> 56) * 8 + 7] += word;
    }
}

EMOTION_CLONES
void spread(std::uint64_t* scratch, std::size_t n_bins, std::int32_t* histogram, bool set) {
    const LaneInts keep = LaneInts{} - (set ? 0 : 1);
    const LaneWords none = {};
    for (std::size_t b = 0; b < n_bins; ++b) {
        LaneWords word;
        std::memcpy(&word, scratch + b * 8, sizeof word);
        std::memcpy(scratch + b * 8, &none, sizeof none);
        const LaneInts n = __builtin_convertvector(word & 0x1FFF, LaneInts);
        const LaneInts sums[3] = {__builtin_convertvector(word >> 38, LaneInts) - (n << 13), __builtin_convertvector(word >> 13 & 0x1FFFFFF, LaneInts), n};
        for (std::size_t i = 0; i < 3; ++i) {
            LaneInts held;
            std::memcpy(&held, histogram + b * bin_words + i * 8, sizeof held);
            held = (held & keep) + sums[i];
            std::memcpy(histogram + b * bin_words + i * 8, &held, sizeof held);
        }
    }
}

void take_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows, std::size_t n, const std::uint64_t* words, std::int32_t* histogram) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint8_t* const row = codes + rows[i] * stride;
        const auto g = static_cast<std::int32_t>(words[i] >> 38) - (largest_quantum + 1);
        const auto h = static_cast<std::int32_t>(words[i] >> 13 & 0x1FFFFFF);
        for (std::size_t l = 0; l < 8; ++l) {
            std::int32_t* const bin = histogram + row[l] * bin_words + l;
            bin[0] -= g;
            bin[8] -= h;
            bin[16] -= 1;
        }
    }
}

EMOTION_CLONES __attribute__((optimize("O3")))
void subtract(std::int32_t* parent, const std::int32_t* child, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        parent[i] -= child[i];
    }
}

EMOTION_CLONES
void scan_block(const std::int32_t* histogram, std::int32_t n_bins, bool missing, const Sums& total, const ScanRules& rules, LaneSplits& out) {
    const LaneInts zero = {};
    const LaneInts below_n = zero + (rules.min_rows - 1);
    const LaneInts above_n = zero + (static_cast<std::int32_t>(total.n) - rules.min_rows + 1);
    const LaneInts below_w = zero + (rules.min_weight - 1);
    const LaneInts above_w = zero + (rules.weight_sum - rules.min_weight + 1);
    LaneBest best(total, rules);
    for (std::int32_t pass = 0; pass < (missing ? 2 : 1); ++pass) {
        LaneInts g = zero;
        LaneInts h = zero;
        LaneInts n = zero;
        LaneInts w = zero;
        if (pass == 1) {
            const std::int32_t* const bin = histogram + static_cast<std::size_t>(n_bins) * bin_words;
            std::memcpy(&g, bin, sizeof g);
            std::memcpy(&h, bin + 8, sizeof h);
            std::memcpy(&n, bin + 16, sizeof n);
            if (rules.weight != nullptr) {
                std::memcpy(&w, rules.weight + static_cast<std::size_t>(n_bins) * 8, sizeof w);
            }
        }
        const std::int32_t last = missing && pass == 0 ? n_bins : n_bins - 1;
        LaneInts tag = zero + pass;   // 2 * bin + pass
        for (std::int32_t b = 0; b < last; ++b) {
            LaneInts add;
            const std::int32_t* const bin = histogram + static_cast<std::size_t>(b) * bin_words;
            std::memcpy(&add, bin, sizeof add);
            g += add;
            std::memcpy(&add, bin + 8, sizeof add);
            h += add;
            std::memcpy(&add, bin + 16, sizeof add);
            n += add;
            LaneInts allowed = (n > below_n) & (n < above_n);
            if (rules.weight != nullptr) {
                std::memcpy(&add, rules.weight + static_cast<std::size_t>(b) * 8, sizeof add);
                w += add;
                allowed &= (w > below_w) & (w < above_w);
            }
            best.consider(g, h, allowed, tag);
            tag += 2;
        }
    }
    const LaneInts bin = best.tag >> 1;   // -1 stays
    const LaneInts missing_left = best.tag >= 0 ? best.tag & 1 : zero;
    std::memcpy(out.numerator, &best.numerator, sizeof best.numerator);
    std::memcpy(out.denominator, &best.denominator, sizeof best.denominator);
    std::memcpy(out.bin, &bin, sizeof bin);
    std::memcpy(out.missing_left, &missing_left, sizeof missing_left);
}

}  // namespace emotion::trees
