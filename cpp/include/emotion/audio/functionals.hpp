// From a clip to one fixed-length vector: the feature sets.
//
// "classic" (1092 columns): per frame 40 MFCC, their first and second deltas, 128 log-mel bands, 12 chroma, 7 spectral contrasts, centroid,
// bandwidth, rolloff, flatness, zero crossings and RMS, all from one short-time Fourier transform (2048 points, hop 512, Hann, centred);
// each summarised over the frames by mean, standard deviation (ddof 0), minimum and maximum. Definitions: docs/reference/audio.md.
//
// "egemaps" (88 columns): the extended Geneva minimalistic acoustic parameter set; "full" (5188 columns): those and 34 functionals
// of every descriptor of voice and spectrum and of its delta. egemaps.hpp, full.hpp, docs/reference/egemaps.md.
//
// This header is a contract: the runtime room calls extract(), the bindings the rest. NaN policy: samples must be finite.
// Determinism: a pure function of its inputs, whatever the number of threads. Threads: every function may be called from any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emotion/audio/decode.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// Grows whenever a value of any feature set changes; part of cache keys and model files.
inline constexpr int algorithm_version = 4;

enum class FeatureSet { classic, egemaps, full };

// The set of that name; InvalidInputError naming `caller` otherwise.
[[nodiscard]] FeatureSet feature_set_of(std::string_view name, std::string_view caller);

// Column names in order: `mfcc_01_mean`, `mfcc_01_std`, `mfcc_01_min`, `mfcc_01_max`, `mfcc_02_mean`, …
[[nodiscard]] const std::vector<std::string>& feature_names(FeatureSet set);

// The vector of samples that are already mono at sample_rate_hz (100 to 768000). Any length from one sample on; silence and constant signals
// give finite values. InvalidInputError for empty or non-finite samples.
[[nodiscard]] std::vector<float> functionals(std::span<const float> samples, int sample_rate_hz, FeatureSet set);
[[nodiscard]] std::vector<float> functionals(std::span<const float> samples, int sample_rate_hz, FeatureSet set, const StopToken& stop);

struct ExtractOptions {
    FeatureSet set = FeatureSet::classic;
    int sample_rate_hz = 16'000;  // the clip is resampled to this rate
    DecodeOptions decode;
};

struct ExtractInfo {
    AudioHeader header;
    AudioLevels levels;
    std::vector<std::string> warnings;  // "clipped: …", "short: …", …
};

// Decodes, mixes down, resamples, extracts. MediaDecodeError with any reason of decode(), or non_finite, silent, or too_short (fewer than 2048
// samples at options.sample_rate_hz: less than one window). `info` is filled as far as the work came, also when it throws.
[[nodiscard]] std::vector<float> extract(const Source& source, const ExtractOptions& options, ExtractInfo& info, const StopToken& stop);
[[nodiscard]] std::vector<float> extract(const Source& source, const ExtractOptions& options, ExtractInfo& info);

struct ExtractStatus {
    std::string status = "ok";  // or a reason code
    std::string message;        // empty when ok
    ExtractInfo info;
};

// One clip a row, in order, clips in parallel; a clip that fails leaves a row of NaN and its reason. starts_s and ends_s: one each a clip (NaN:
// from the beginning, to the end), or empty. stop.advance() once a clip. `out` is clips x feature_names(set).size().
[[nodiscard]] std::vector<ExtractStatus> extract_batch(std::span<const Source> sources, std::span<const double> starts_s,
                                                       std::span<const double> ends_s, const ExtractOptions& options, MatrixView<float> out,
                                                       Parallel& parallel, StopToken& stop);

}  // namespace emotion::audio
