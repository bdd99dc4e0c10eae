#include "voice.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "emotion/audio/periods.hpp"
#include "emotion/audio/pitch.hpp"

namespace emotion::audio {
namespace {

constexpr double rate_hz = 16'000.0;
// A frame is voiced from half the correlation on. The range is wide: a voice that leaves a narrow one would be found an octave off.
constexpr PitchOptions options{.hop_s = 0.01, .voicing_threshold = 0.5};

// A voiced frame without a value takes that of the voiced frame before it, the first ones that of the one after; 0 where none has any.
void fill_gaps(std::span<const float> f0_hz, std::span<float> values) {
    const auto known = [&](std::size_t t) { return f0_hz[t] > 0.0F && std::isfinite(values[t]); };
    float last = 0.0F;
    for (std::size_t t = values.size(); t-- > 0;) {
        last = known(t) ? values[t] : last;
    }
    for (std::size_t t = 0; t < values.size(); ++t) {
        last = known(t) ? values[t] : last;
        values[t] = f0_hz[t] > 0.0F ? last : 0.0F;
    }
}

}  // namespace

VoiceTrack track_voice(std::span<const float> samples, std::size_t frames, const StopToken& stop) {
    PitchTrack pitch = track_pitch(samples, rate_hz, options, stop);
    VoiceQuality quality = voice_quality(samples, rate_hz, pitch, stop);
    VoiceTrack track{std::move(pitch.f0_hz), std::move(quality.jitter_local), std::move(quality.shimmer_db), std::move(quality.hnr_db)};
    for (std::vector<float>* row : {&track.f0_hz, &track.jitter, &track.shimmer_db, &track.hnr_db}) {
        row->resize(frames);
    }
    for (float& f0 : track.f0_hz) {
        f0 = f0 > 0.0F ? f0 : 0.0F;  // NaN too
    }
    for (std::vector<float>* row : {&track.jitter, &track.shimmer_db, &track.hnr_db}) {
        fill_gaps(track.f0_hz, *row);
    }
    return track;
}

}  // namespace emotion::audio
