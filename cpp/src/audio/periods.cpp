#include "emotion/audio/periods.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/errors.hpp"
#include "lag_products.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr double shortest = 0.8, longest = 1.25;  // of the next period, in periods of the track
constexpr double least_match = 0.3;               // of the cross-correlation: below, the chain of marks is cut
constexpr double most_change = 1.3;               // ratio of successive periods or amplitudes that still counts as perturbation: 1.3, and 1.6
constexpr double most_change_amplitude = 1.6;
constexpr double quality_window_s = 0.06, quality_window_periods = 4.5;
constexpr double hnr_window_s = 0.04, hnr_window_periods = 4.5;
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// What the samples are freed of: their mean, and their gain by a power of two.
struct Level {
    double mean = 0.0, scale = 1.0;
};

struct Mark {
    double at;  // samples of the clip
    double amplitude;
    bool linked;  // to the mark before, by a match
};

// One voiced stretch of a track: frames [begin, end).
class Stretch {
public:
    Stretch(std::span<const float> samples, Level level, double rate, const PitchTrack& track, std::size_t begin, std::size_t end)
        : rate_(rate), unit_(1.0 / level.scale), track_(track), begin_(begin), end_(end) {
        float lowest = track.f0_hz[begin];
        for (std::size_t t = begin; t < end; ++t) {
            lowest = std::min(lowest, track.f0_hz[t]);
        }
        const double hop = track.times_s.size() > 1 ? track.times_s[1] - track.times_s[0] : 0.01;
        from_ = std::max(0.0, (track.times_s[begin] - hop / 2) * rate);
        to_ = std::min(static_cast<double>(samples.size()) - 1.0, (track.times_s[end - 1] + hop / 2) * rate);
        const double period = rate / static_cast<double>(lowest);
        const double margin = std::max(std::max(hnr_window_s * rate, hnr_window_periods * period) / 2.0 + hop * rate, longest * period * 2.0) +
                              longest * period + 4.0 * static_cast<double>(reach) + 16.0;
        origin_ = static_cast<long>(std::floor(from_ - margin));
        const auto last = static_cast<long>(std::ceil(to_ + margin));
        x_.resize(static_cast<std::size_t>(last - origin_) + 1);
        for (long i = origin_; i <= last; ++i) {
            const bool inside = i >= 0 && i < static_cast<long>(samples.size());
            x_[static_cast<std::size_t>(i - origin_)] = inside ? static_cast<float>((static_cast<double>(samples[static_cast<std::size_t>(i)]) - level.mean) * level.scale) : 0.0F;
        }
    }

    [[nodiscard]] std::vector<Mark> marks(const StopToken& stop);
    [[nodiscard]] float hnr_db(std::size_t t);

private:
    // Samples a period at a place of the clip, by the track.
    [[nodiscard]] double period(double at) const {
        const double time = at / rate_;
        const auto first = track_.times_s.begin() + static_cast<std::ptrdiff_t>(begin_), last = track_.times_s.begin() + static_cast<std::ptrdiff_t>(end_);
        const auto next = std::upper_bound(first, last, time);
        if (next == first || next == last) {
            return rate_ / static_cast<double>(track_.f0_hz[next == first ? begin_ : end_ - 1]);
        }
        const auto t = static_cast<std::size_t>(next - track_.times_s.begin());
        const double part = (time - track_.times_s[t - 1]) / (track_.times_s[t] - track_.times_s[t - 1]);
        return rate_ / (static_cast<double>(track_.f0_hz[t - 1]) * (1.0 - part) + static_cast<double>(track_.f0_hz[t]) * part);
    }

