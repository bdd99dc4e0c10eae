// Eight frames of eight samples, turned so that a vector holds one sample of every frame.
#pragma once

#include "lanes.hpp"

namespace emotion::audio {

struct TransposeBlock {
    Lane r[8];
};

#if defined(__clang__)
#define EMOTION_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define EMOTION_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, LaneInt{__VA_ARGS__})
#endif

// Rows are frames on entry and samples on return.
static EMOTION_INLINE void transpose(TransposeBlock& t) {
    Lane* r = t.r;
    Lane a[8];
    for (int i = 0; i < 8; i += 2) {  // pairs within 128-bit halves
        a[i] = EMOTION_SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = EMOTION_SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    Lane b[8];
    for (int i = 0; i < 8; i += 4) {
        b[i] = EMOTION_SHUFFLE(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 1] = EMOTION_SHUFFLE(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        b[i + 2] = EMOTION_SHUFFLE(a[i + 1], a[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 3] = EMOTION_SHUFFLE(a[i + 1], a[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int i = 0; i < 4; ++i) {
        r[i] = EMOTION_SHUFFLE(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = EMOTION_SHUFFLE(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

}  // namespace emotion::audio
