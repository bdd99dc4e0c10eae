#include "emotion/audio/descriptors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include "emotion/audio/balance.hpp"
#include "emotion/audio/fft.hpp"
#include "emotion/audio/formants.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/resample.hpp"
#include "emotion/audio/shape.hpp"
#include "emotion/audio/temporal.hpp"
#include "emotion/core/elementary.hpp"
#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "scratch.hpp"
#include "value_range.hpp"
#include "voice.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t hop = 160, short_size = 512, long_size = 1024;
constexpr std::size_t short_window = 320, long_window = 960;
constexpr std::size_t level_bins = 360;       // of the long spectrum: a little beyond 5.5 kHz
constexpr float power_floor = 1e-12F;
constexpr float band_range = 1e-5F;           // added to every band, as a share of the largest of the clip: 50 dB below it all is room
constexpr std::size_t longest_stretch = 1000;  // frames that one path of the formants covers, and that are at work together: a bound on memory
constexpr std::size_t most_harmonics = 112;
constexpr double lifter = 22.0;
constexpr double loudness_exponent = 0.33;
constexpr double lowest_semitone = 1.0;
constexpr float least_range = 0x1p-20F;       // of the samples of a frame, of a clip whose peak is 1: below, digital silence
constexpr int least_exponent = -20;           // of the peak: below 2^-20 a clip is silence, and not lifted further

// The exponent e of the power of two that brings the peak into [0.5, 1) when taken away: spectra, the floors under them and the rounding of their
// decibels then do not depend on the gain of the clip. The rows of levels get it back.
int exponent_of_peak(std::span<const float> samples, double mean) {
    double peak = 0.0;
    for (const float v : samples) {
        peak = std::max(peak, std::fabs(static_cast<double>(v) - mean));
    }
    return peak > 0.0 ? std::max(std::ilogb(peak) + 1, least_exponent) : 0;
}

// Frame t is under the short window: the hop before t * hop and the one after, as far as they lie within the clip.
std::vector<unsigned char> sounding_frames(std::span<const float> clip, std::size_t frames) {
    static_assert(short_window == 2 * hop);
    std::vector<unsigned char> sounding(frames);
    ValueRange before;
    for (std::size_t t = 0; t < frames; ++t) {
        const std::size_t first = std::min(t * hop, clip.size());
        ValueRange after;
        after.add(clip.subspan(first, std::min(hop, clip.size() - first)));
        sounding[t] = std::max(before.highest, after.highest) - std::min(before.lowest, after.lowest) > least_range ? 1 : 0;
        before = after;
    }
    return sounding;
}

EMOTION_CLONES void level_kernel(const float* power, std::size_t bins, float* out) {
    constexpr float decibels = 4.34294482F;  // 10 / ln 10
    for (std::size_t k = 0; k < bins; ++k) {
        store(out + k * lanes, log_lane(load(power + k * lanes) + power_floor) * decibels);
    }
}

// x: ln of each value and the floor.
EMOTION_CLONES void log_kernel(std::span<float> x, float floor) {
    std::size_t i = 0;
    for (; i + lanes <= x.size(); i += lanes) {
        store(&x[i], log_lane(load(&x[i]) + floor));
    }
    std::array<float, lanes> rest{};
    const std::size_t left = x.size() - i;
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(i), left, rest.begin());
    store(rest.data(), log_lane(load(rest.data()) + floor));
    std::copy_n(rest.begin(), left, x.begin() + static_cast<std::ptrdiff_t>(i));
}

