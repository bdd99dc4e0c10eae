// Copying samples with their peak brought into [0.5, 1) by an exact power of two: results that do not depend on the gain, to the bit when the gain
// is a power of two, and squares that neither overflow nor vanish.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace emotion::audio {

inline void scale_to_peak(std::span<const float> samples, float* out) {
    float peak = 0.0F;
    for (const float x : samples) {
        peak = std::abs(x) > peak ? std::abs(x) : peak;
    }
    int exponent = 0;
    std::frexp(peak, &exponent);
    // Two factors: one alone would overflow for subnormal samples.
    const float a = std::ldexp(1.0F, -exponent / 2), b = std::ldexp(1.0F, -exponent - -exponent / 2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        out[i] = samples[i] * a * b;
    }
}

}  // namespace emotion::audio