    // How far the cycle around `at` has to move, forward or back, to match best; height: the correlation.
    [[nodiscard]] Peak match(double at, bool forward) {
        const double expected = period(at);
        const auto half = static_cast<long>(std::ceil(expected / 2.0));
        const auto n = static_cast<std::size_t>(2 * half + 1);
        const auto low = std::max(static_cast<long>(std::floor(expected * shortest)), 1L), high = static_cast<long>(std::ceil(expected * longest));
        const long pad = reach + 2;
        const auto count = static_cast<std::size_t>(high - low + 1 + 2 * pad);
        const long centre = std::lround(at) - origin_;
        const float* const here = &x_[static_cast<std::size_t>(centre - half)];
        // Lags ascend in the direction of the signal: going back, from the farthest.
        const long first = forward ? low - pad : -high - pad;
        products_.resize(count + 16);
        const float* const there = here + first;
        lag_products(here, there, n, count, products_.data());
        const double own = sum_of_products(here, here, n);
        double energy = sum_of_products(there, there, n);
        energies_.resize(count);
        for (std::size_t j = 0; j < count; ++j) {
            energies_[j] = energy;
            const auto in = static_cast<double>(there[j + n]), out = static_cast<double>(there[j]);
            energy += in * in - out * out;
        }
        divide_by_energies(products_.data(), energies_.data(), own, count);
        const Peak peak = find_peak(products_.data(), static_cast<std::size_t>(pad), count - 1 - static_cast<std::size_t>(pad));
        return {std::abs(peak.at + static_cast<double>(first)), peak.height};
    }

    // The peak of the cycle around `at`, of the sign of the strongest sample of the stretch.
    [[nodiscard]] double amplitude(double at, double sign) {
        const double half = 0.5 * period(at), place = at - static_cast<double>(origin_);
        const auto first = static_cast<std::size_t>(std::ceil(place - half)), last = static_cast<std::size_t>(std::floor(place + half));
        frame_.resize(last - first + 1 + static_cast<std::size_t>(2 * reach + 2));
        const std::size_t before = static_cast<std::size_t>(reach) + 1;
        for (std::size_t i = 0; i < frame_.size(); ++i) {
            frame_[i] = static_cast<float>(sign) * x_[first - before + i];
        }
        return std::max(find_peak(frame_.data(), before, before + last - first).height, 0.0) * unit_;
    }

    double rate_, unit_;
    const PitchTrack& track_;
    std::size_t begin_, end_;
    double from_ = 0.0, to_ = 0.0;  // samples of the clip
    long origin_ = 0;               // of x_
    std::vector<float> x_, products_, frame_;
    std::vector<double> energies_;
};

std::vector<Mark> Stretch::marks(const StopToken& stop) {
    std::vector<Mark> found;
    if (!(to_ >= from_)) {
        return found;
    }
    const auto first = static_cast<long>(std::ceil(from_)) - origin_, last = static_cast<long>(std::floor(to_)) - origin_;
    long strongest = first;
    for (long i = first; i <= last; ++i) {
        strongest = std::abs(x_[static_cast<std::size_t>(i)]) > std::abs(x_[static_cast<std::size_t>(strongest)]) ? i : strongest;
    }
    const double start = static_cast<double>(strongest + origin_);
    const auto walk = [&](bool forward) {
        double at = start;
        while (true) {
            stop.check();
            const Peak peak = match(at, forward);
            const bool linked = peak.height >= least_match;
            const double step = linked ? peak.at : period(at);
            at += forward ? step : -step;
            if (at < from_ || at > to_) {
                return;
            }
            found.push_back({at, 0.0, linked});
        }
    };
    walk(false);
    std::reverse(found.begin(), found.end());
    // A link belongs to the later of two marks: going back it was found at the earlier one.
    bool linked = false;
    for (Mark& m : found) {
        std::swap(m.linked, linked);
    }
    found.push_back({start, 0.0, linked});
    walk(true);
    const double sign = x_[static_cast<std::size_t>(strongest)] < 0.0F ? -1.0 : 1.0;
    for (Mark& m : found) {
        m.amplitude = amplitude(m.at, sign);
    }
    return found;
}

