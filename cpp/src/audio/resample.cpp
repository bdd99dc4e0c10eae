#include "emotion/audio/resample.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"
#include "block_filter.hpp"
#include "lanes.hpp"
#include "plan_cache.hpp"

namespace emotion::audio {
namespace {

constexpr double pass_edge = 0.91;        // of the lower Nyquist frequency
constexpr double attenuation_db = 130.0;  // of the design
constexpr std::size_t most_exact_values = 1U << 20;
constexpr std::size_t interpolated_phases = 2048;
constexpr std::size_t fewest_block_outputs = 1024;  // below, a batch of blocks would be mostly empty
constexpr double most_ratio = 10'000.0;

// Modified Bessel function of the first kind, order 0, by its power series.
double bessel_i0(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; term > 1e-18 * sum; ++k) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

EMOTION_CLONES float dot(const float* x, const float* h, std::size_t n) {
    Lane a = splat(0.0F), b = splat(0.0F);
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        a += load(x + i) * load(h + i);
        b += load(x + i + 8) * load(h + i + 8);
    }
    if (i < n) {
        a += load(x + i) * load(h + i);
    }
    a += b;
    return ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]));
}

// Blocks of 1,024 in single precision, their sums in double: equal bits for a gain of a power of two.
EMOTION_CLONES double mean(std::span<const float> x) {
    constexpr std::size_t block = 1024;
    double total = 0.0;
    for (std::size_t begin = 0; begin < x.size(); begin += block) {
        const std::size_t end = std::min(x.size(), begin + block), whole = begin + (end - begin) / lanes * lanes;
        Lane sum = splat(0.0F);
        for (std::size_t i = begin; i < whole; i += lanes) {
            sum += load(x.data() + i);
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            total += static_cast<double>(sum[l]);
        }
        for (std::size_t i = whole; i < end; ++i) {
            total += static_cast<double>(x[i]);
        }
    }
    return total / static_cast<double>(std::max<std::size_t>(1, x.size()));
}

}  // namespace

Resampler::Resampler(int from_hz, int to_hz) {
    for (const int rate : {from_hz, to_hz}) {
        if (rate < lowest_decoded_rate_hz || rate > highest_rate_hz) {
            throw InvalidInputError("sample_rate_hz", "resample", rate_rule(lowest_decoded_rate_hz), std::to_string(rate));
        }
    }
    const int divisor = std::gcd(from_hz, to_hz);
    up_ = static_cast<std::uint64_t>(to_hz / divisor);
    down_ = static_cast<std::uint64_t>(from_hz / divisor);
    const double ratio = static_cast<double>(from_hz) / to_hz;
    if (ratio > most_ratio) {
        throw InvalidInputError("orig_sr / target_sr", "resample", "at most 10000", std::to_string(ratio));
    }
    const double scale = std::min(1.0, 1.0 / ratio);  // lower rate / input rate
    const double transition = (1.0 - pass_edge) * 0.5 * scale;
    const double cutoff = (1.0 + pass_edge) * 0.5 * scale;  // twice the cut-off frequency in cycles a sample
    const double half_width = (attenuation_db - 7.95) / (14.36 * transition) / 2.0;
    half_taps_ = static_cast<std::size_t>(std::ceil(half_width));
    taps_ = (2 * half_taps_ + 7) / 8 * 8;
    interpolated_ = up_ * taps_ > most_exact_values;
    phases_ = interpolated_ ? std::max<std::size_t>(2, static_cast<std::size_t>(std::ceil(interpolated_phases * scale))) : up_;
    const std::size_t rows = phases_ + (interpolated_ ? 1 : 0);
    table_.assign(rows * taps_, 0.0F);
    for (std::size_t row = 0; row < rows; ++row) {
        fill_phase(row, static_cast<double>(row) / static_cast<double>(phases_), cutoff, half_width);
    }
    if (!interpolated_ && BlockFilter::suits(up_, down_, taps_)) {
        block_filter_ = make_block_filter();
    }
}

Resampler::~Resampler() = default;

// Output k up + r reads the taps from input k down + floor(r down / up) - (half_taps - 1) on, with the phase r down mod up.
std::unique_ptr<const BlockFilter> Resampler::make_block_filter() const {
    std::vector<float> filters;
    std::vector<std::int64_t> first;
    for (std::uint64_t r = 0; r < up_; ++r) {
        const auto row = table_.begin() + static_cast<std::ptrdiff_t>(r * down_ % up_ * taps_);
        filters.insert(filters.end(), row, row + static_cast<std::ptrdiff_t>(taps_));
        first.push_back(static_cast<std::int64_t>(r * down_ / up_) - (static_cast<std::int64_t>(half_taps_) - 1));
    }
    return std::make_unique<const BlockFilter>(up_, down_, filters, taps_, first);
}

