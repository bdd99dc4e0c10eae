#include "emotion/audio/temporal.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lanes.hpp"

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

EMOTION_CLONES bool finite_kernel(const float* x, std::size_t n, float largest) {
    constexpr std::int32_t magnitude = 0x7FFFFFFF;  // bits that order magnitudes, infinity and NaN above all others
    const auto most = std::bit_cast<std::int32_t>(largest);
    LaneInt bad = splat_int(0);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        bad |= (bits_of(load(x + i)) & magnitude) > most;
    }
    bool tail = false;
    for (; i < n; ++i) {
        tail = tail || (std::bit_cast<std::int32_t>(x[i]) & magnitude) > most;
    }
    return !any_lane(bad) && !tail;
}

// -1, 0 or 1; magnitudes up to the threshold are 0, or 1 where zero counts as positive.
EMOTION_INLINE LaneInt sign_of(Lane v, float threshold, float positive_from) { return (v < -threshold) - (v > positive_from); }
EMOTION_INLINE std::int32_t sign_of(float v, float threshold, float positive_from) { return (v < -threshold ? -1 : 0) + (v > positive_from ? 1 : 0); }

// How many of x[1] … x[n] have another sign than the value before. Lanes count up to 2^20 steps at a time.
EMOTION_CLONES std::size_t crossings_kernel(const float* x, std::size_t n, float threshold, bool zero_is_positive) {
    // Where zero is positive, everything that is not negative has one sign: no value is greater than this.
    const float positive_from = zero_is_positive ? __builtin_inff() : threshold;
    std::size_t total = 0, i = 0;
    while (i + lanes <= n) {
        LaneInt counts = splat_int(0);
        for (std::size_t step = 0; step < (1U << 20) && i + lanes <= n; ++step, i += lanes) {
            counts -= sign_of(load(x + i + 1), threshold, positive_from) != sign_of(load(x + i), threshold, positive_from);
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            total += static_cast<std::size_t>(counts[l]);
        }
    }
    for (; i < n; ++i) {
        total += sign_of(x[i + 1], threshold, positive_from) != sign_of(x[i], threshold, positive_from) ? 1 : 0;
    }
    return total;
}

// Eight running sums, added at the end: the order is fixed, and the compiler may use SIMD.
template <class T>
double sum_of_squares(const T* x, std::size_t n) {
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
                        std::span<float> out, bool zero_is_positive) {
    // A frame of the samples [a, b) has the crossings at a + 1 … b - 1, because its first never counts: counted between the ends of frames, in order.
    std::vector<std::size_t> ends;
    for (std::size_t t = 0; t < out.size(); ++t) {
        const Part part = inside(t, x.size(), frame_length, hop_length, center);
        if (part.end > part.begin) {
            ends.push_back(part.begin);
            ends.push_back(part.end - 1);
        }
    }
    std::ranges::sort(ends);
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    std::vector<std::size_t> before(ends.size());  // crossings up to there
    for (std::size_t i = 1; i < ends.size(); ++i) {
        before[i] = before[i - 1] + crossings_kernel(x.data() + ends[i - 1], ends[i] - ends[i - 1], threshold, zero_is_positive);
    }
    const auto up_to = [&](std::size_t at) { return before[static_cast<std::size_t>(std::ranges::lower_bound(ends, at) - ends.begin())]; };
    for (std::size_t t = 0; t < out.size(); ++t) {
        const Part part = inside(t, x.size(), frame_length, hop_length, center);
        const std::size_t crossings = part.end > part.begin ? up_to(part.end - 1) - up_to(part.begin) : 0;
        out[t] = static_cast<float>(static_cast<double>(crossings) / static_cast<double>(frame_length));
    }
}

bool all_finite(std::span<const float> x, float largest) { return finite_kernel(x.data(), x.size(), largest); }

namespace {

template <class T>
void root_mean_square(std::span<const T> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<T> out,
                      const StopToken& stop) {
    constexpr std::size_t often = 1 << 20;  // samples between two looks at the token
    std::size_t since = often;
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
        since += part.end - part.begin;
        if (since >= often) {
            stop.check();
            since = 0;
        }
        double sum = 0;
        if (shared) {
            for (std::size_t h = part.begin / hop_length; h * hop_length < part.end; ++h) {
                sum += hops[h];
            }
        } else {
            sum = sum_of_squares(x.data() + part.begin, part.end - part.begin);
        }
        out[t] = static_cast<T>(std::sqrt(sum / static_cast<double>(frame_length)));
    }
}

}  // namespace

void rms(std::span<const float> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<float> out, const StopToken& stop) {
    root_mean_square(x, frame_length, hop_length, center, out, stop);
}
void rms(std::span<const double> x, std::size_t frame_length, std::size_t hop_length, bool center, std::span<double> out, const StopToken& stop) {
    root_mean_square(x, frame_length, hop_length, center, out, stop);
}

}  // namespace emotion::audio