float Stretch::hnr_db(std::size_t t) {
    const double lag = rate_ / static_cast<double>(track_.f0_hz[t]);
    const double width = std::max(hnr_window_s * rate_, hnr_window_periods * lag);
    const double centre = track_.times_s[t] * rate_ - static_cast<double>(origin_);
    const auto first = static_cast<long>(std::ceil(centre - width / 2)), last = static_cast<long>(std::floor(centre + width / 2));
    const auto n = static_cast<std::size_t>(last - first + 1);
    // The track's lag is that of a band of the signal; the peak of the whole is within two per cent of it.
    const auto low = std::max(1L, static_cast<long>(std::floor(lag * 0.98 - 1.0))), high = static_cast<long>(std::ceil(lag * 1.02 + 1.0));
    const long begin = low - reach - 1, count = high + reach + 1 - begin + 1;
    const float* const x = &x_[static_cast<std::size_t>(first)];
    const auto mean = static_cast<float>(sum(x, n) / static_cast<double>(n));
    // Zeros before and after, so that negative and long lags are sums over what there is.
    const auto before = static_cast<std::size_t>(std::max(0L, -begin));
    frame_.assign(before + n + static_cast<std::size_t>(std::max(0L, begin + count)) + 2 * lanes, 0.0F);
    const double step = 2.0 * std::numbers::pi / width;
    float* const frame = &frame_[before];
    const double energy = hann_frame(x, mean, (static_cast<double>(first) - centre) * step, step, n, frame);
    if (!(energy > 0.0)) {
        return -20.0F;
    }
    products_.resize(static_cast<std::size_t>(count) + 2 * lanes);
    lag_products(frame, frame + begin, n, static_cast<std::size_t>(count), products_.data());
    divide_by_hann_correlation(products_.data(), begin, static_cast<std::size_t>(count), width, energy);
    const double r = find_peak(products_.data(), static_cast<std::size_t>(low - begin), static_cast<std::size_t>(high - begin)).height;
    const double bounded = std::clamp(r > 1.0 ? 1.0 / r : r, 1e-3, 1.0 - 1e-7);
    return static_cast<float>(std::clamp(10.0 * std::log10(bounded / (1.0 - bounded)), -20.0, 60.0));
}

// Perturbation around a frame of a stretch's marks; window in samples.
void perturbation(const std::vector<Mark>& marks, double from, double to, float& jitter, float& shimmer, float& shimmer_db) {
    double difference = 0.0, level_difference = 0.0, ratio_db = 0.0, periods = 0.0, levels = 0.0;
    std::size_t pairs = 0, level_pairs = 0, n_periods = 0, n_levels = 0;
    const auto before = [](const Mark& m, double at) { return m.at < at; };
    const auto first = static_cast<std::size_t>(std::lower_bound(marks.begin(), marks.end(), from, before) - marks.begin());
    for (std::size_t i = first; i < marks.size() && marks[i].at <= to; ++i) {
        levels += marks[i].amplitude;
        ++n_levels;
        if (i == first || !marks[i].linked) {
            continue;
        }
        const double period = marks[i].at - marks[i - 1].at;
        periods += period;
        ++n_periods;
        const double a = marks[i - 1].amplitude, b = marks[i].amplitude;
        if (a > 0.0 && b > 0.0 && std::max(a / b, b / a) < most_change_amplitude) {
            level_difference += std::abs(b - a);
            ratio_db += std::abs(20.0 * std::log10(b / a));
            ++level_pairs;
        }
        if (i >= first + 2 && marks[i - 1].linked) {
            const double last = marks[i - 1].at - marks[i - 2].at;
            if (std::max(period / last, last / period) < most_change) {
                difference += std::abs(period - last);
                ++pairs;
            }
        }
    }
    if (pairs > 0) {
        jitter = static_cast<float>(difference / static_cast<double>(pairs) / (periods / static_cast<double>(n_periods)));
    }
    if (level_pairs > 0) {
        shimmer = static_cast<float>(level_difference / static_cast<double>(level_pairs) / (levels / static_cast<double>(n_levels)));
        shimmer_db = static_cast<float>(ratio_db / static_cast<double>(level_pairs));
    }
}