// The window in the middle of `size` points, scaled so that a full-scale sine has magnitude 1.
std::vector<float> padded_window(std::size_t length, std::size_t size, double (*shape)(double)) {
    std::vector<float> window(size, 0.0F);
    double sum = 0;
    for (const bool scaling : {false, true}) {
        for (std::size_t i = 0; i < length; ++i) {
            const double value = shape((static_cast<double>(i) + 0.5) / static_cast<double>(length) * 2.0 - 1.0);
            if (scaling) {
                window[(size - length) / 2 + i] = static_cast<float>(2.0 * value / sum);
            } else {
                sum += value;
            }
        }
    }
    return window;
}
double hamming(double x) { return 0.54 + 0.46 * std::cos(std::numbers::pi * x); }
double gaussian(double x) { return std::exp(-0.5 * (x / 0.4) * (x / 0.4)); }

// Hermansky, J. Acoust. Soc. Am. 87, 1990, the equal-loudness curve with the term for wide bands, but for a constant factor: sensitivity of hearing at about 40 phon, as a factor of power.
double equal_loudness(double hz) {
    const double w = std::pow(2.0 * std::numbers::pi * hz, 2.0);
    return (w + 56.8e6) * w * w / ((w + 6.3e6) * (w + 6.3e6) * (w + 0.38e9) * (w * w * w / 9.58e26 + 1.0));
}

class DescriptorPlan {
public:
    DescriptorPlan();
    [[nodiscard]] static const DescriptorPlan& get() {
        static const DescriptorPlan plan;
        return plan;
    }
    // signal: frame t is centred on signal[t * hop + long_size / 2]; readable for eight frames beyond the last. The clip is 2^exponent times as loud.
    void spectral_rows(const float* signal, int exponent, Matrix<float>& rows, const StopToken& stop) const;
    void voiced_rows(const float* signal, const VoiceTrack& voice, Matrix<float>& rows, const StopToken& stop) const;

private:
    struct Workspace;
    void find_resonances(const float* signal, const VoiceTrack& voice, Workspace& work) const;
    void add_loudness(double gain, Matrix<float>& rows) const;

    std::shared_ptr<const RealFft> short_fft_ = RealFft::get(short_size), long_fft_ = RealFft::get(long_size);
    std::vector<float> short_window_ = padded_window(short_window, short_size, hamming);
    std::vector<float> long_window_ = padded_window(long_window, long_size, gaussian);
    MelFilterbank mel_{{.sample_rate_hz = descriptor_rate_hz, .n_fft = short_size, .n_mels = row::n_bands, .fmin = 20.0, .fmax = 8000.0, .htk = true, .slaney_norm = false}};
    SpectralBalance balance_{descriptor_rate_hz, short_size};
    SpectralShape shape_{descriptor_rate_hz, short_size};
    Matrix<float> cepstrum_{row::n_mfcc, row::n_bands};
    std::array<double, row::n_bands> loudness_weights_{};  // natural logarithm, times the exponent
    std::array<double, row::n_bands> bark_{};              // of the centres of the bands
};

DescriptorPlan::DescriptorPlan() {
    const auto dct = dct_matrix(row::n_mfcc + 1, row::n_bands, 2, DctNorm::ortho);
    const auto mel_of = [](double hz) { return 2595.0 * std::log10(1.0 + hz / 700.0); };
    for (std::size_t i = 0; i < row::n_mfcc; ++i) {
        const double lift = 1.0 + lifter / 2.0 * std::sin(std::numbers::pi * static_cast<double>(i + 1) / lifter);
        for (std::size_t b = 0; b < row::n_bands; ++b) {
            cepstrum_(i, b) = static_cast<float>(lift * static_cast<double>((*dct)(i + 1, b)));
        }
    }
    for (std::size_t b = 0; b < row::n_bands; ++b) {
        const double mel = mel_of(20.0) + (mel_of(8000.0) - mel_of(20.0)) * static_cast<double>(b + 1) / static_cast<double>(row::n_bands + 1);
        const double hz = 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
        loudness_weights_[b] = loudness_exponent * std::log(equal_loudness(hz));
        bark_[b] = 26.81 * hz / (1960.0 + hz) - 0.53;  // Traunmueller 1990
    }
}

