// The fundamental frequency of a voice, one value a frame: candidates from the autocorrelation of each frame, a path search over all frames,
// and a voicing decision.
//
// Source: Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", Proc. Institute
// of Phonetic Sciences Amsterdam 17, 1993, 97-110: the autocorrelation of the windowed frame over that of the window (eq. 9),
// candidates (eqs. 23 and 24) and costs of the path (eq. 27). The details are in docs/reference/audio.md.
// Frame t is centred on sample t * hop_s * rate; frames: 1 + floor(duration / hop). Complexity O(frames * window log window).
// Samples must be finite: InvalidInputError. Values do not depend on a gain or an offset of the samples (to rounding). No threads; equal bits.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

struct PitchOptions {
    double fmin_hz = 55.0;
    double fmax_hz = 1000.0;
    double hop_s = 0.01;
    double voicing_threshold = 0.45;  // correlation at which a frame is as likely voiced as not, 0 … 1
};

struct PitchTrack {
    std::vector<double> times_s;             // centre of each frame
    std::vector<float> f0_hz;                // NaN where unvoiced
    std::vector<float> voiced_probability;   // 0 … 1
};

// InvalidInputError unless samples are finite, 4000 <= sample_rate_hz <= 768000, 20 <= fmin_hz < fmax_hz <= min(3000, sample_rate_hz / 4) and
// 0.001 <= hop_s <= 1. A clip without samples has no frames.
[[nodiscard]] PitchTrack track_pitch(std::span<const float> samples, double sample_rate_hz, const PitchOptions& options, const StopToken& stop);

}  // namespace emotion::audio
