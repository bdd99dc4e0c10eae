// From a clip to one fixed-length vector: the feature sets.
//
// "classic" (1116 columns): per frame 40 MFCC, their first and second deltas, 128 log-mel bands, 12 chroma, 7 spectral contrasts, centroid,
// bandwidth, rolloff, flatness, zero crossings, RMS and 6 tonal centroids, all from one short-time Fourier transform (2048 points, hop 512, Hann,
// centred); each summarised over the frames by mean, standard deviation (ddof 0), minimum and maximum. Definitions: docs/reference/audio.md.
//
// "egemaps" (88 columns): the extended Geneva minimalistic acoustic parameter set; "full" (5188 columns): those and 34 functionals
// of every descriptor of voice and spectrum and of its delta. egemaps.hpp, full.hpp, docs/reference/egemaps.md.
// "quality" (10 columns): how usable the recording is. quality.hpp.
//
// This header is a contract: the runtime room calls extract(), the bindings the rest. NaN policy: samples must be finite.
// Determinism: a pure function of its inputs, whatever the number of threads. Threads: every function may be called from any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emotion/audio/decode.hpp"
#include "emotion/audio/feature_set.hpp"
#include "emotion/audio/quality.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// Grows whenever a value of any feature set changes; part of cache keys and model files.
inline constexpr int algorithm_version = 6;

// Columns of "classic": `mfcc_01_mean`, `mfcc_01_std`, `mfcc_01_min`, `mfcc_01_max`, `mfcc_02_mean`, …
[[nodiscard]] const std::vector<std::string>& classic_names();

// The vector of samples that are already mono at sample_rate_hz (100 to 768000; with "quality" from 1000). Any length from one sample on; silence and
// constant signals give finite values. InvalidInputError for samples that are empty, not finite or beyond 1e9.
[[nodiscard]] std::vector<float> functionals(std::span<const float> samples, int sample_rate_hz, const FeatureSet& set,
                                             const StopToken& stop = {});
// The same of samples that were resampled from ones within the bound: what the filter made of them may overshoot it, and is not looked at.
[[nodiscard]] std::vector<float> resampled_functionals(std::span<const float> samples, int sample_rate_hz, const FeatureSet& set,
                                                       const StopToken& stop);

// Share of the samples at full scale (levels.clipped_ratio) above which a clip gets a warning, and validation a finding.
inline constexpr double most_full_scale = 0.001;

struct ExtractOptions {
    FeatureSet set = FeatureSet::classic;
    int sample_rate_hz = 16'000;  // the clip is resampled to this rate
    DecodeOptions decode;
    bool quality = true;  // measure it, also where no column is made of it
};

struct ExtractInfo {
    AudioHeader header;
    AudioLevels levels;
    std::vector<std::string> warnings;  // "full_scale: …", "short: …", …
    // Of the samples at the file's own rate, as resampling hides clipping; at options.sample_rate_hz where the file's is below 1000. Absent where both
    // are, and where nobody asked.
    std::optional<Quality> quality;
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
// from the beginning, to the end), or empty; InvalidInputError before any work for times that are none. stop.advance() once a clip. `out` is clips x feature_names(set).size().
[[nodiscard]] std::vector<ExtractStatus> extract_batch(std::span<const Source> sources, std::span<const double> starts_s,
                                                       std::span<const double> ends_s, const ExtractOptions& options, MatrixView<float> out,
                                                       Parallel& parallel, StopToken& stop);

}  // namespace emotion::audio
