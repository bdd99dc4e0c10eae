#include "emotion/audio/balance.hpp"

#include <cmath>

#include "lanes.hpp"
#include "transpose.hpp"

namespace emotion::audio {
namespace {

constexpr float power_floor = 1e-12F;
constexpr float decibels = 4.34294482F;  // 10 / ln 10

EMOTION_INLINE Lane sum_bins(const float* power, std::size_t first, std::size_t last) {
    Lane sum = splat(power_floor);
    for (std::size_t k = first; k <= last; ++k) {
        sum += load(power + k * lanes);
    }
    return sum;
}

EMOTION_INLINE Lane max_bins(const float* power, std::size_t first, std::size_t last) {
    Lane largest = splat(0.0F);
    for (std::size_t k = first; k <= last; ++k) {
        largest = lane_max(largest, load(power + k * lanes));
    }
    return largest + power_floor;
}

// Of the sums over b + 1 … c and a … b.
EMOTION_CLONES void log_ratio_of_sums(const float* power, std::size_t a, std::size_t b, std::size_t c, float* out) {
    store(out, (log_lane(sum_bins(power, b + 1, c)) - log_lane(sum_bins(power, a, b))) * decibels);
}

// Of the peaks of a … b and b + 1 … c.
EMOTION_CLONES void log_ratio_of_peaks(const float* power, std::size_t a, std::size_t b, std::size_t c, float* out) {
    store(out, (log_lane(max_bins(power, a, b)) - log_lane(max_bins(power, b + 1, c))) * decibels);
}

EMOTION_CLONES void regression(const float* power, std::size_t first, const float* weights, std::size_t n, float* out) {
    Lane sum = splat(0.0F);
    for (std::size_t i = 0; i < n; ++i) {
        sum += log_lane(load(power + (first + i) * lanes) + power_floor) * (weights[i] * decibels);
    }
    store(out, sum);
}

// memory: the n magnitudes of the frame before the block, its spectrum of energy 1.
EMOTION_CLONES void flux_kernel(const float* power, std::size_t n, bool first_block, float* memory, float* out) {
    Lane energy = splat(power_floor);
    for (std::size_t k = 0; k < n; ++k) {
        energy += load(power + (k + 1) * lanes);
    }
    const Lane share = 1.0F / energy;
    Lane sum = splat(0.0F);
    for (std::size_t k = 0; k < n; ++k) {
        const Lane p = load(power + (k + 1) * lanes) * share;
        Lane magnitude;
        for (std::size_t l = 0; l < lanes; ++l) {
            magnitude[l] = __builtin_sqrtf(p[l]);
        }
        const Lane last = EMOTION_SHUFFLE(magnitude, splat(first_block ? magnitude[0] : memory[k]), 8, 0, 1, 2, 3, 4, 5, 6);
        memory[k] = magnitude[lanes - 1];
        const Lane difference = magnitude - last;
        sum += difference * difference;
    }
    for (std::size_t l = 0; l < lanes; ++l) {
        out[l] = __builtin_sqrtf(sum[l]);
    }
}

std::size_t bin_of(double hz, double sample_rate_hz, std::size_t n_fft) {
    return static_cast<std::size_t>(std::floor(hz / sample_rate_hz * static_cast<double>(n_fft) + 1e-9));
}

// Weights w with sum w y = the least-squares slope of y over the frequencies of the bins first … last.
std::vector<float> slope_weights(std::size_t first, std::size_t last, double bin_hz) {
    const double mean = 0.5 * static_cast<double>(first + last);
    double spread = 0;
    for (std::size_t k = first; k <= last; ++k) {
        spread += (static_cast<double>(k) - mean) * (static_cast<double>(k) - mean);
    }
    std::vector<float> weights;
    for (std::size_t k = first; k <= last; ++k) {
        weights.push_back(static_cast<float>((static_cast<double>(k) - mean) / (spread * bin_hz)));
    }
    return weights;
}

}  // namespace

SpectralBalance::SpectralBalance(double sample_rate_hz, std::size_t n_fft)
    : bin_50_(bin_of(50.0, sample_rate_hz, n_fft)),
      bin_500_(bin_of(500.0, sample_rate_hz, n_fft)),
      bin_1000_(bin_of(1000.0, sample_rate_hz, n_fft)),
      bin_1500_(bin_of(1500.0, sample_rate_hz, n_fft)),
      bin_2000_(bin_of(2000.0, sample_rate_hz, n_fft)),
      bin_5000_(bin_of(5000.0, sample_rate_hz, n_fft)),
      low_weights_(slope_weights(1, bin_500_, sample_rate_hz / static_cast<double>(n_fft))),
      middle_weights_(slope_weights(bin_500_, bin_1500_, sample_rate_hz / static_cast<double>(n_fft))) {}

void SpectralBalance::apply(const float* power, Memory& memory, BalanceBlock& out) const {
    const bool first_block = memory.magnitudes.empty();
    if (first_block) {
        memory.magnitudes.resize(bin_5000_);
    }
    log_ratio_of_sums(power, bin_50_ + 1, bin_1000_, bin_5000_, out.alpha_ratio);
    log_ratio_of_peaks(power, 1, bin_2000_, bin_5000_, out.hammarberg_index);
    regression(power, 1, low_weights_.data(), low_weights_.size(), out.slope_low);
    regression(power, bin_500_, middle_weights_.data(), middle_weights_.size(), out.slope_middle);
    flux_kernel(power, bin_5000_, first_block, memory.magnitudes.data(), out.flux);
}

}  // namespace emotion::audio