void DescriptorPlan::spectral_rows(const float* signal, int exponent, Matrix<float>& rows, const StopToken& stop) const {
    constexpr std::size_t bins = short_size / 2 + 1;
    Scratch power(bins * lanes), scratch(short_fft_->scratch_size());
    std::array<float, row::n_bands * lanes> bands;
    SpectralBalance::Memory memory;
    BalanceBlock balance;
    std::array<float, row::n_shape * lanes> shape;
    for (std::size_t first = 0; first < rows.cols; first += lanes) {
        stop.check();
        const std::size_t count = std::min(lanes, rows.cols - first);
        const auto put = [&](std::size_t index, const float* eight) { std::copy_n(eight, count, &rows(index, first)); };
        short_fft_->power(signal + first * hop + (long_size - short_size) / 2, hop, short_window_.data(), power.data(), scratch.data());
        mel_.apply_block(power.data(), lanes, bands.data(), lanes);
        for (std::size_t b = 0; b < row::n_bands; ++b) {
            put(row::band + b, &bands[b * lanes]);
        }
        balance_.apply(power.data(), memory, balance);
        put(row::alpha_ratio, balance.alpha_ratio);
        put(row::hammarberg, balance.hammarberg_index);
        put(row::slope_low, balance.slope_low);
        put(row::slope_middle, balance.slope_middle);
        put(row::flux, balance.flux);
        if (rows.rows == row::wide_count) {
            shape_.apply(power.data(), shape.data());
            for (std::size_t i = 0; i < row::n_shape; ++i) {
                put(row::shape + i, &shape[i * lanes]);
            }
        }
    }
    const std::span<float> energies(rows.values.data() + row::band * rows.cols, row::n_bands * rows.cols);
    log_kernel(energies, std::max(power_floor, band_range * *std::ranges::max_element(energies)));
    multiply(cepstrum_.view(), {rows.values.data() + row::band * rows.cols, row::n_bands, rows.cols},
             {rows.values.data() + row::mfcc * rows.cols, row::n_mfcc, rows.cols});
    const double gain = 2.0 * std::numbers::ln2 * static_cast<double>(exponent);  // natural logarithm of power
    const auto raise = [](std::span<float> x, double by) { std::ranges::for_each(x, [by](float& v) { v += static_cast<float>(by); }); };
    add_loudness(gain, rows);
    raise(energies, gain);
    if (rows.rows == row::wide_count) {
        raise(rows.row(row::shape + SpectralShape::energy), 10.0 / std::numbers::ln10 * gain);
    }
}

