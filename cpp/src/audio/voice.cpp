#include "voice.hpp"

#include <algorithm>
#include <cmath>

#include "emotion/audio/pitch.hpp"

namespace emotion::audio {
namespace {

constexpr double rate_hz = 16'000.0;
constexpr std::size_t hop = 160;

// Correlation of the stretch around `centre` with itself one period later, 0 … 1.
double correlation(std::span<const float> x, std::ptrdiff_t centre, std::ptrdiff_t lag) {
    const auto n = static_cast<std::ptrdiff_t>(x.size());
    const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, centre - 320 - lag / 2), last = std::min(n - lag, centre + 320 - lag / 2);
    double cross = 0, a = 0, b = 0;
    for (std::ptrdiff_t i = first; i < last; ++i) {
        const auto u = static_cast<double>(x[static_cast<std::size_t>(i)]), v = static_cast<double>(x[static_cast<std::size_t>(i + lag)]);
        cross += u * v;
        a += u * u;
        b += v * v;
    }
    return a > 0.0 && b > 0.0 ? std::clamp(cross / std::sqrt(a * b), 0.01, 0.9999) : 0.01;
}

double peak(std::span<const float> x, std::ptrdiff_t first, std::ptrdiff_t last) {
    double largest = 1e-30;
    for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(0, first); i < std::min(static_cast<std::ptrdiff_t>(x.size()), last); ++i) {
        largest = std::max(largest, std::fabs(static_cast<double>(x[static_cast<std::size_t>(i)])));
    }
    return largest;
}

}  // namespace

VoiceTrack track_voice(std::span<const float> samples, std::size_t frames, const StopToken& stop) {
    VoiceTrack track{std::vector<float>(frames), std::vector<float>(frames), std::vector<float>(frames), std::vector<float>(frames)};
    const PitchTrack pitch = track_pitch(samples, rate_hz, {}, stop);
    for (std::size_t t = 0; t < std::min(frames, pitch.f0_hz.size()); ++t) {
        if (!(pitch.f0_hz[t] > 0.0F)) {
            continue;
        }
        track.f0_hz[t] = pitch.f0_hz[t];
        const auto centre = static_cast<std::ptrdiff_t>(t * hop);
        const auto lag = static_cast<std::ptrdiff_t>(std::lround(rate_hz / static_cast<double>(pitch.f0_hz[t])));
        const double r = correlation(samples, centre, lag);
        track.hnr_db[t] = static_cast<float>(10.0 * std::log10(r / (1.0 - r)));
        if (t > 0 && track.f0_hz[t - 1] > 0.0F) {
            track.jitter[t] = std::fabs(track.f0_hz[t] - track.f0_hz[t - 1]) / track.f0_hz[t];
        }
        track.shimmer_db[t] =
            static_cast<float>(std::fabs(20.0 * std::log10(peak(samples, centre - lag, centre) / peak(samples, centre, centre + lag))));
    }
    return track;
}

}  // namespace emotion::audio
