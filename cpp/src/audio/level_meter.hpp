// Levels of samples as they are decoded: eight running sums in a fixed order, added at the end, so the result does not depend on the instruction set.
// NaN, infinity and values beyond largest_sample are remembered. Not safe to share between threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/audio/decode.hpp"

namespace emotion::audio {

class LevelMeter {
public:
    void add(std::span<const float> x);
    [[nodiscard]] std::uint64_t at_full_scale() const;  // samples so far
    // Fills all but frames, duration_s and flat_ratio.
    void finish(AudioLevels& levels) const;

private:
    std::array<double, 8> square_{};
    std::array<float, 8> peak_{};
    std::array<std::uint64_t, 8> clipped_{};
    std::uint64_t count_ = 0;
};

}  // namespace emotion::audio
