// Descriptors of the waveform itself, frame by frame, as librosa.feature defines them.
//
//   zero_crossing_rate  share of the samples of a frame whose sign differs from the sample before (the first sample of a frame never counts);
//                       |x| <= threshold counts as +0; a centred signal is padded with its end values
//   rms                 sqrt(mean x^2) of a frame; a centred signal is padded with zeros
// Sums are exact or float64. NaN spreads over the frames that hold it. frame_length >= 1, hop_length >= 1. Complexity: zero_crossing_rate
// O(n + frames log frames); rms O(n + frames * frame_length / hop_length) where the hop divides frame_length and, when centred, its half, else
// O(frames * frame_length).
#pragma once

#include <cstddef>
#include <limits>
#include <span>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// Frames of n samples; zero when there is no whole frame.
[[nodiscard]] std::size_t frame_count(std::size_t n, std::size_t frame_length, std::size_t hop_length, bool center);

// Neither NaN nor infinite, nor beyond `largest` in magnitude.
[[nodiscard]] bool all_finite(std::span<const float> x, float largest = std::numeric_limits<float>::max());

// out: frame_count values. With zero_is_positive false, zero is a sign of its own.
void zero_crossing_rate(std::span<const float> x, std::size_t frame_length, std::size_t hop_length, bool center, float threshold,
                        std::span<float> out, bool zero_is_positive = true);
void rms(std::span<const float> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<float> out, const StopToken& stop = {});
void rms(std::span<const double> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<double> out, const StopToken& stop = {});

}  // namespace emotion::audio
