// Pitch and voice quality frame by frame, every 10 ms at 16 kHz, without gaps: what descriptors.cpp takes from pitch.hpp and periods.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// One value a frame; 0 where the frame is unvoiced.
struct VoiceTrack {
    std::vector<float> f0_hz;
    std::vector<float> jitter;
    std::vector<float> shimmer_db;
    std::vector<float> hnr_db;
};

[[nodiscard]] VoiceTrack track_voice(std::span<const float> samples, std::size_t frames, const StopToken& stop);

}  // namespace emotion::audio
