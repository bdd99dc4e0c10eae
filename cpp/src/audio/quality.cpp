#include "emotion/audio/quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "emotion/audio/stft.hpp"
#include "emotion/core/errors.hpp"
#include "clipping.hpp"
#include "lanes.hpp"
#include "value_range.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t wide = lanes;  // samples taken side by side
constexpr double frame_s = 0.032;
constexpr double band_low_hz = 100.0, band_high_hz = 4000.0;
constexpr double noise_share = 0.15;
constexpr double most_gamma = 100.0;
constexpr std::size_t bins_a_logarithm = 128;  // most_gamma to this power is a finite number
constexpr double enough_pauses = 5;  // frames, from which the noise's level is known better than from the percentiles
constexpr double noise_floor = 1e-7;  // of the band's mean power a bin: digital silence between words is no infinite ratio
constexpr double lowest_db = -20.0, highest_db = 60.0, lowest_dbfs = -120.0;

// ln E|x| - E ln|x| of gamma (shape 0.4) speech in Gaussian noise, from -20 dB in steps of 2 dB.
constexpr double wada_step_db = 2.0;
constexpr double least_heard = 1e-15;  // a product of as many as one logarithm takes is no zero
constexpr std::size_t samples_a_logarithm = 16;
constexpr std::array<double, 41> wada_table{
    0.409435, 0.409498, 0.409644, 0.409974, 0.410687, 0.412148, 0.414969, 0.420066, 0.428654, 0.442128, 0.461838, 0.488796, 0.523425, 0.565437,
    0.613884, 0.667350, 0.724195, 0.782790, 0.841677, 0.899661, 0.955832, 1.009549, 1.060397, 1.108145, 1.152701, 1.194076, 1.232347, 1.267642,
    1.300114, 1.329934, 1.357279, 1.382325, 1.405245, 1.426205, 1.445361, 1.462860, 1.478841, 1.493432, 1.506749, 1.518903, 1.529994};

void check(std::span<const float> samples, int sample_rate_hz, const VoiceOptions& options, const char* caller) {
    if (samples.empty()) {
        throw InvalidInputError("samples", caller, "at least one sample", "none");
    }
    if (sample_rate_hz < lowest_quality_rate_hz || sample_rate_hz > highest_rate_hz) {
        throw InvalidInputError("sample_rate_hz", caller, rate_rule(lowest_quality_rate_hz), std::to_string(sample_rate_hz));
    }
    for (const double value : {options.least_ratio, options.level_range_db, options.bridge_s, options.shortest_s}) {
        if (!(value >= 0) || !std::isfinite(value)) {
            throw InvalidInputError("options", caller, "finite numbers from 0 up", std::to_string(value));
        }
    }
}

std::size_t nearest_power_of_two(double value) {
    return std::size_t{1} << static_cast<unsigned>(std::lround(std::log2(value)));
}

// The value below which `share` of the values lie; reorders them.
double percentile(std::vector<float>& values, double share) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

