// The sampling rates that the functions of this room take, in Hz.
#pragma once

#include <string>

namespace emotion::audio {

inline constexpr int highest_rate_hz = 768'000;        // everywhere
inline constexpr int lowest_decoded_rate_hz = 1;       // of files and of resampling
inline constexpr int lowest_feature_rate_hz = 100;     // of feature sets, streams and the clips of models
inline constexpr int lowest_quality_rate_hz = 1000;    // of voice activity and the quality of recordings
inline constexpr int lowest_pitch_rate_hz = 4000;      // of the pitch tracker and what follows its track

// What a rate must be, for messages: "between 100 and 768000".
[[nodiscard]] inline std::string rate_rule(int lowest_hz) {
    return "between " + std::to_string(lowest_hz) + " and " + std::to_string(highest_rate_hz);
}

}  // namespace emotion::audio
