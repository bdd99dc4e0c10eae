#include "emotion/audio/decode.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "emotion/core/clones.hpp"
#include "emotion/core/errors.hpp"
#include "clipping.hpp"
#include "level_meter.hpp"
#include "sound_file.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t chunk_values = 16384;  // at a time, so that they stay in the cache

enum class Keep { mono, channels, nothing };

EMOTION_CLONES void mean_of_two(const float* interleaved, std::size_t frames, float* out) {
    for (std::size_t t = 0; t < frames; ++t) {
        out[t] = (0.0F + interleaved[2 * t] + interleaved[2 * t + 1]) * 0.5F;
    }
}

// The sums may overflow only beyond largest_sample, where the levels say non_finite.
void append(std::span<const float> interleaved, std::size_t channels, Keep keep, std::vector<float>& samples) {
    if (keep == Keep::nothing) {
        return;
    }
    if (keep == Keep::channels || channels == 1) {
        samples.insert(samples.end(), interleaved.begin(), interleaved.end());
        return;
    }
    const std::size_t frames = interleaved.size() / channels;
    const std::size_t before = samples.size();
    samples.resize(before + frames);
    if (channels == 2) {
        mean_of_two(interleaved.data(), frames, samples.data() + before);
        return;
    }
    for (std::size_t t = 0; t < frames; ++t) {
        float sum = 0;
        for (std::size_t c = 0; c < channels; ++c) {
            sum += interleaved[t * channels + c];
        }
        samples[before + t] = sum / static_cast<float>(channels);
    }
}

// First frame, and the number of frames (at most `limit` + 1, so that the caller can see that the limit is passed).
struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

Range frame_range(const DecodeOptions& options, int rate) {
    check_times(options.start_s, options.end_s, "decode");
    constexpr double unit = 1e-6;  // of a frame: 0.29 s at 100 Hz is frame 29
    constexpr double last = 9e15;
    const auto to_frame = [&](double s) { return static_cast<std::uint64_t>(std::min(last, std::floor(s * rate + unit))); };
    const std::uint64_t first = to_frame(options.start_s);
    const auto limit = static_cast<std::uint64_t>(
        std::min(static_cast<double>(options.limits.max_frames), std::max(0.0, std::floor(options.limits.max_seconds * rate))));
    const std::uint64_t count = std::isnan(options.end_s) ? limit + 1 : std::min(limit + 1, to_frame(options.end_s) - first);
    return {first, count};
}

void skip(SoundFile& file, const Source& source, std::uint64_t frames, std::vector<float>& buffer, const StopToken& stop) {
    if (frames == 0) {
        return;
    }
    const auto beyond = [&] { fail_source("too_short", source, "ends before the part that was asked for"); };
    if (file.exact_seek()) {
        if (frames >= static_cast<std::uint64_t>(file.header().frames)) {
            beyond();
        }
        if (!file.seek(frames)) {
            fail_source("corrupt", source, "cannot be decoded: seeking failed");
        }
        return;
    }
    const std::size_t chunk = buffer.size() / static_cast<std::size_t>(file.header().channels);
    while (frames > 0) {
        stop.check();
        const std::size_t n = file.read(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(chunk, frames)));
        if (n == 0) {
            beyond();
        }
        frames -= n;
    }
}

DecodedAudio run(const Source& source, const DecodeOptions& options, Keep keep, const StopToken& stop) {
    SoundFile file(source, options.limits);
    DecodedAudio result;
    result.header = file.header();
    const int rate = result.header.sample_rate_hz;
    const auto channels = static_cast<std::size_t>(result.header.channels);
    const Range range = frame_range(options, rate);
    const std::size_t chunk = std::max<std::size_t>(1, chunk_values / channels);
    std::vector<float> buffer(chunk * channels);
    skip(file, source, range.first, buffer, stop);
    if (file.frames_are_known() && keep != Keep::nothing) {
        const std::uint64_t frames = std::min(range.count, static_cast<std::uint64_t>(result.header.frames) - range.first);
        result.samples.reserve(static_cast<std::size_t>(frames) * (keep == Keep::mono ? 1 : channels));
    }

    LevelMeter meter;
    ChannelTops tops(channels);
    const auto limit_seconds = options.limits.max_seconds;
    const bool limited = std::isnan(options.end_s) || range.count > options.limits.max_frames ||
                         static_cast<double>(range.count) > limit_seconds * rate;
    while (result.levels.frames < range.count) {
        stop.check();
        const std::size_t n = file.read(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(chunk, range.count - result.levels.frames)));
        if (n == 0) {
            break;
        }
        const std::span<const float> part(buffer.data(), n * channels);
        const std::uint64_t before = meter.at_full_scale();
        meter.add(part);
        if (options.flat_tops && channels > 1 && meter.at_full_scale() > before) {
            tops.add(part);
        }
        append(part, channels, keep, result.samples);
        result.levels.frames += n;
    }
    if (limited && result.levels.frames == range.count) {
        fail_source("too_long", source, "is longer than the limit of " + std::to_string(options.limits.max_seconds) + " seconds or " +
                                     std::to_string(options.limits.max_frames) + " frames");
    }
    const bool ended_early = result.levels.frames < range.count;
    if (file.failed()) {
        fail_source("corrupt", source, "cannot be decoded: the decoder failed after " + std::to_string(result.levels.frames) + " frames");
    }
    if (ended_early && result.header.format == "FLAC" && range.first + result.levels.frames < static_cast<std::uint64_t>(result.header.frames)) {
        fail_source("corrupt", source, "is cut short: " + std::to_string(range.first + result.levels.frames) + " of the " +
                                    std::to_string(result.header.frames) + " frames that its header promises");
    }
    if (result.levels.frames == 0) {
        fail_source("too_short", source, "holds no audio in the part that was asked for");
    }
    result.levels.duration_s = static_cast<double>(result.levels.frames) / rate;
    meter.finish(result.levels);
    result.levels.flat_ratio = static_cast<double>(tops.samples()) / static_cast<double>(result.levels.frames * channels);
    return result;
}

}  // namespace

void check_times(double start_s, double end_s, const char* caller, const std::string& where) {
    if (!(start_s >= 0) || std::isinf(start_s)) {
        throw InvalidInputError("start", caller, "a number of seconds >= 0", std::to_string(start_s) + where);
    }
    if (!std::isnan(end_s) && !(end_s > start_s)) {
        throw InvalidInputError("end", caller, "greater than start (" + std::to_string(start_s) + ")", std::to_string(end_s) + where);
    }
}

AudioHeader probe_audio(const Source& source, const DecodeLimits& limits) { return SoundFile(source, limits).header(); }

DecodedAudio decode(const Source& source, const DecodeOptions& options, const StopToken& stop) { return run(source, options, Keep::mono, stop); }

DecodedAudio decode_channels(const Source& source, const DecodeOptions& options, const StopToken& stop) {
    return run(source, options, Keep::channels, stop);
}

std::pair<AudioHeader, AudioLevels> audio_levels(const Source& source, const DecodeOptions& options, const StopToken& stop) {
    DecodedAudio decoded = run(source, options, Keep::nothing, stop);
    return {std::move(decoded.header), decoded.levels};
}

}  // namespace emotion::audio
