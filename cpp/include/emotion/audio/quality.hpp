// How usable a recording is: where somebody speaks, how much louder than the noise, and how much is clipped.
//
// All is measured without the offset (mean) of the samples, or does not depend on it.
//
// Voice activity, by frames of about 32 ms (the power of two nearest) with half of that as hop, Hann, centred, over the band of 100 Hz to 4 kHz:
//   noise      per bin the 15 % percentile of the power over the frames, divided by -ln(0.85): its mean if the noise is Gaussian
//   spectral   the mean over the bins of gamma - ln gamma - 1 where gamma = power / noise > 1, at most 100: the likelihood ratio of speech with
//              the most likely variance (Sohn, Kim & Sung, "A statistical model-based voice activity detection", 1999); Gaussian noise has 0.15
//   energy     the frame's level against the 95 % percentile of all frames
//   active     spectral > least_ratio and level > loudest - level_range_db; gaps up to bridge_s are filled, then runs below shortest_s dropped
// Signal-to-noise ratio, twice:
//   snr_db      mean power in the band of the active frames without the noise's, over the noise's: the mean power of the frames that are neither
//               active nor beside one, or the sum of the bins' noise where these are fewer than five
//   snr_wada_db from the distribution of the samples alone, those of digital silence (zero) left out and the mean of the others taken away: speech
//               amplitudes are gamma distributed with shape 0.4, noise is Gaussian, and ln E|x| - E ln|x| tells their ratio (Kim & Stern, "Robust
//               signal-to-noise ratio estimation based on waveform amplitude distribution analysis", 2008); the table was integrated numerically
//               from that definition
// Both are kept within -20 to 60 dB.
//
// Clipping: the share of samples in flat tops (docs/reference/audio.md).
// Complexity O(n log n_fft). NaN policy: samples must be finite. Determinism: a pure function of its inputs.
// Threads: may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

struct VoiceOptions {
    double least_ratio = 0.6;
    double level_range_db = 40.0;
    double bridge_s = 0.2;
    double shortest_s = 0.06;
};

// Samples begin to end, end excluded.
struct Segment {
    std::size_t begin = 0, end = 0;
};

struct VoiceActivity {
    std::size_t frame_length = 0, hop_length = 0;
    std::vector<std::uint8_t> active;  // one a frame; frame t is centred on sample t * hop_length
    std::vector<Segment> segments;     // runs of active frames, from the first frame's centre - hop/2 to the last one's + hop/2, inside the signal
    double snr_db = 0.0;
};

// InvalidInputError for no samples, a rate outside 1000 to 768000, or options that are negative or not finite.
[[nodiscard]] VoiceActivity voice_activity(std::span<const float> samples, int sample_rate_hz, const VoiceOptions& options, const StopToken& stop);

// By Kim & Stern's table. Samples of zero and those within 1e-15 of the mean of the others tell nothing; -20 where none is left, or where all that are
// left are equally far from that mean.
[[nodiscard]] double wada_snr_db(std::span<const float> samples, const StopToken& stop = {});

struct Quality {
    double duration_s = 0.0;
    double speech_s = 0.0;
    double speech_ratio = 0.0;    // speech_s / duration_s
    double segments = 0.0;        // number of runs of speech
    double snr_db = 0.0;
    double snr_wada_db = 0.0;
    double clipped_ratio = 0.0;   // share of samples in flat tops
    double peak_dbfs = 0.0;       // of the samples less the offset; at least -120
    double level_dbfs = 0.0;      // of their root mean square; at least -120
    double offset = 0.0;          // mean of the samples
};
inline constexpr std::array<const char*, 10> quality_names{"duration_s",    "speech_s",  "speech_ratio", "segments", "snr_db", "snr_wada_db",
                                                           "clipped_ratio", "peak_dbfs", "level_dbfs",   "offset"};

[[nodiscard]] Quality measure_quality(std::span<const float> samples, int sample_rate_hz, const StopToken& stop);

// The one place of the thresholds behind the reasons.
struct QualityLimits {
    double least_duration_s = 0.25;     // below: too_short
    double least_peak_dbfs = -80.0;     // below: silent, as silence_peak
    double least_speech_s = 0.2;        // below: no_speech
    double least_speech_ratio = 0.1;    // below: little_speech
    double most_clipped_ratio = 0.02;   // above: clipped
    double least_snr_db = 0.0;          // below: noisy
};

// The values in the order of quality_names.
[[nodiscard]] std::array<double, quality_names.size()> quality_values(const Quality& quality);
[[nodiscard]] Quality quality_from(std::span<const double, quality_names.size()> values);
// The same as columns of the feature set "quality".
[[nodiscard]] std::vector<float> quality_columns(const Quality& quality);

// Why the recording should not be used: too_short, silent, no_speech, little_speech, clipped, noisy, the first that holds, in this order; empty when
// none does.
[[nodiscard]] std::string quality_reason(const Quality& quality, const QualityLimits& limits);
// The reason with what was measured, for people: "noisy: a signal-to-noise ratio of -3 dB, below 0 dB"; empty when none holds.
[[nodiscard]] std::string quality_message(const Quality& quality, const QualityLimits& limits);

}  // namespace emotion::audio
