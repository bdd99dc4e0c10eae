#include "voice.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace emotion::audio {

VoiceTrack track_voice(std::span<const float> samples, std::size_t frames, const StopToken& stop) {
    constexpr std::size_t half = 320, length = 640, lowest = 32, highest = 266;
    VoiceTrack track{std::vector<float>(frames), std::vector<float>(frames), std::vector<float>(frames), std::vector<float>(frames)};
    std::vector<float> frame(length + highest), window(length);
    std::vector<double> window_r(highest + 2), r(highest + 2);
    for (std::size_t i = 0; i < length; ++i) {
        window[i] = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * (static_cast<double>(i) + 0.5) / length));
    }
    for (std::size_t lag = 0; lag <= highest + 1; ++lag) {
        for (std::size_t i = 0; i + lag < length; ++i) {
            window_r[lag] += static_cast<double>(window[i]) * static_cast<double>(window[i + lag]);
        }
    }
    double largest = 0;
    for (const float v : samples) {
        largest = std::max(largest, std::fabs(static_cast<double>(v)));
    }
    for (std::size_t t = 0; t < frames; ++t) {
        stop.check();
        for (std::size_t i = 0; i < length; ++i) {
            const std::size_t at = t * 160 + i;
            frame[i] = at >= half && at - half < samples.size() ? samples[at - half] * window[i] : 0.0F;
        }
        for (std::size_t lag = 0; lag <= highest + 1; ++lag) {
            float sum = 0;
            for (std::size_t i = 0; i + lag < length; ++i) {
                sum += frame[i] * frame[i + lag];
            }
            r[lag] = static_cast<double>(sum);
        }
        if (std::sqrt(r[0] / window_r[0]) < 0.02 * largest || r[0] <= 0) {
            continue;
        }
        double best = 0;
        std::size_t lag = 0;
        for (std::size_t k = lowest; k <= highest; ++k) {
            const double value = r[k] / r[0] * window_r[0] / window_r[k];
            const double score = value - 0.02 * std::log2(static_cast<double>(k) / lowest);
            if (r[k] > r[k - 1] && r[k] >= r[k + 1] && score > best) {
                best = score;
                lag = k;
            }
        }
        const double value = lag == 0 ? 0.0 : r[lag] / r[0] * window_r[0] / window_r[lag];
        if (value < 0.5) {
            continue;
        }
        const double a = r[lag - 1], b = r[lag], c = r[lag + 1];
        const double shift = 0.5 * (a - c) / (a - 2 * b + c);
        track.f0_hz[t] = static_cast<float>(16000.0 / (static_cast<double>(lag) + shift));
        track.hnr_db[t] = static_cast<float>(10.0 * std::log10(std::min(value, 0.9999) / (1.0 - std::min(value, 0.9999))));
        if (t > 0 && track.f0_hz[t - 1] > 0) {
            track.jitter[t] = std::fabs(track.f0_hz[t] - track.f0_hz[t - 1]) / track.f0_hz[t];
        }
    }
    return track;
}

}  // namespace emotion::audio
