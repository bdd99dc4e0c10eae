// Eight frames side by side, one a SIMD lane: the data layout of every spectral kernel of this room. A "lane block" of n values is n x 8
// floats, value-major. Kernels are element-wise over the lanes, so the number of lanes is fixed, nothing is reassociated, and every
// instruction set gives equal bits (-ffp-contract=off).
#pragma once

#include <cstddef>
#include <cstdint>

#include "emotion/core/clones.hpp"

#define EMOTION_INLINE inline __attribute__((always_inline))

namespace emotion::audio {

inline constexpr std::size_t lanes = 8;

typedef float Lane __attribute__((vector_size(32)));
typedef std::int32_t LaneInt __attribute__((vector_size(32)));
typedef float LaneMemory __attribute__((vector_size(32), aligned(4), may_alias));
typedef std::int32_t LaneIntMemory __attribute__((vector_size(32), aligned(4), may_alias));

static EMOTION_INLINE Lane load(const float* p) { return *reinterpret_cast<const LaneMemory*>(p); }
static EMOTION_INLINE void store(float* p, Lane v) { *reinterpret_cast<LaneMemory*>(p) = v; }
static EMOTION_INLINE LaneInt load_int(const std::int32_t* p) { return *reinterpret_cast<const LaneIntMemory*>(p); }
static EMOTION_INLINE void store_int(std::int32_t* p, LaneInt v) { *reinterpret_cast<LaneIntMemory*>(p) = v; }
static EMOTION_INLINE Lane splat(float x) { return Lane{} + x; }
static EMOTION_INLINE LaneInt splat_int(std::int32_t x) { return LaneInt{} + x; }
static EMOTION_INLINE Lane lane_max(Lane a, Lane b) { return a > b ? a : b; }
static EMOTION_INLINE Lane lane_min(Lane a, Lane b) { return a < b ? a : b; }
static EMOTION_INLINE LaneInt bits_of(Lane v) { return reinterpret_cast<LaneInt>(v); }
static EMOTION_INLINE Lane float_of(LaneInt v) { return reinterpret_cast<Lane>(v); }

// Whether any lane of a comparison holds.
static EMOTION_INLINE bool any_lane(LaneInt mask) {
    typedef long long Wide __attribute__((vector_size(32)));
    const Wide wide = reinterpret_cast<Wide>(mask);
    return ((wide[0] | wide[1]) | (wide[2] | wide[3])) != 0;
}

// Natural logarithm of positive normal floats: exponent, and the atanh series of the mantissa folded into [sqrt(1/2), sqrt(2)). Error at most
// 2e-7 max(1, |log x|) (tested against std::log). Zero, negative, subnormal and non-finite input gives an unspecified value, no fault.
static EMOTION_INLINE Lane log_lane(Lane x) {
    const LaneInt bits = bits_of(x);
    LaneInt exponent = ((bits >> 23) & 0xFF) - 127;
    Lane m = float_of((bits & 0x007FFFFF) | 0x3F800000);
    const LaneInt high = m > splat(1.41421356F);  // -1 where true
    m = high ? m * 0.5F : m;
    exponent = exponent - high;
    const Lane e = __builtin_convertvector(exponent, Lane);
    const Lane s = (m - 1.0F) / (m + 1.0F);  // |s| <= 0.1716
    const Lane z = s * s;
    Lane p = splat(0.22222222F);
    p = p * z + 0.28571429F;
    p = p * z + 0.4F;
    p = p * z + 0.66666667F;
    const Lane tail = s * (z * p);
    // ln 2 in two parts: the first has few bits, so that exponent * part is exact.
    return e * 0.693359375F + (2.0F * s + (tail + e * -2.12194440e-4F));
}

}  // namespace emotion::audio
