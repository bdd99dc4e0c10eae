#include "emotion/audio/periods.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "emotion/core/errors.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr double shortest = 0.8, longest = 1.25;  // of the next period, in periods of the track
constexpr double least_match = 0.3;               // of the cross-correlation: below, the chain of marks is cut
constexpr double most_change = 1.3;               // ratio of successive periods or amplitudes that still counts as perturbation: 1.3, and 1.6
constexpr double most_change_amplitude = 1.6;
constexpr long reach = 8;                         // of the sinc interpolation
constexpr double quality_window_s = 0.06, quality_window_periods = 4.5;
constexpr double hnr_window_s = 0.04, hnr_window_periods = 4.5;
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// out[j] = sum over i < n of x[i] y[i + j], j < count rounded up to sixteens.
EMOTION_CLONES void lag_products(const float* x, const float* y, std::size_t n, std::size_t count, float* out) {
    for (std::size_t j = 0; j < count; j += 2 * lanes) {
        Lane a = {}, b = {};
        for (std::size_t i = 0; i < n; ++i) {
            a += x[i] * load(y + i + j);
            b += x[i] * load(y + i + j + lanes);
        }
        store(out + j, a);
        store(out + j + lanes, b);
    }
}

// w[i] = (1 + cos(phase + i step)) / 2, i < n rounded up to eights, by rotation of eight phasors.
EMOTION_CLONES void hann_weights(double phase, double step, std::size_t n, float* w) {
    double c[lanes], s[lanes];
    for (std::size_t l = 0; l < lanes; ++l) {
        c[l] = __builtin_cos(phase + static_cast<double>(l) * step);
        s[l] = __builtin_sin(phase + static_cast<double>(l) * step);
    }
    const double turn_c = __builtin_cos(static_cast<double>(lanes) * step), turn_s = __builtin_sin(static_cast<double>(lanes) * step);
    for (std::size_t i = 0; i < n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            w[i + l] = static_cast<float>(0.5 + 0.5 * c[l]);
            const double next = c[l] * turn_c - s[l] * turn_s;
            s[l] = c[l] * turn_s + s[l] * turn_c;
            c[l] = next;
        }
    }
}

// Sums in eight parts, so that a fixed order is also a fast one.
EMOTION_CLONES double sum(const float* x, std::size_t n) {
    double parts[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            parts[l] += static_cast<double>(x[i + l]);
        }
    }
    for (; i < n; ++i) {
        parts[i % lanes] += static_cast<double>(x[i]);
    }
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}
EMOTION_CLONES double sum_of_products(const float* x, const float* y, std::size_t n) {
    double parts[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t l = 0; l < lanes; ++l) {
            parts[l] += static_cast<double>(x[i + l]) * static_cast<double>(y[i + l]);
        }
    }
    for (; i < n; ++i) {
        parts[i % lanes] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    }
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

// The sinc interpolation, with a Hann taper, of v at x; v must reach from floor(x) - reach + 1 to floor(x) + reach.
double interpolate(const float* v, double x) {
    // cos(pi i / reach) and sin(pi i / reach), i = 1 - reach … reach
    static const auto turns = [] {
        std::array<std::array<double, 2>, static_cast<std::size_t>(2 * reach)> t{};
        for (long i = 1 - reach; i <= reach; ++i) {
            const double angle = std::numbers::pi * static_cast<double>(i) / static_cast<double>(reach);
            t[static_cast<std::size_t>(i + reach - 1)] = {std::cos(angle), std::sin(angle)};
        }
        return t;
    }();
    const double whole = std::floor(x), fraction = x - whole;
    const auto k = static_cast<long>(whole);
    if (fraction < 1e-12) {
        return static_cast<double>(v[k]);
    }
    const double angle = std::numbers::pi * fraction, sine = std::sin(angle) / std::numbers::pi;
    const double c = std::cos(angle / static_cast<double>(reach)), s = std::sin(angle / static_cast<double>(reach));
    double sum = 0.0;
    for (long i = 1 - reach; i <= reach; ++i) {
        const auto& turn = turns[static_cast<std::size_t>(i + reach - 1)];
        const double taper = 0.5 + 0.5 * (c * turn[0] + s * turn[1]);
        sum += static_cast<double>(v[k + i]) * taper * (i % 2 == 0 ? sine : -sine) / (fraction - static_cast<double>(i));
    }
    return sum;
}