Level checked_level(std::span<const float> samples, double rate, const PitchTrack& track, const char* caller) {
    const auto demand = [&](bool holds, const char* parameter, const char* rule, double value) {
        if (!holds) {
            throw InvalidInputError(parameter, caller, rule, std::to_string(value));
        }
    };
    Level level;
    demand(rate >= lowest_pitch_rate_hz && rate <= highest_rate_hz, "sample_rate_hz", rate_rule(lowest_pitch_rate_hz).c_str(), rate);
    demand(track.f0_hz.size() == track.times_s.size(), "f0_hz", "as many as times_s", static_cast<double>(track.f0_hz.size()));
    for (std::size_t t = 0; t < track.f0_hz.size(); ++t) {
        const auto f0 = static_cast<double>(track.f0_hz[t]);
        demand(std::isnan(f0) || (f0 >= 20.0 && f0 <= rate / 4.0), "f0_hz", "NaN or between 20 and a quarter of sample_rate_hz", f0);
        const double at = track.times_s[t];
        demand(at >= 0.0 && at * rate <= static_cast<double>(samples.size()) + 1.0 && (t == 0 || at > track.times_s[t - 1]), "times_s",
               "ascending and within the samples", at);
    }
    double sum = 0.0, peak = 0.0;
    for (const float x : samples) {
        demand(std::isfinite(x), "samples", "finite", static_cast<double>(x));
        sum += static_cast<double>(x);
    }
    level.mean = samples.empty() ? 0.0 : sum / static_cast<double>(samples.size());
    for (const float x : samples) {
        peak = std::max(peak, std::abs(static_cast<double>(x) - level.mean));
    }
    int exponent = 0;
    std::frexp(peak, &exponent);
    level.scale = std::ldexp(1.0, -exponent);
    return level;
}

// Calls fn(begin, end, stretch) for each voiced stretch.
template <class F>
void each_stretch(std::span<const float> samples, double rate, const PitchTrack& track, const char* caller, F&& fn) {
    const Level level = checked_level(samples, rate, track, caller);
    const std::size_t n = samples.empty() ? 0 : track.f0_hz.size();
    for (std::size_t begin = 0; begin < n; ++begin) {
        if (std::isnan(track.f0_hz[begin])) {
            continue;
        }
        std::size_t end = begin + 1;
        while (end < n && !std::isnan(track.f0_hz[end])) {
            ++end;
        }
        Stretch stretch(samples, level, rate, track, begin, end);
        fn(begin, end, stretch);
        begin = end;
    }
}

}  // namespace

PeriodMarks period_marks(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop) {
    PeriodMarks result;
    result.stretch.push_back(0);
    each_stretch(samples, sample_rate_hz, track, "period_marks", [&](std::size_t, std::size_t, Stretch& stretch) {
        for (const Mark& m : stretch.marks(stop)) {
            if (!m.linked && result.mark_s.size() > result.stretch.back()) {
                result.stretch.push_back(result.mark_s.size());
            }
            result.mark_s.push_back(m.at / sample_rate_hz);
            result.amplitude.push_back(m.amplitude);
        }
        if (result.mark_s.size() > result.stretch.back()) {
            result.stretch.push_back(result.mark_s.size());
        }
    });
    return result;
}

VoiceQuality voice_quality(std::span<const float> samples, double sample_rate_hz, const PitchTrack& track, const StopToken& stop) {
    const std::vector<float> none(track.f0_hz.size(), missing);
    VoiceQuality q{none, none, none, none};
    each_stretch(samples, sample_rate_hz, track, "voice_quality", [&](std::size_t begin, std::size_t end, Stretch& stretch) {
        const std::vector<Mark> marks = stretch.marks(stop);
        for (std::size_t t = begin; t < end; ++t) {
            stop.check();
            q.hnr_db[t] = stretch.hnr_db(t);
            const double half = 0.5 * sample_rate_hz * std::max(quality_window_s, quality_window_periods / static_cast<double>(track.f0_hz[t]));
            const double centre = track.times_s[t] * sample_rate_hz;
            perturbation(marks, centre - half, centre + half, q.jitter_local[t], q.shimmer_local[t], q.shimmer_db[t]);
        }
    });
    return q;
}

}  // namespace emotion::audio
