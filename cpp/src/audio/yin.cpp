#include "emotion/audio/yin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "autocorrelation.hpp"
#include "emotion/audio/temporal.hpp"
#include "emotion/core/errors.hpp"
#include "peak_scale.hpp"
#include "scratch.hpp"

namespace emotion::audio {
namespace {

// d' from n times the autocorrelation: signal holds the eight frames, `scale` is 1 / n, out the lags first … last.
// librosa subtracts no energy at lag 1 (its running sum is cleared first); so do we: the share of one sample in a sum over the frame.
EMOTION_CLONES void normalise(const float* autocorrelation, const float* signal, std::size_t hop, double scale, std::size_t first, std::size_t last,
                              float* out) {
    double head[lanes], sum[lanes], peak[lanes];
    for (std::size_t l = 0; l < lanes; ++l) {
        head[l] = 0.0;
        sum[l] = 0.0;
        peak[l] = static_cast<double>(autocorrelation[l]) * scale;
    }
    for (std::size_t k = 1; k <= last; ++k) {
        double difference[lanes];
        for (std::size_t l = 0; l < lanes; ++l) {
            const double x = static_cast<double>(signal[l * hop + k - 1]);
            head[l] += x * x;
            const double energy = k == 1 ? 0.0 : head[l];
            difference[l] = 2.0 * (peak[l] - static_cast<double>(autocorrelation[k * lanes + l]) * scale) - energy;
            sum[l] += difference[l];
        }
        if (k >= first) {
            for (std::size_t l = 0; l < lanes; ++l) {
                out[(k - first) * lanes + l] = static_cast<float>(difference[l] * static_cast<double>(k) / (sum[l] + 1e-37));
            }
        }
    }
}

}  // namespace

struct DifferenceFunction::Work::Memory {
    Memory(std::size_t n_signal, std::size_t n_lags, std::size_t n_scratch, std::size_t n_out)
        : signal(n_signal), lags(n_lags), scratch(n_scratch), out(n_out) {}
    Scratch signal, lags, scratch, out;
};

DifferenceFunction::DifferenceFunction(const YinOptions& o, const char* caller) : options_(o) {
    const double rate = o.sample_rate_hz;
    if (!(rate > 0.0) || !std::isfinite(rate)) {
        throw InvalidInputError("sr", caller, "a finite number > 0", std::to_string(rate));
    }
    if (!(o.fmax_hz <= rate / 2)) {
        throw InvalidInputError("fmax", caller, "at most half of sr", std::to_string(o.fmax_hz));
    }
    if (!(o.fmin_hz > 0.0) || !(o.fmin_hz < o.fmax_hz)) {
        throw InvalidInputError("fmin", caller, "above 0 and below fmax", std::to_string(o.fmin_hz));
    }
    if (o.frame_length < 4 || o.frame_length > RealFft::max_size / 2) {
        throw InvalidInputError("frame_length", caller, "between 4 and 524288", std::to_string(o.frame_length));
    }
    if (rate / o.fmin_hz >= static_cast<double>(o.frame_length - 1)) {
        throw InvalidInputError("frame_length", caller, "above sr / fmin + 1, so that a period of fmin fits", std::to_string(o.frame_length));
    }
    if (o.hop_length < 1 || o.hop_length > RealFft::max_size) {
        throw InvalidInputError("hop_length", caller, "between 1 and 1048576", std::to_string(o.hop_length));
    }
    min_period_ = static_cast<std::size_t>(std::floor(rate / o.fmax_hz));
    max_period_ = std::min(static_cast<std::size_t>(std::ceil(rate / o.fmin_hz)), o.frame_length - 1);
    autocorrelation_ = std::make_unique<const Autocorrelation>(std::vector<float>(o.frame_length, 1.0F), max_period_);
}

DifferenceFunction::~DifferenceFunction() = default;

std::size_t DifferenceFunction::frames(std::size_t n_samples) const noexcept {
    return frame_count(n_samples, options_.frame_length, options_.hop_length, options_.center);
}

DifferenceFunction::Work::Work(const DifferenceFunction& p, std::span<const float> samples) : plan(p), frames(p.frames(samples.size())) {
    const std::size_t before = plan.options_.center ? plan.options_.frame_length / 2 : 0;
    const std::size_t whole = (frames + lanes - 1) / lanes * lanes;
    const std::size_t needed = whole == 0 ? 0 : (whole - 1) * plan.options_.hop_length + plan.autocorrelation_->reach();
    const std::size_t length = std::max(before + samples.size(), needed);
    memory = std::make_unique<Memory>(length, plan.autocorrelation_->size(), plan.autocorrelation_->scratch_size(), plan.lags() * lanes);
    float* const signal = memory->signal.data();
    std::fill_n(signal, before, 0.0F);
    scale_to_peak(samples, signal + before);
    std::fill(signal + before + samples.size(), signal + length, 0.0F);
}

DifferenceFunction::Work::~Work() = default;

const float* DifferenceFunction::Work::next(std::size_t first) {
    const std::size_t hop = plan.options_.hop_length;
    const float* const signal = memory->signal.data() + first * hop;
    (*plan.autocorrelation_)(signal, hop, memory->lags.data(), memory->scratch.data());
    normalise(memory->lags.data(), signal, hop, 1.0 / static_cast<double>(plan.autocorrelation_->reach()), plan.min_period_, plan.max_period_,
              memory->out.data());
    return memory->out.data();
}

double parabolic_shift(double before, double at, double after) {
    const double a = after + before - 2.0 * at;
    const double b = (after - before) / 2.0;
    return std::abs(b) < std::abs(a) ? -b / a : 0.0;
}

void yin(std::span<const float> samples, const YinOptions& options, double trough_threshold, std::span<double> f0_hz, const StopToken& stop) {
    const DifferenceFunction plan(options, "yin");
    const std::size_t n = plan.lags();
    plan.blocks(samples, stop, [&](std::size_t first, std::size_t count, const float* block) {
        for (std::size_t l = 0; l < count; ++l) {
            const auto value = [&](std::size_t i) { return static_cast<double>(block[i * lanes + l]); };
            std::size_t lowest = 0, chosen = n;
            for (std::size_t i = 0; i < n; ++i) {
                lowest = value(i) < value(lowest) ? i : lowest;
                if (value(i) < trough_threshold && (i == 0 || value(i) < value(i - 1)) &&
                    (i + 1 == n || (i == 0 ? value(0) < value(1) : value(i) <= value(i + 1)))) {
                    chosen = i;
                    break;
                }
            }
            const std::size_t i = chosen < n ? chosen : lowest;
            const double shift = i == 0 || i + 1 == n ? 0.0 : parabolic_shift(value(i - 1), value(i), value(i + 1));
            f0_hz[first + l] = options.sample_rate_hz / (static_cast<double>(plan.min_period() + i) + shift);
        }
    });
}

}  // namespace emotion::audio