struct Peak {
    double at, height;
};
// The peak next to the largest of v[first … last], by parabolas through ever closer points of the interpolation.
Peak find_peak(const float* v, std::size_t first, std::size_t last) {
    const float* const top = std::max_element(v + first, v + last + 1);
    double x = static_cast<double>(top - v), height = static_cast<double>(*top);
    for (const double h : {0.5, 0.125}) {
        const double a = interpolate(v, x - h), b = interpolate(v, x), c = interpolate(v, x + h), bend = a - 2.0 * b + c;
        if (bend < 0.0) {
            const double shift = std::clamp(0.5 * (a - c) / bend, -1.0, 1.0);
            height = b - 0.25 * (a - c) * shift;
            x += shift * h;
        }
    }
    return {x, height};
}

// The autocorrelation of a Hann window of length w at lag t, 1 at 0 (Boersma 1993, eq. 8).
double hann_correlation(double t, double w) {
    const double u = t / w, turn = 2.0 * std::numbers::pi * u;
    return (1.0 - u) * (2.0 / 3.0 + std::cos(turn) / 3.0) + std::sin(turn) / (2.0 * std::numbers::pi);
}

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
        for (std::size_t j = 0; j < count; ++j) {
            const double scale = own * std::max(energy, 0.0);
            products_[j] = scale > 0.0 ? static_cast<float>(static_cast<double>(products_[j]) / std::sqrt(scale)) : 0.0F;
            const auto in = static_cast<double>(there[j + n]), out = static_cast<double>(there[j]);
            energy += in * in - out * out;
        }
        const Peak peak = find_peak(products_.data(), static_cast<std::size_t>(pad), count - 1 - static_cast<std::size_t>(pad));
        return {std::abs(peak.at + static_cast<double>(first)), peak.height};
    }

    [[nodiscard]] double amplitude(double at) {
        const double width = period(at), place = at - static_cast<double>(origin_), step = 2.0 * std::numbers::pi / width;
        const auto first = static_cast<long>(std::ceil(place - width / 2)), last = static_cast<long>(std::floor(place + width / 2));
        const auto n = static_cast<std::size_t>(last - first + 1);
        weights_.resize(n + lanes);
        hann_weights((static_cast<double>(first) - place) * step, step, n, weights_.data());
        const float* const x = &x_[static_cast<std::size_t>(first)];
        const double weights = sum(weights_.data(), n);
        for (std::size_t i = 0; i < n; ++i) {
            weights_[i] *= x[i];
        }
        return std::sqrt(sum_of_products(weights_.data(), x, n) / weights) * unit_;
    }

    double rate_, unit_;
    const PitchTrack& track_;
    std::size_t begin_, end_;
    double from_ = 0.0, to_ = 0.0;  // samples of the clip
    long origin_ = 0;               // of x_
    std::vector<float> x_, products_, frame_, weights_;
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
    for (Mark& m : found) {
        m.amplitude = amplitude(m.at);
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
    weights_.resize(n + lanes);
    const double step = 2.0 * std::numbers::pi / width;
    hann_weights((static_cast<double>(first) - centre) * step, step, n, weights_.data());
    float* const frame = &frame_[before];
    for (std::size_t i = 0; i < n; ++i) {
        frame[i] = weights_[i] * (x[i] - mean);
    }
    const double energy = sum_of_products(frame, frame, n);
    if (!(energy > 0.0)) {
        return -20.0F;
    }
    products_.resize(static_cast<std::size_t>(count) + 2 * lanes);
    lag_products(frame, frame + begin, n, static_cast<std::size_t>(count), products_.data());
    for (long j = 0; j < count; ++j) {
        products_[static_cast<std::size_t>(j)] *= static_cast<float>(1.0 / (energy * hann_correlation(std::abs(static_cast<double>(begin + j)), width)));
    }
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
    demand(rate >= 4000.0 && rate <= 768000.0, "sample_rate_hz", "between 4000 and 768000", rate);
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
