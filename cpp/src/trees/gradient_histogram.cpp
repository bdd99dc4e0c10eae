#include "gradient_histogram.hpp"

#include <algorithm>
#include <cstring>

#include "emotion/core/clones.hpp"

namespace emotion::trees {
namespace {

using Floats = float __attribute__((vector_size(32)));
using Ints = std::int32_t __attribute__((vector_size(32)));
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

EMOTION_CLONES __attribute__((optimize("O3")))
void spread(std::uint64_t* scratch, std::size_t n_bins, std::int32_t* histogram, bool set) {
    const std::int32_t keep = set ? 0 : -1;
    for (std::size_t b = 0; b < n_bins; ++b) {
        std::uint64_t* const from = scratch + b * 8;
        std::int32_t* const to = histogram + b * bin_words;
        for (std::size_t l = 0; l < 8; ++l) {
            const std::uint64_t word = from[l];
            const auto n = static_cast<std::int32_t>(word & 0x1FFF);
            const auto h = static_cast<std::int32_t>(word >> 13 & 0x1FFFFFF);
            const auto g = static_cast<std::int32_t>(word >> 38) - (n << 13);
            to[l] = (to[l] & keep) + g;
            to[8 + l] = (to[8 + l] & keep) + h;
            to[16 + l] = (to[16 + l] & keep) + n;
            from[l] = 0;
        }
    }
}

EMOTION_CLONES __attribute__((optimize("O3")))
void subtract(std::int32_t* parent, const std::int32_t* child, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        parent[i] -= child[i];
    }
}

// The quotients a / b and c / d of positive denominators are compared as a * d > c * b: no division.
EMOTION_CLONES
void scan_block(const std::int32_t* histogram, std::int32_t n_bins, bool missing, const Sums& total, const ScanRules& rules, LaneSplits& out) {
    const Ints zero = {};
    const Ints all_g = zero + static_cast<std::int32_t>(total.g);
    const Ints all_h = zero + static_cast<std::int32_t>(total.h);
    const Ints most_n = zero + static_cast<std::int32_t>(total.n) - rules.min_rows;
    const Ints least_n = zero + rules.min_rows;
    const Ints least_h = zero + rules.min_h;
    const Ints least_w = zero + rules.min_weight;
    const Ints most_w = zero + (rules.weight_sum - rules.min_weight);
    const Floats l2 = Floats{} + rules.l2;
    const Floats scale_g = Floats{} + rules.scale_g;
    const Floats scale_h = Floats{} + rules.scale_h;
    Floats best_numerator = {};
    Floats best_denominator = Floats{} + 1.0F;
    Ints best_bin = zero - 1;
    Ints best_missing = zero;
    for (std::int32_t pass = 0; pass < (missing ? 2 : 1); ++pass) {
        Ints g = zero;
        Ints h = zero;
        Ints n = zero;
        Ints w = zero;
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
        for (std::int32_t b = 0; b < last; ++b) {
            Ints add;
            const std::int32_t* const bin = histogram + static_cast<std::size_t>(b) * bin_words;
            std::memcpy(&add, bin, sizeof add);
            g += add;
            std::memcpy(&add, bin + 8, sizeof add);
            h += add;
            std::memcpy(&add, bin + 16, sizeof add);
            n += add;
            const Ints h_right = all_h - h;
            Ints allowed = (n >= least_n) & (n <= most_n) & (h >= least_h) & (h_right >= least_h);
            if (rules.weight != nullptr) {
                std::memcpy(&add, rules.weight + static_cast<std::size_t>(b) * 8, sizeof add);
                w += add;
                allowed &= (w >= least_w) & (w <= most_w);
            }
            const Floats gl = __builtin_convertvector(g, Floats) * scale_g;
            const Floats gr = __builtin_convertvector(all_g - g, Floats) * scale_g;
            const Floats hl = (__builtin_convertvector(h, Floats) + l2) * scale_h;
            const Floats hr = (__builtin_convertvector(h_right, Floats) + l2) * scale_h;
            const Floats numerator = gl * gl * hr + gr * gr * hl;
            const Floats denominator = hl * hr;
            const Ints better = (numerator * best_denominator > best_numerator * denominator) & allowed;
            best_numerator = better ? numerator : best_numerator;
            best_denominator = better ? denominator : best_denominator;
            best_bin = better ? zero + b : best_bin;
            best_missing = better ? zero + pass : best_missing;
        }
    }
    std::memcpy(out.numerator, &best_numerator, sizeof best_numerator);
    std::memcpy(out.denominator, &best_denominator, sizeof best_denominator);
    std::memcpy(out.bin, &best_bin, sizeof best_bin);
    std::memcpy(out.missing_left, &best_missing, sizeof best_missing);
}

}  // namespace emotion::trees
