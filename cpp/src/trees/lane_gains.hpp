// The split of eight columns that is best so far, one a SIMD lane, shared by the scans of histograms and of sorted rows. Inlined into functions
// compiled for several instruction sets (EMOTION_CLONES), so it uses vectors by reference and no standard template.
#pragma once

#include <cstdint>
#include <cstring>

#include "gradient_histogram.hpp"

namespace emotion::trees {

using LaneFloats = float __attribute__((vector_size(32)));
using LaneInts = std::int32_t __attribute__((vector_size(32)));
using LaneWords = std::uint64_t __attribute__((vector_size(64)));

struct LaneBest {
    LaneFloats numerator = {};
    LaneFloats denominator = LaneFloats{} + 1.0F;
    LaneInts tag = LaneInts{} - 1;
    LaneInts all_g;
    LaneInts all_h;
    LaneInts below_h;
    LaneFloats l2;
    LaneFloats scale_h;

    __attribute__((always_inline)) inline LaneBest(const Sums& total, const ScanRules& rules)
        : all_g(LaneInts{} + static_cast<std::int32_t>(total.g)), all_h(LaneInts{} + static_cast<std::int32_t>(total.h)),
          below_h(LaneInts{} + (rules.min_h - 1)), l2(LaneFloats{} + rules.l2), scale_h(LaneFloats{} + rules.scale_h) {}

    // Sums of the left side. The quotients a / b and c / d of positive denominators are compared as a * d > c * b: no division.
    __attribute__((always_inline)) inline void consider(const LaneInts& g, const LaneInts& h, const LaneInts& allowed, const LaneInts& as) {
        const LaneInts h_right = all_h - h;
        const LaneFloats gl = __builtin_convertvector(g, LaneFloats);
        const LaneFloats gr = __builtin_convertvector(all_g - g, LaneFloats);
        const LaneFloats hl = (__builtin_convertvector(h, LaneFloats) + l2) * scale_h;
        const LaneFloats hr = (__builtin_convertvector(h_right, LaneFloats) + l2) * scale_h;
        const LaneFloats over = gl * gl * hr + gr * gr * hl;
        const LaneFloats under = hl * hr;
        const LaneInts better = (over * denominator > numerator * under) & allowed & (h > below_h) & (h_right > below_h);
        numerator = better ? over : numerator;
        denominator = better ? under : denominator;
        tag = better ? as : tag;
    }
};

}  // namespace emotion::trees
