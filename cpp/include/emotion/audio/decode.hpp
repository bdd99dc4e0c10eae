// Audio files and bytes to mono float32 samples. Everything that comes in is hostile until proven otherwise: the header's frame count is
// never believed, memory grows with what was really decoded, and both have limits.
//
// Formats: what libsndfile reads of WAV (also RF64, W64), AIFF, AU, CAF, NIST, FLAC, OGG (Vorbis, Opus) and MP3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// A path, or bytes that the caller keeps alive. `name` appears in messages.
struct Source {
    std::string path;                  // used when from_bytes is false
    std::span<const std::byte> bytes;  // used when from_bytes is true
    bool from_bytes = false;

    [[nodiscard]] static Source from_path(std::string path) { return {std::move(path), {}, false}; }
    [[nodiscard]] static Source from_memory(std::span<const std::byte> bytes) { return {{}, bytes, true}; }
    [[nodiscard]] std::string name() const { return from_bytes ? "audio bytes" : "'" + path + "'"; }
};

struct DecodeLimits {
    double max_seconds = 3600.0;               // of the part asked for
    std::uint64_t max_frames = 200'000'000;    // of the part asked for: 800 MB of float32; an hour at 48 kHz is 172.8 million
    int max_channels = 64;
    int min_rate_hz = lowest_decoded_rate_hz;
    int max_rate_hz = highest_rate_hz;
};

struct DecodeOptions {
    double start_s = 0.0;                                         // >= 0
    double end_s = std::numeric_limits<double>::quiet_NaN();      // > start_s; NaN: to the end
    DecodeLimits limits;
    bool flat_tops = false;                                       // measure levels.flat_ratio
};

// InvalidInputError unless start_s is finite and >= 0, and end_s NaN or greater. `where` ends the message.
void check_times(double start_s, double end_s, const char* caller, const std::string& where = {});

// What the header says; `frames` is a claim, not a fact.
struct AudioHeader {
    int sample_rate_hz = 0;
    int channels = 0;
    std::int64_t frames = 0;
    std::string format;   // "WAV", "FLAC", …
    std::string subtype;  // "PCM_16", "FLOAT", "VORBIS", …
};

// What was decoded. Levels are over all channels before the mix-down; full scale is 1.
struct AudioLevels {
    std::uint64_t frames = 0;    // per channel, at the file's rate
    double duration_s = 0.0;     // frames / sample_rate_hz
    double peak = 0.0;           // max |x|; NaN when non_finite
    double rms_dbfs = 0.0;       // 20 log10(rms), -inf for digital silence; NaN when non_finite
    double clipped_ratio = 0.0;  // share of samples with |x| >= full_scale
    double flat_ratio = 0.0;     // where asked for, of two or more channels: share of samples in a channel's flat tops at full scale (clipping.hpp)
    bool silent = false;         // peak < silence_peak
    bool non_finite = false;     // a float file holds NaN, infinity or a magnitude above largest_sample
};

// Beyond, squares of spectra could overflow single precision.
inline constexpr float largest_sample = 1e9F;

// Magnitudes from here on count as full scale: formats of 12 bits and more end above it on either side.
inline constexpr float full_scale = 0.999F;

// Below this peak (-80 dBFS, about 3 steps of 16 bits) a clip counts as silent.
inline constexpr double silence_peak = 1e-4;

struct DecodedAudio {
    AudioHeader header;
    AudioLevels levels;
    std::vector<float> samples;  // mono: the mean over the channels
};

// Reads the header only. MediaDecodeError with reason not_found, no_permission, unsupported_format, corrupt.
[[nodiscard]] AudioHeader probe_audio(const Source& source, const DecodeLimits& limits = {});

// Decodes and mixes down. Further reasons: too_long (a limit), too_short (no frame in the part asked for). NaN and silence are reported in
// levels, not thrown: the caller decides. InvalidInputError for a bad start_s or end_s.
[[nodiscard]] DecodedAudio decode(const Source& source, const DecodeOptions& options, const StopToken& stop);

// The same without keeping the samples: constant memory.
[[nodiscard]] std::pair<AudioHeader, AudioLevels> audio_levels(const Source& source, const DecodeOptions& options, const StopToken& stop);

// Decodes one value a channel and frame, interleaved, for callers that want the channels.
[[nodiscard]] DecodedAudio decode_channels(const Source& source, const DecodeOptions& options, const StopToken& stop);

}  // namespace emotion::audio
