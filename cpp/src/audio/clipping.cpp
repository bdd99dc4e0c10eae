#include "clipping.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "emotion/audio/decode.hpp"
#include "emotion/audio/quality.hpp"

namespace emotion::audio {
namespace {

constexpr float top_depth = 1e-4F;     // of the amplitude: samples so near to the extreme are level with it
constexpr float top_zone = 0.1F;       // of the amplitude: where the format's steps are looked for
constexpr float steepness = 10.0F;     // steps; a smooth top falls by at most 9 where a flat one falls by more
constexpr double least_side = 0.2;     // of the amplitude: an extreme nearer to the mean is that of pauses
constexpr std::size_t least_flat = 3;  // samples; two of a tone can be equal

constexpr std::size_t block = 64;  // samples, few of which reach a top

bool reaches(std::span<const float> x, float sign, float level) {
    unsigned found = 0;
    for (const float v : x) {
        found |= sign * v >= level ? 1U : 0U;
    }
    return found != 0;
}

// Samples in the flat tops of sign * x, whose largest value is `top`.
std::size_t flat_tops(std::span<const float> x, float sign, float top, float amplitude, const StopToken& stop) {
    const float flat = top - amplitude * top_depth, near = top - amplitude * top_zone;
    float step = amplitude * top_zone;  // of the format, where it is coarse
    std::vector<Segment> flats;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % block == 0) {
            stop.check();
            if (!reaches(x.subspan(i, std::min(block, x.size() - i)), sign, near)) {
                i += block - 1;
                continue;
            }
        }
        if (sign * x[i] < near) {
            continue;
        }
        if (i > 0 && sign * x[i - 1] >= near && x[i] != x[i - 1]) {
            step = std::min(step, std::abs(x[i] - x[i - 1]));
        }
        if (sign * x[i] < flat) {
            continue;
        }
        if (!flats.empty() && flats.back().end == i) {
            ++flats.back().end;
        } else if (!flats.empty() && flats.back().end - flats.back().begin < least_flat) {
            flats.back() = {i, i + 1};
        } else {
            flats.push_back({i, i + 1});
        }
    }
    const float steep = steepness * std::max(step, amplitude * top_depth);
    const auto falls = [&](std::size_t begin, std::size_t end) {
        return begin == end || std::any_of(x.begin() + static_cast<std::ptrdiff_t>(begin), x.begin() + static_cast<std::ptrdiff_t>(end),
                                           [&](float v) { return top - sign * v > steep; });
    };
    std::size_t count = 0;
    for (const auto& [begin, end] : flats) {
        stop.check();
        const std::size_t length = end - begin;
        const bool top_alone = length >= least_flat && length < x.size();
        if (top_alone && falls(begin - std::min(begin, length - 1), begin) && falls(end, std::min(x.size(), end + length - 1))) {
            count += length;
        }
    }
    return count;
}

}  // namespace

double clipped_share(std::span<const float> x, float lowest, float highest, double mean, const StopToken& stop) {
    const float amplitude = (highest - lowest) / 2;
    const double least = least_side * static_cast<double>(amplitude);
    std::size_t clipped = static_cast<double>(highest) - mean > least ? flat_tops(x, 1.0F, highest, amplitude, stop) : 0;
    clipped += mean - static_cast<double>(lowest) > least ? flat_tops(x, -1.0F, -lowest, amplitude, stop) : 0;
    return static_cast<double>(clipped) / static_cast<double>(x.size());
}

void ChannelTops::add(std::span<const float> interleaved) {
    const std::size_t frames = interleaved.size() / channels_;
    channel_.resize(frames);
    for (std::size_t c = 0; c < channels_; ++c) {
        float lowest = 0.0F, highest = 0.0F;
        for (std::size_t t = 0; t < frames; ++t) {
            const float v = channel_[t] = interleaved[t * channels_ + c];
            lowest = v < lowest ? v : lowest;
            highest = v > highest ? v : highest;
        }
        const float amplitude = std::max(highest, -lowest);
        samples_ += highest >= full_scale ? flat_tops(channel_, 1.0F, highest, amplitude, {}) : 0;
        samples_ += -lowest >= full_scale ? flat_tops(channel_, -1.0F, -lowest, amplitude, {}) : 0;
    }
}

}  // namespace emotion::audio
