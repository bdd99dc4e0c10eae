#include "emotion/audio/temporal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace emotion::audio {
namespace {

// The part of frame t that lies inside the signal: [begin, end).
struct Part {
    std::size_t begin, end;
};
Part inside(std::size_t t, std::size_t n, std::size_t frame_length, std::size_t hop_length, bool center) {
    const std::size_t before = center ? frame_length / 2 : 0;
    const std::size_t first = t * hop_length, last = first + frame_length;  // in padded samples
    const auto clamp = [&](std::size_t i) { return std::min(i < before ? 0 : i - before, n); };
    return {clamp(first), clamp(last)};
}

// Eight running sums, added at the end: the order is fixed, and the compiler may use SIMD.
double sum_of_squares(const float* x, std::size_t n) {
    double sums[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (std::size_t l = 0; l < 8; ++l) {
            sums[l] += static_cast<double>(x[i + l]) * static_cast<double>(x[i + l]);
        }
    }
    for (; i < n; ++i) {
        sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

}  // namespace

std::size_t frame_count(std::size_t n, std::size_t frame_length, std::size_t hop_length, bool center) {
    const std::size_t length = n + (center ? 2 * (frame_length / 2) : 0);
    return length < frame_length ? 0 : 1 + (length - frame_length) / hop_length;
}

void zero_crossing_rate(std::span<const float> x, std::size_t frame_length, std::size_t hop_length, bool center, float threshold,
                        std::span<float> out) {
    // before[i]: crossings at samples 1 … i; a frame of the samples [a, b) has before[b - 1] - before[a], because its first never counts.
    std::vector<std::uint32_t> before(x.size());
    std::uint32_t count = 0;
    const auto negative = [&](float v) { return v < -threshold; };
    for (std::size_t i = 1; i < x.size(); ++i) {
        count += negative(x[i]) != negative(x[i - 1]) ? 1U : 0U;
        before[i] = count;
    }
    for (std::size_t t = 0; t < out.size(); ++t) {
        const Part part = inside(t, x.size(), frame_length, hop_length, center);
        const std::uint32_t crossings = part.end > part.begin ? before[part.end - 1] - before[part.begin] : 0;
        out[t] = static_cast<float>(static_cast<double>(crossings) / static_cast<double>(frame_length));
    }
}

void rms(std::span<const float> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<float> out) {
    // Where the hop divides the frame and its half, frames are sums of whole hops: each sample is squared once.
    const bool shared = frame_length % hop_length == 0 && (!center || frame_length / 2 % hop_length == 0);
    std::vector<double> hops;
    if (shared) {
        for (std::size_t i = 0; i < x.size(); i += hop_length) {
            hops.push_back(sum_of_squares(x.data() + i, std::min(hop_length, x.size() - i)));
        }
    }
    for (std::size_t t = 0; t < out.size(); ++t) {
        const Part part = inside(t, x.size(), frame_length, hop_length, center);
        double sum = 0;
        if (shared) {
            for (std::size_t h = part.begin / hop_length; h * hop_length < part.end; ++h) {
                sum += hops[h];
            }
        } else {
            sum = sum_of_squares(x.data() + part.begin, part.end - part.begin);
        }
        out[t] = static_cast<float>(std::sqrt(sum / static_cast<double>(frame_length)));
    }
}

}  // namespace emotion::audio