// sum over the bands of (sensitivity * energy)^0.33, and the mean of Bark under it, in pieces that fit the stack. gain: logarithm, of the power.
void DescriptorPlan::add_loudness(double gain, Matrix<float>& rows) const {
    constexpr std::size_t piece = 64;
    const double factor = std::exp(loudness_exponent * gain);
    std::array<double, piece> values, sum, place;
    for (std::size_t first = 0; first < rows.cols; first += piece) {
        const std::size_t n = std::min(piece, rows.cols - first);
        sum.fill(0.0);
        place.fill(0.0);
        for (std::size_t b = 0; b < row::n_bands; ++b) {
            const float* log_energy = &rows(row::band + b, first);
            for (std::size_t i = 0; i < n; ++i) {
                values[i] = loudness_exponent * static_cast<double>(log_energy[i]) + loudness_weights_[b];
            }
            exponentials(values.data(), n, values.data());
            for (std::size_t i = 0; i < n; ++i) {
                sum[i] += values[i];
                place[i] += values[i] * bark_[b];
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            rows(row::loudness, first + i) = static_cast<float>(factor * sum[i]);
            if (rows.rows == row::wide_count) {
                rows(row::sharpness, first + i) = static_cast<float>(place[i] / sum[i]);
            }
        }
    }
}

// Voiced frames, whole stretches side by side, so that blocks of eight are full but for the last.
struct DescriptorPlan::Workspace {
    std::vector<std::size_t> frames;
    std::vector<Harmonic> harmonics;
    std::vector<std::size_t> begin;  // of a frame's harmonics; one more for the end
    std::vector<Resonances> resonances;
    std::vector<Formants> formants;

    void clear() {
        frames.clear();
        harmonics.clear();
        begin.assign(1, 0);
    }
    [[nodiscard]] std::span<const Harmonic> harmonics_of(std::size_t i) const { return {&harmonics[begin[i]], begin[i + 1] - begin[i]}; }
};

// Harmonics and resonances of the frames at work.
void DescriptorPlan::find_resonances(const float* signal, const VoiceTrack& voice, Workspace& work) const {
    constexpr double bin_hz = static_cast<double>(descriptor_rate_hz) / static_cast<double>(long_size);
    const FormantModel& model = FormantModel::get();
    const std::size_t n = work.frames.size();
    Scratch power(long_fft_->bins() * lanes), level(level_bins * lanes), scratch(long_fft_->scratch_size()), gathered(lanes * long_size);
    std::array<double, (FormantModel::order + 1) * lanes> correlations{};
    std::array<float, FormantModel::order * lanes> predictors;
    std::array<Harmonic, most_harmonics> harmonics;
    work.resonances.resize(n);
    for (std::size_t start = 0; start < n; start += lanes) {
        const std::size_t count = std::min(lanes, n - start), first = work.frames[start];
        if (work.frames[start + count - 1] == first + count - 1) {
            long_fft_->power(signal + first * hop, hop, long_window_.data(), power.data(), scratch.data());
        } else {
            for (std::size_t l = 0; l < lanes; ++l) {
                std::copy_n(signal + work.frames[start + std::min(l, count - 1)] * hop, long_size, gathered.data() + l * long_size);
            }
            long_fft_->power(gathered.data(), long_size, long_window_.data(), power.data(), scratch.data());
        }
        level_kernel(power.data(), level_bins, level.data());
        for (std::size_t l = 0; l < count; ++l) {
            const auto f0 = static_cast<double>(voice.f0_hz[work.frames[start + l]]);
            const std::size_t found = find_harmonics(level.data() + l, lanes, level_bins, bin_hz, f0, FormantModel::top_hz, harmonics);
            model.correlate({harmonics.data(), found}, correlations.data() + l, lanes);
            work.harmonics.insert(work.harmonics.end(), harmonics.begin(), harmonics.begin() + static_cast<std::ptrdiff_t>(found));
            work.begin.push_back(work.harmonics.size());
        }
        FormantModel::predict(correlations.data(), predictors.data());
        model.resonances(predictors.data(), {&work.resonances[start], count});
    }
}

void put_formants(std::span<const Harmonic> harmonics, const Formants& formants, std::size_t t, Matrix<float>& rows) {
    const float h1 = harmonics[0].level_db;
    const auto nearest = [&](float hz) {
        return std::ranges::min_element(harmonics, {}, [hz](const Harmonic& h) { return std::fabs(h.frequency_hz - hz); })->level_db;
    };
    for (std::size_t i = 0; i < row::n_formants; ++i) {
        rows(row::formant + 3 * i, t) = formants.frequency_hz[i];
        rows(row::formant + 3 * i + 1, t) = formants.bandwidth_hz[i];
        rows(row::formant + 3 * i + 2, t) = nearest(formants.frequency_hz[i]) - h1;
    }
    float a3 = nearest(formants.frequency_hz[2]);
    for (const Harmonic& h : harmonics) {
        if (h.frequency_hz >= 0.8F * formants.frequency_hz[2] && h.frequency_hz <= 1.2F * formants.frequency_hz[2]) {
            a3 = std::max(a3, h.level_db);
        }
    }
    rows(row::h1_h2, t) = h1 - harmonics[std::min<std::size_t>(1, harmonics.size() - 1)].level_db;
    rows(row::h1_a3, t) = h1 - a3;
}

void DescriptorPlan::voiced_rows(const float* signal, const VoiceTrack& voice, Matrix<float>& rows, const StopToken& stop) const {
    const std::size_t frames = rows.cols;
    std::vector<std::pair<std::size_t, std::size_t>> stretches;
    for (std::size_t t = 0; t < frames; ++t) {
        if (voice.f0_hz[t] > 0.0F) {
            rows(row::f0, t) = static_cast<float>(std::max(lowest_semitone, 12.0 * std::log2(static_cast<double>(voice.f0_hz[t]) / 27.5)));
            rows(row::jitter, t) = voice.jitter[t];
            rows(row::shimmer, t) = voice.shimmer_db[t];
            rows(row::hnr, t) = voice.hnr_db[t];
            if (stretches.empty() || stretches.back().second != t || t - stretches.back().first == longest_stretch) {
                stretches.emplace_back(t, t);
            }
            stretches.back().second = t + 1;
        }
    }
    Workspace work;
    for (std::size_t s = 0; s < stretches.size();) {
        stop.check();
        work.clear();
        std::size_t end = s;
        for (; end < stretches.size() && work.frames.size() + stretches[end].second - stretches[end].first <= longest_stretch; ++end) {
            for (std::size_t t = stretches[end].first; t < stretches[end].second; ++t) {
                work.frames.push_back(t);
            }
        }
        find_resonances(signal, voice, work);
        work.formants.resize(work.frames.size());
        for (std::size_t i = 0; s < end; ++s) {
            const std::size_t n = stretches[s].second - stretches[s].first;
            track_formants({&work.resonances[i], n}, {&work.formants[i], n});
            for (const std::size_t last = i + n; i < last; ++i) {
                put_formants(work.harmonics_of(i), work.formants[i], work.frames[i], rows);
            }
        }
    }
}

// The mean of a row's frame with its neighbours that count; 0 in frames that do not.
void smooth(std::span<float> x, const std::vector<unsigned char>* counts) {
    float before = 0.0F;
    bool before_counts = false;
    for (std::size_t t = 0; t < x.size(); ++t) {
        const float here = x[t];
        const bool counted = counts == nullptr || (*counts)[t] != 0;
        if (counted) {
            float sum = here;
            int n = 1;
            if (before_counts) {
                sum += before;
                ++n;
            }
            if (t + 1 < x.size() && (counts == nullptr || (*counts)[t + 1] != 0)) {
                sum += x[t + 1];
                ++n;
            }
            x[t] = sum / static_cast<float>(n);
        } else {
            x[t] = 0.0F;
        }
        before = here;
        before_counts = counted;
    }
}

}  // namespace

