// Measures of single glottal cycles along a pitch track: marks of the periods by waveform matching, jitter, shimmer, harmonics-to-noise ratio.
//
//   marks      one instant a cycle: from the strongest peak of each voiced stretch outwards, each next mark where the waveform around the last one
//              correlates best within 0.8 to 1.25 periods of the track (normalised cross-correlation, parabolic interpolation between samples);
//              Talkin, "A robust algorithm for pitch tracking (RAPT)", in Speech Coding and Synthesis, 1995, section 14.3 (the correlation)
//   jitter     mean |T[i] - T[i+1]| over mean T, of the cycles in a window around the frame
//   shimmer    the same of the cycles' peak-to-peak amplitudes; in dB, mean |20 log10(A[i+1] / A[i])|
//   hnr        10 log10(r / (1 - r)), r the height of the autocorrelation at the period over that of the window: Boersma 1993, section 5, eq. 4
// Jitter and shimmer are those of Titze, "Workshop on acoustic voice analysis", NCVS 1995 (mean absolute perturbation of the first order).
// Invariant to gain, offset and polarity (to rounding). Complexity O(voiced samples * period / 2). Samples must be finite. No threads; equal bits.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/audio/pitch.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// The cycles of the voiced stretches. Cycle i of a stretch lies between its marks i and i + 1.
struct PeriodMarks {
    std::vector<double> mark_s;          // in order
    std::vector<std::size_t> stretch;    // first mark of each stretch, and the number of marks at the end
    std::vector<float> amplitude;        // of the cycle that begins at the mark: peak to peak; the last of a stretch: NaN
};

// One value a frame of the track; NaN where the frame is unvoiced or its window holds too few cycles (two periods for jitter, two for shimmer).
struct VoiceQuality {
    std::vector<float> jitter_local;   // ratio: 0.01 is one per cent
    std::vector<float> shimmer_local;  // ratio
    std::vector<float> shimmer_db;
    std::vector<float> hnr_db;         // limited to -20 … 60
};

[[nodiscard]] PeriodMarks period_marks(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop);
[[nodiscard]] VoiceQuality voice_quality(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop);

}  // namespace emotion::audio
