// Eight rows side by side, one a SIMD lane. Kernels are element-wise over the lanes, so nothing is reassociated and every instruction set
// gives equal bits (-ffp-contract=off).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emotion/core/clones.hpp"

#define EMOTION_INLINE inline __attribute__((always_inline))

namespace emotion::explain {

inline constexpr std::size_t lanes = 8;

typedef double Lane __attribute__((vector_size(64)));
typedef float FloatLane __attribute__((vector_size(32)));
typedef std::int32_t IntLane __attribute__((vector_size(32)));
typedef double LaneMemory __attribute__((vector_size(64), may_alias));
typedef float FloatLaneMemory __attribute__((vector_size(32), may_alias));

// Memory of one lane vector, aligned for it.
struct alignas(64) LaneBlock {
    double value[lanes];
};
struct alignas(32) FloatLaneBlock {
    float value[lanes];
};

}  // namespace emotion::explain