const std::vector<unsigned char>* Descriptors::marks_of(std::size_t r) const {
    if (r < row::voiced_rows) {
        return &voiced;
    }
    if (r == row::flux) {
        return &flowing;
    }
    const bool balance = r >= row::alpha_ratio && r <= row::slope_middle, shape = r > row::shape + SpectralShape::energy && r < row::sharpness;
    return balance || shape ? &sounding : nullptr;
}

Descriptors voice_descriptors(std::span<const float> samples, int sample_rate_hz, bool wide, const StopToken& stop) {
    if (samples.empty()) {
        throw InvalidInputError("samples", "descriptors", "at least one sample", "none");
    }
    std::vector<float> resampled;
    Descriptors result;
    result.duration_s = static_cast<double>(samples.size()) / static_cast<double>(sample_rate_hz);
    if (sample_rate_hz != descriptor_rate_hz) {
        const auto plan = Resampler::get(sample_rate_hz, descriptor_rate_hz);
        resampled.resize(plan->output_size(samples.size()));
        plan->apply(samples, resampled, stop);
        samples = resampled;
    }
    double sum = 0;
    for (const float v : samples) {
        sum += static_cast<double>(v);
    }
    const double mean = sum / static_cast<double>(samples.size());
    const std::size_t frames = 1 + samples.size() / hop, before = long_size / 2;
    Scratch signal(std::max((frames + lanes) * hop + long_size, before + samples.size()));
    std::fill_n(signal.data(), before, 0.0F);
    const int exponent = exponent_of_peak(samples, mean);
    const double unit = std::ldexp(1.0, -exponent);
    double squares = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double v = static_cast<double>(samples[i]) - mean;
        squares += v * v;
        signal[before + i] = static_cast<float>(v * unit);
    }
    std::fill(signal.data() + before + samples.size(), signal.data() + signal.size(), 0.0F);
    result.mean_square = squares / static_cast<double>(samples.size());
    result.rows = Matrix<float>(wide ? row::wide_count : row::count, frames);

    const VoiceTrack voice = track_voice({signal.data() + before, samples.size()}, frames, stop);
    const DescriptorPlan& plan = DescriptorPlan::get();
    plan.spectral_rows(signal.data(), exponent, result.rows, stop);
    plan.voiced_rows(signal.data(), voice, result.rows, stop);
    result.sounding = sounding_frames({signal.data() + before, samples.size()}, frames);
    result.voiced.resize(frames);
    result.flowing.resize(frames);
    for (std::size_t t = 0; t < frames; ++t) {
        result.voiced[t] = voice.f0_hz[t] > 0.0F ? 1 : 0;
        result.flowing[t] = t > 0 && result.sounding[t - 1] != 0 ? result.sounding[t] : 0;
    }
    if (wide) {
        zero_crossing_rate({signal.data() + before, samples.size()}, short_window, hop, true, 0.0F, result.rows.row(row::crossings));
    }
    for (std::size_t r = 0; r < result.rows.rows; ++r) {
        smooth(result.rows.row(r), result.marks_of(r));
    }
    return result;
}