// Row values: h(fraction + half_taps - 1 - j) for tap j; scaled to sum to one, so that a constant stays the same constant.
void Resampler::fill_phase(std::size_t row, double fraction, double cutoff, double half_width) {
    const double beta = 0.1102 * (attenuation_db - 8.7);
    const double window_scale = 1.0 / bessel_i0(beta);
    std::vector<double> values(2 * half_taps_);
    double sum = 0.0;
    for (std::size_t j = 0; j < values.size(); ++j) {
        const double u = fraction + static_cast<double>(half_taps_) - 1.0 - static_cast<double>(j);
        const double position = u / half_width;
        if (std::abs(position) >= 1.0) {
            continue;
        }
        const double angle = std::numbers::pi * cutoff * u;
        const double sinc = std::abs(angle) < 1e-12 ? 1.0 : std::sin(angle) / angle;
        values[j] = cutoff * sinc * bessel_i0(beta * std::sqrt(1.0 - position * position)) * window_scale;
        sum += values[j];
    }
    for (std::size_t j = 0; j < values.size(); ++j) {
        table_[row * taps_ + j] = static_cast<float>(values[j] / sum);
    }
}

std::shared_ptr<const Resampler> Resampler::get(int from_hz, int to_hz) {
    static PlanCache<std::pair<int, int>, Resampler> cache(16);
    return cache.get({from_hz, to_hz}, [&] { return std::make_shared<const Resampler>(from_hz, to_hz); });
}

std::size_t Resampler::output_size(std::size_t n) const noexcept {
    __extension__ using u128 = unsigned __int128;
    return static_cast<std::size_t>((static_cast<u128>(n) * up_ + down_ - 1) / down_);
}

void Resampler::apply(std::span<const float> x, std::span<float> out, const StopToken& stop) const {
    if (up_ == down_) {
        std::copy_n(x.begin(), std::min(x.size(), out.size()), out.begin());
        return;
    }
    const double average = mean(x);
    const float beyond = std::isfinite(average) ? static_cast<float>(average) : 0.0F;
    if (!block_filter_ || out.size() / up_ < fewest_block_outputs) {
        apply_directly(x, beyond, out, 0, out.size(), stop);
        return;
    }
    block_filter_->apply(x, out, stop);  // as if zeros came before and after: those who see them are computed again
    const std::size_t reach = (half_taps_ * up_ + down_ - 1) / down_ + 2;
    const std::size_t last = output_size(x.size() - std::min(x.size(), half_taps_ + 8));
    apply_directly(x, beyond, out, 0, std::min(reach, out.size()), stop);
    apply_directly(x, beyond, out, std::clamp(last, reach, out.size()), out.size(), stop);
}

// The outputs begin … end - 1, the input continued by `beyond`.
void Resampler::apply_directly(std::span<const float> x, float beyond, std::span<float> out, std::size_t begin, std::size_t end,
                               const StopToken& stop) const {
    const auto n = static_cast<std::int64_t>(x.size());
    const auto reach = static_cast<std::int64_t>(half_taps_) - 1;
    const auto width = static_cast<std::int64_t>(taps_);
    const std::uint64_t step = down_ / up_, step_phase = down_ % up_;
    std::vector<float> edge(taps_);
    __extension__ using u128 = unsigned __int128;
    const u128 place = static_cast<u128>(begin) * down_;
    auto position = static_cast<std::int64_t>(place / up_);  // floor of the output's place in input samples
    auto phase = static_cast<std::uint64_t>(place % up_);    // of up_
    for (std::size_t m = begin; m < end; ++m) {
        if (m % 4096 == 0) {
            stop.check();
        }
        const std::int64_t first = position - reach;
        const float* source = nullptr;
        if (first >= 0 && first + width <= n) {
            source = x.data() + first;
        } else {
            for (std::int64_t j = 0; j < width; ++j) {
                edge[static_cast<std::size_t>(j)] = first + j >= 0 && first + j < n ? x[static_cast<std::size_t>(first + j)] : beyond;
            }
            source = edge.data();
        }
        if (interpolated_) {
            const double fraction = static_cast<double>(phase) * static_cast<double>(phases_) / static_cast<double>(up_);
            const auto row = std::min(static_cast<std::size_t>(fraction), phases_ - 1);
            const auto weight = static_cast<float>(fraction - static_cast<double>(row));
            out[m] = (1.0F - weight) * dot(source, &table_[row * taps_], taps_) + weight * dot(source, &table_[(row + 1) * taps_], taps_);
        } else {
            out[m] = dot(source, &table_[phase * taps_], taps_);
        }
        position += static_cast<std::int64_t>(step);
        phase += step_phase;
        if (phase >= up_) {
            phase -= up_;
            ++position;
        }
    }
}

std::vector<float> resampled(std::vector<float> samples, int from_hz, int to_hz, const StopToken& stop) {
    if (from_hz == to_hz) {
        return samples;
    }
    const auto plan = Resampler::get(from_hz, to_hz);
    std::vector<float> result(plan->output_size(samples.size()));
    plan->apply(samples, result, stop);
    return result;
}

}  // namespace emotion::audio
