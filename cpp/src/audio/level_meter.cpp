#include "level_meter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lanes.hpp"

namespace emotion::audio {
namespace {

typedef double Sum __attribute__((vector_size(64)));
typedef double SumMemory __attribute__((vector_size(64), aligned(8), may_alias));

// n is a multiple of eight, below 2^31.
EMOTION_CLONES void meter(const float* x, std::size_t n, double* square, float* peak, std::int32_t* clipped) {
    Sum sum = *reinterpret_cast<const SumMemory*>(square);
    Lane most = load(peak);
    LaneInt count = load_int(clipped);
    for (std::size_t i = 0; i < n; i += lanes) {
        const Lane v = load(x + i);
        const Lane magnitude = float_of(bits_of(v) & 0x7FFFFFFF);
        const Sum wide = __builtin_convertvector(v, Sum);
        sum += wide * wide;
        most = lane_max(magnitude, most);  // of a NaN: the one before
        count -= magnitude >= splat(full_scale);
    }
    *reinterpret_cast<SumMemory*>(square) = sum;
    store(peak, most);
    store_int(clipped, count);
}

}  // namespace

void LevelMeter::add(std::span<const float> x) {
    constexpr std::size_t most = 1U << 20;
    for (std::size_t first = 0; first < x.size(); first += most) {
        const std::size_t n = std::min(most, x.size() - first), whole = n / lanes * lanes;
        std::array<std::int32_t, lanes> clipped{};
        meter(x.data() + first, whole, square_.data(), peak_.data(), clipped.data());
        std::array<float, lanes> rest{};
        std::copy_n(x.data() + first + whole, n - whole, rest.begin());
        if (whole < n) {  // zeros change nothing
            meter(rest.data(), lanes, square_.data(), peak_.data(), clipped.data());
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            clipped_[l] += static_cast<std::uint64_t>(clipped[l]);
        }
    }
    count_ += x.size();
}

std::uint64_t LevelMeter::at_full_scale() const { return std::accumulate(clipped_.begin(), clipped_.end(), std::uint64_t{0}); }

void LevelMeter::finish(AudioLevels& levels) const {
    double square = 0;
    float peak = 0;
    for (std::size_t l = 0; l < lanes; ++l) {
        square += square_[l];
        peak = std::max(peak, peak_[l]);
    }
    levels.non_finite = !std::isfinite(square) || peak > largest_sample;  // a NaN or an infinity anywhere stays in its sum
    if (levels.non_finite) {
        levels.peak = levels.rms_dbfs = std::numeric_limits<double>::quiet_NaN();
        return;
    }
    levels.peak = peak;
    levels.rms_dbfs = count_ == 0 ? -std::numeric_limits<double>::infinity() : 10.0 * std::log10(square / static_cast<double>(count_));
    levels.clipped_ratio = count_ == 0 ? 0.0 : static_cast<double>(at_full_scale()) / static_cast<double>(count_);
    levels.silent = levels.peak < silence_peak;
}

}  // namespace emotion::audio