const std::vector<NamedRow>& egemaps_descriptors() {
    static const std::vector<NamedRow> names{
        {"F0semitoneFrom27.5Hz", row::f0},  {"loudness", row::loudness},
        {"spectralFlux", row::flux},        {"mfcc1", row::mfcc},
        {"mfcc2", row::mfcc + 1},           {"mfcc3", row::mfcc + 2},
        {"mfcc4", row::mfcc + 3},           {"jitterLocal", row::jitter},
        {"shimmerLocaldB", row::shimmer},   {"HNRdBACF", row::hnr},
        {"logRelF0-H1-H2", row::h1_h2},     {"logRelF0-H1-A3", row::h1_a3},
        {"F1frequency", row::formant},      {"F1bandwidth", row::formant + 1},
        {"F1amplitudeLogRelF0", row::formant + 2},
        {"F2frequency", row::formant + 3},  {"F2bandwidth", row::formant + 4},
        {"F2amplitudeLogRelF0", row::formant + 5},
        {"F3frequency", row::formant + 6},  {"F3bandwidth", row::formant + 7},
        {"F3amplitudeLogRelF0", row::formant + 8},
        {"alphaRatio", row::alpha_ratio},   {"hammarbergIndex", row::hammarberg},
        {"slope0-500", row::slope_low},     {"slope500-1500", row::slope_middle},
    };
    return names;
}

std::vector<std::string> wide_descriptor_names() {
    std::vector<std::string> names(row::wide_count);
    for (const NamedRow& named : egemaps_descriptors()) {
        names[named.row] = named.name;
    }
    const auto numbered = [&](std::size_t first, std::size_t n, const std::string& name) {
        for (std::size_t i = 0; i < n; ++i) {
            names[first + i] = name + std::to_string(i + 1);
        }
    };
    numbered(row::mfcc, row::n_mfcc, "mfcc");
    numbered(row::band, row::n_bands, "melBand");
    std::copy_n(SpectralShape::names, row::n_shape, names.begin() + row::shape);
    names[row::sharpness] = "sharpness";
    names[row::crossings] = "zero_crossing_rate";
    return names;
}

}  // namespace emotion::audio