// Fills short gaps between active frames, then drops short runs.
void smooth(std::vector<std::uint8_t>& active, std::size_t bridge, std::size_t shortest) {
    const auto each_run = [&](std::uint8_t kind, const auto& fn) {
        for (std::size_t t = 0; t < active.size();) {
            std::size_t end = t;
            while (end < active.size() && active[end] == active[t]) {
                ++end;
            }
            if (active[t] == kind) {
                fn(t, end);
            }
            t = end;
        }
    };
    each_run(0, [&](std::size_t begin, std::size_t end) {
        if (begin > 0 && end < active.size() && end - begin <= bridge) {
            std::fill(active.begin() + static_cast<std::ptrdiff_t>(begin), active.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{1});
        }
    });
    each_run(1, [&](std::size_t begin, std::size_t end) {
        if (end - begin < shortest) {
            std::fill(active.begin() + static_cast<std::ptrdiff_t>(begin), active.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
        }
    });
}

std::vector<Segment> runs(const std::vector<std::uint8_t>& active, std::size_t hop, std::size_t n) {
    std::vector<Segment> found;
    for (std::size_t t = 0; t < active.size(); ++t) {
        if (active[t] == 0) {
            continue;
        }
        const std::size_t begin = t * hop < hop / 2 ? 0 : t * hop - hop / 2;
        std::size_t last = t;
        while (last + 1 < active.size() && active[last + 1] != 0) {
            ++last;
        }
        const Segment segment{std::min(begin, n), std::min(last * hop + hop / 2, n)};
        if (segment.end > segment.begin) {
            found.push_back(segment);
        }
        t = last;
    }
    return found;
}

// fn(part) for each million of the samples, with a look at the token before it.
template <class Fn>
void by_parts(std::span<const float> x, const StopToken& stop, const Fn& fn) {
    constexpr std::size_t most = 1U << 20;  // whole rows of `wide`
    for (std::size_t first = 0; first < x.size(); first += most) {
        stop.check();
        fn(x.subspan(first, std::min(most, x.size() - first)));
    }
}

// The sum of fn over the samples: eight running sums in a fixed order, added at the end.
template <class Fn>
double sum_of(std::span<const float> x, const StopToken& stop, const Fn& fn) {
    std::array<double, wide> sums{};
    by_parts(x, stop, [&](std::span<const float> part) {
        std::size_t i = 0;
        for (; i + wide <= part.size(); i += wide) {
            for (std::size_t l = 0; l < wide; ++l) {
                sums[l] += fn(static_cast<double>(part[i + l]));
            }
        }
        for (; i < part.size(); ++i) {
            sums[0] += fn(static_cast<double>(part[i]));
        }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double mean_of(std::span<const float> x, const StopToken& stop) {
    return sum_of(x, stop, [](double v) { return v; }) / static_cast<double>(x.size());
}

std::vector<float> less(std::span<const float> x, double offset, const StopToken& stop) {
    std::vector<float> centred(x.size());
    auto next = centred.begin();
    by_parts(x, stop, [&](std::span<const float> part) {
        next = std::ranges::transform(part, next, [&](float v) { return static_cast<float>(static_cast<double>(v) - offset); }).out;
    });
    return centred;
}

double limited_db(double signal, double noise) {
    if (!(signal > 0)) {
        return lowest_db;
    }
    return noise > 0 ? std::clamp(10 * std::log10(signal / noise), lowest_db, highest_db) : highest_db;
}

// What the spectra say, frame by frame, over the band.
struct Evidence {
    std::vector<double> level;  // power
    std::vector<double> ratio;  // mean log-likelihood ratio of speech
    double total = 0;           // power of all frames
    double noise = 0;           // of a frame, by the percentiles of its bins
};

// power: bins of the band x frames.
Evidence evidence(const Matrix<float>& power, const StopToken& stop) {
    const std::size_t frames = power.cols;
    Evidence found{std::vector<double>(frames, 0.0), std::vector<double>(frames, 0.0)};
    for (std::size_t k = 0; k < power.rows; ++k) {
        stop.check();
        for (std::size_t t = 0; t < frames; ++t) {
            found.level[t] += static_cast<double>(power(k, t));
        }
    }
    found.total = std::accumulate(found.level.begin(), found.level.end(), 0.0);
    const auto bins = static_cast<double>(power.rows);
    const double floor = noise_floor * found.total / (bins * static_cast<double>(frames));
    std::vector<float> sorted(frames);
    std::vector<double> product(frames, 1.0);  // of gamma: one logarithm of many bins
    const auto take_logarithms = [&] {
        for (std::size_t t = 0; t < frames; ++t) {
            found.ratio[t] -= std::log(product[t]);
            product[t] = 1;
        }
    };
    for (std::size_t k = 0; k < power.rows; ++k) {
        stop.check();
        std::copy_n(&power(k, 0), frames, sorted.begin());
        const double own = std::max(percentile(sorted, noise_share) / -std::log1p(-noise_share), floor);
        found.noise += own;
        for (std::size_t t = 0; own > 0 && t < frames; ++t) {
            const double gamma = std::clamp(static_cast<double>(power(k, t)) / own, 1.0, most_gamma);
            found.ratio[t] += gamma - 1;
            product[t] *= gamma;
        }
        if ((k + 1) % bins_a_logarithm == 0) {
            take_logarithms();
        }
    }
    take_logarithms();
    for (double& ratio : found.ratio) {
        ratio /= bins;
    }
    return found;
}

std::vector<std::uint8_t> decide(const Evidence& found, const VoiceOptions& options, double hop_s) {
    const std::size_t frames = found.level.size();
    std::vector<float> levels(found.level.begin(), found.level.end());
    const double least = percentile(levels, 0.95) * std::pow(10.0, -options.level_range_db / 10);
    std::vector<std::uint8_t> active(frames);
    for (std::size_t t = 0; t < frames; ++t) {
        active[t] = found.total > 0 && found.ratio[t] > options.least_ratio && found.level[t] > least ? 1 : 0;
    }
    const auto in_frames = [&](double seconds) { return std::min(seconds / hop_s, static_cast<double>(frames + 1)); };
    smooth(active, static_cast<std::size_t>(in_frames(options.bridge_s)), static_cast<std::size_t>(std::ceil(in_frames(options.shortest_s))));
    return active;
}

// The active frames against the pauses, or against the percentiles' noise where these are few.
double pause_snr_db(const Evidence& found, const std::vector<std::uint8_t>& active) {
    const std::size_t frames = active.size();
    double spoken = 0, count = 0, still = 0, pauses = 0;
    for (std::size_t t = 0; t < frames; ++t) {
        spoken += active[t] != 0 ? found.level[t] : 0.0;
        count += active[t];
        const bool beside = active[t] != 0 || (t > 0 && active[t - 1] != 0) || (t + 1 < frames && active[t + 1] != 0);
        still += beside ? 0.0 : found.level[t];
        pauses += beside ? 0.0 : 1.0;
    }
    const double noise = pauses >= enough_pauses ? still / pauses : found.noise;
    return count > 0 ? limited_db(spoken / count - noise, noise) : lowest_db;
}

typedef double Sum __attribute__((vector_size(64)));
typedef double SumMemory __attribute__((vector_size(64), aligned(8), may_alias));

// Of samples_a_logarithm rows of eight samples: adds up the magnitudes without the offset, multiplies and counts them.
EMOTION_CLONES void add_amplitudes(const float* x, double offset, double* sums, double* product, double* counts) {
    const Sum none{}, one = none + 1.0;
    Sum sum = *reinterpret_cast<const SumMemory*>(sums), times = one, count = *reinterpret_cast<const SumMemory*>(counts);
    for (std::size_t r = 0; r < samples_a_logarithm; ++r) {
        const Sum v = __builtin_convertvector(load(x + r * lanes), Sum);
        const Sum moved = v - offset;
        const Sum a = moved < none ? -moved : moved;
        const auto told = (v != none) & (a > none + least_heard);
        sum += told ? a : none;
        times *= told ? a : one;
        count += told ? one : none;
    }
    *reinterpret_cast<SumMemory*>(sums) = sum;
    *reinterpret_cast<SumMemory*>(product) = times;
    *reinterpret_cast<SumMemory*>(counts) = count;
}

// centred: without an offset, whose steps at the ends would fill the band.
VoiceActivity find_voice(std::span<const float> centred, int sample_rate_hz, const VoiceOptions& options, const StopToken& stop) {
    VoiceActivity result;
    result.frame_length = nearest_power_of_two(frame_s * sample_rate_hz);
    result.hop_length = result.frame_length / 2;
    const Stft stft(hann_window(result.frame_length), result.hop_length, true);
    const double bin_hz = sample_rate_hz / static_cast<double>(result.frame_length);
    const auto first = static_cast<std::size_t>(std::ceil(band_low_hz / bin_hz));
    const auto last = std::min(static_cast<std::size_t>(std::min(band_high_hz, 0.45 * sample_rate_hz) / bin_hz), stft.bins() - 1);
    Matrix<float> power(last - first + 1, stft.frames(centred.size()));
    stft.power_blocks(centred, stop, [&](std::size_t t, std::size_t count, const float* block) {
        for (std::size_t k = first; k <= last; ++k) {
            std::copy_n(block + k * RealFft::batch, count, &power(k - first, t));
        }
    });
    const Evidence found = evidence(power, stop);
    result.active = decide(found, options, static_cast<double>(result.hop_length) / sample_rate_hz);
    result.segments = runs(result.active, result.hop_length, centred.size());
    result.snr_db = pause_snr_db(found, result.active);
    return result;
}

}  // namespace

VoiceActivity voice_activity(std::span<const float> samples, int sample_rate_hz, const VoiceOptions& options, const StopToken& stop) {
    check(samples, sample_rate_hz, options, "voice_activity");
    return find_voice(less(samples, mean_of(samples, stop), stop), sample_rate_hz, options, stop);
}

double wada_snr_db(std::span<const float> samples, const StopToken& stop) {
    const double heard = sum_of(samples, stop, [](double v) { return v != 0 ? 1.0 : 0.0; });
    const double offset = heard > 0 ? sum_of(samples, stop, [](double v) { return v; }) / heard : 0.0;
    std::array<double, wide> sums{}, counts{}, product{};
    double logs = 0;
    constexpr std::size_t block = wide * samples_a_logarithm;
    for (std::size_t first = 0; first < samples.size(); first += block) {
        stop.check();
        const std::size_t n = std::min(block, samples.size() - first);
        std::array<float, block> padded{};  // zeros tell nothing
        std::copy_n(samples.data() + first, n, padded.begin());
        add_amplitudes(padded.data(), offset, sums.data(), product.data(), counts.data());
        for (const double p : product) {
            logs += std::log(p);
        }
    }
    const double sum = std::accumulate(sums.begin(), sums.end(), 0.0), count = std::accumulate(counts.begin(), counts.end(), 0.0);
    if (!(count > 0)) {
        return lowest_db;
    }
    const double g = std::log(sum / count) - logs / count;
    const auto above = std::upper_bound(wada_table.begin(), wada_table.end(), g);
    if (above == wada_table.begin()) {
        return lowest_db;
    }
    if (above == wada_table.end()) {
        return highest_db;
    }
    const auto i = static_cast<std::size_t>(above - wada_table.begin() - 1);
    return lowest_db + wada_step_db * (static_cast<double>(i) + (g - wada_table[i]) / (wada_table[i + 1] - wada_table[i]));
}

Quality measure_quality(std::span<const float> samples, int sample_rate_hz, const StopToken& stop) {
    const VoiceOptions options;
    check(samples, sample_rate_hz, options, "signal_quality");
    Quality q;
    q.offset = mean_of(samples, stop);
    const std::vector<float> centred = less(samples, q.offset, stop);
    const VoiceActivity voice = find_voice(centred, sample_rate_hz, options, stop);
    const auto n = static_cast<double>(samples.size());
    ValueRange range;
    by_parts(samples, stop, [&](std::span<const float> part) { range.add(part); });
    const auto [lowest, highest] = range;
    const double peak = std::max(static_cast<double>(highest) - q.offset, q.offset - static_cast<double>(lowest));
    const double squares = sum_of(centred, stop, [](double v) { return v * v; });
    double spoken = 0;
    for (const Segment& segment : voice.segments) {
        spoken += static_cast<double>(segment.end - segment.begin);
    }
    const auto decibels = [](double amplitude) { return amplitude > 0 ? std::max(20 * std::log10(amplitude), lowest_dbfs) : lowest_dbfs; };
    q.duration_s = n / sample_rate_hz;
    q.speech_s = spoken / sample_rate_hz;
    q.speech_ratio = spoken / n;
    q.segments = static_cast<double>(voice.segments.size());
    q.snr_db = voice.snr_db;
    q.snr_wada_db = wada_snr_db(samples, stop);
    q.clipped_ratio = clipped_share(samples, lowest, highest, q.offset, stop);
    q.peak_dbfs = decibels(peak);
    q.level_dbfs = decibels(std::sqrt(squares / n));
    return q;
}

std::array<double, quality_names.size()> quality_values(const Quality& q) {
    return {q.duration_s, q.speech_s, q.speech_ratio, q.segments, q.snr_db, q.snr_wada_db, q.clipped_ratio, q.peak_dbfs, q.level_dbfs, q.offset};
}

Quality quality_from(std::span<const double, quality_names.size()> v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]}; }

std::vector<float> quality_columns(const Quality& quality) {
    std::vector<float> columns;
    for (const double value : quality_values(quality)) {
        columns.push_back(static_cast<float>(value));
    }
    return columns;
}

namespace {

// What is wrong first, and the numbers that say so.
struct Shortfall {
    const char* reason = "";
    const char* text = "";
    double value = 0, limit = 0;
    const char* unit = "";
};

Shortfall shortfall(const Quality& q, const QualityLimits& limits) {
    if (q.duration_s < limits.least_duration_s) {
        return {"too_short", "a duration", q.duration_s, limits.least_duration_s, " s"};
    }
    if (q.peak_dbfs < limits.least_peak_dbfs) {
        return {"silent", "a peak", q.peak_dbfs, limits.least_peak_dbfs, " dB of full scale"};
    }
    if (q.speech_s < limits.least_speech_s) {
        return {"no_speech", "speech", q.speech_s, limits.least_speech_s, " s"};
    }
    if (q.speech_ratio < limits.least_speech_ratio) {
        return {"little_speech", "a share of speech", q.speech_ratio, limits.least_speech_ratio};
    }
    if (q.clipped_ratio > limits.most_clipped_ratio) {
        return {"clipped", "a share of clipped samples", q.clipped_ratio, limits.most_clipped_ratio};
    }
    if (q.snr_db < limits.least_snr_db) {
        return {"noisy", "a signal-to-noise ratio", q.snr_db, limits.least_snr_db, " dB"};
    }
    return {};
}

}  // namespace

std::string quality_reason(const Quality& quality, const QualityLimits& limits) { return shortfall(quality, limits).reason; }

std::string quality_message(const Quality& quality, const QualityLimits& limits) {
    const Shortfall found = shortfall(quality, limits);
    if (*found.reason == '\0') {
        return {};
    }
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), "%s: %s of %.4g%s, %s %.4g%s", found.reason, found.text, found.value, found.unit,
                  found.value < found.limit ? "below" : "above", found.limit, found.unit);
    return text.data();
}

}  // namespace emotion::audio
