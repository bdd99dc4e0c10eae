// Measures of single glottal cycles along a pitch track: marks of the periods by waveform matching, jitter, shimmer, harmonics-to-noise ratio.
//
//   marks      one instant a cycle: from the strongest sample of each voiced stretch outwards, each next mark where the waveform, one period around
//              the last mark, correlates best within 0.8 to 1.25 periods of the track (normalised cross-correlation: Talkin, "A robust algorithm
//              for pitch tracking (RAPT)", in Speech Coding and Synthesis, 1995), moved to the peak of its sinc interpolation
//   amplitude  the peak of the cycle: the largest value, between the samples too, within half a period of the mark, of the sign of the stretch's
//              strongest sample (Eyben et al., IEEE Trans. Affective Computing 7, 2016, section 3.1: shimmer compares peak amplitudes)
//   jitter     mean |T[i] - T[i+1]| over mean T, of the cycles in a window of max(60 ms, 4.5 periods) around the frame
//   shimmer    the same of the amplitudes; in dB, mean |20 log10(A[i+1] / A[i])| (terms: Titze, "Workshop on acoustic voice analysis:
//              summary statement", NCVS 1995; perturbation of the first order: Pinto & Titze, J. Acoust. Soc. Am. 87, 1990)
//   hnr        10 log10(r / (1 - r)), r the height at the period of the frame's autocorrelation over that of the window: Boersma, Proc. Institute of
//              Phonetic Sciences Amsterdam 17, 1993, eqs. 4, 8 and 9; a Hann window of max(40 ms, 4.5 periods)
// Invariant to gain, offset and polarity (to rounding). Complexity O(samples + voiced samples * period). Samples must be finite. No threads; equal bits.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/audio/pitch.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// The marks of the voiced stretches, in order. Cycle i lies between marks i and i + 1 of one stretch.
struct PeriodMarks {
    std::vector<double> mark_s;
    std::vector<double> amplitude;     // of the cycle around each mark, in the samples' unit
    std::vector<std::size_t> stretch;  // first mark of each stretch, and the number of marks at the end
};

// One value a frame of the track; NaN where the frame is unvoiced, jitter and shimmer also where its window holds fewer than two cycles.
struct VoiceQuality {
    std::vector<float> jitter_local;   // ratio: 0.01 is one per cent
    std::vector<float> shimmer_local;  // ratio
    std::vector<float> shimmer_db;
    std::vector<float> hnr_db;         // limited to -20 … 60
};

// InvalidInputError unless samples are finite and the track is one of theirs (equal lengths, times ascending, f0 NaN or between 20 Hz and rate / 4).
[[nodiscard]] PeriodMarks period_marks(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop);
[[nodiscard]] VoiceQuality voice_quality(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop);

}  // namespace emotion::audio
