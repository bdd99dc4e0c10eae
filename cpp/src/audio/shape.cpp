#include "emotion/audio/shape.hpp"

#include <cmath>

#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr float power_floor = 1e-12F;
constexpr float decibels = 4.34294482F;  // 10 / ln 10

// power: from the first bin that counts. out: energy, centroid, spread, skewness, kurtosis, entropy, flatness, then (index 11) the band's share.
EMOTION_CLONES void moments_kernel(const float* power, std::size_t n, const float* frequency, std::size_t band_first, std::size_t band_last, float* total,
                                   float* out) {
    Lane sum = splat(0.0F), weighted = sum, logs = sum, entropy = sum, band = sum;
    for (std::size_t k = 0; k < n; ++k) {
        const Lane p = load(power + k * lanes) + power_floor;
        const Lane log_p = log_lane(p);
        sum += p;
        weighted += p * frequency[k];
        logs += log_p;
        entropy += p * log_p;
    }
    for (std::size_t k = band_first; k <= band_last; ++k) {
        band += load(power + k * lanes) + power_floor;
    }
    const Lane inverse = 1.0F / sum;
    const Lane centroid = weighted * inverse;
    Lane second = splat(0.0F), third = second, fourth = second;
    for (std::size_t k = 0; k < n; ++k) {
        const Lane d = frequency[k] - centroid;
        const Lane p2 = (load(power + k * lanes) + power_floor) * d * d;
        second += p2;
        third += p2 * d;
        fourth += p2 * d * d;
    }
    const Lane variance = lane_max(second * inverse, splat(1e-12F));
    Lane spread;
    for (std::size_t l = 0; l < lanes; ++l) {
        spread[l] = __builtin_sqrtf(variance[l]);
    }
    const Lane log_sum = log_lane(sum);
    const float log_n = log_lane(splat(static_cast<float>(n)))[0];
    store(total, sum);
    store(out, log_sum * decibels);
    store(out + lanes, centroid * 1000.0F);
    store(out + 2 * lanes, spread * 1000.0F);
    store(out + 3 * lanes, third * inverse / (variance * spread));
    store(out + 4 * lanes, fourth * inverse / (variance * variance));
    store(out + 5 * lanes, (log_sum - entropy * inverse) * (1.0F / log_n));
    store(out + 6 * lanes, (logs * (1.0F / static_cast<float>(n)) - (log_sum - log_n)) * decibels);
    store(out + 11 * lanes, (log_lane(band) - log_sum) * decibels);
}

// out: the frequency, in kHz, at which the running sum reaches each of four shares; lane blocks.
EMOTION_CLONES void rolloff_kernel(const float* power, std::size_t n, const float* frequency, const float* total, float* out) {
    const Lane whole = load(total);
    const Lane goal[4] = {whole * 0.25F, whole * 0.5F, whole * 0.75F, whole * 0.9F};
    Lane found[4] = {splat(frequency[0]), splat(frequency[0]), splat(frequency[0]), splat(frequency[0])};
    Lane running = splat(0.0F);
    for (std::size_t k = 0; k + 1 < n; ++k) {
        running += load(power + k * lanes) + power_floor;
        const Lane next = splat(frequency[k + 1]);
        for (int i = 0; i < 4; ++i) {
            found[i] = running < goal[i] ? next : found[i];
        }
    }
    for (std::size_t i = 0; i < 4; ++i) {
        store(out + i * lanes, found[i] * 1000.0F);
    }
}

}  // namespace

SpectralShape::SpectralShape(double sample_rate_hz, std::size_t n_fft) : bin_hz_(sample_rate_hz / static_cast<double>(n_fft)) {
    for (std::size_t k = 1; k <= n_fft / 2; ++k) {
        frequency_.push_back(static_cast<float>(static_cast<double>(k) * bin_hz_ / 1000.0));
    }
    bin_250_ = static_cast<std::size_t>(std::ceil(250.0 / bin_hz_)) - 1;
    bin_650_ = static_cast<std::size_t>(std::floor(650.0 / bin_hz_)) - 1;
}

void SpectralShape::apply(const float* power, float* out) const {
    float total[lanes];
    moments_kernel(power + lanes, frequency_.size(), frequency_.data(), bin_250_, bin_650_, total, out);
    rolloff_kernel(power + lanes, frequency_.size(), frequency_.data(), total, out + 7 * lanes);
}

}  // namespace emotion::audio
