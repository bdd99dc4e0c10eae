#include "emotion/audio/functionals.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>

#include "emotion/audio/chroma.hpp"
#include "emotion/audio/descriptors.hpp"
#include "emotion/audio/egemaps.hpp"
#include "emotion/audio/full.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/resample.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/audio/stft.hpp"
#include "emotion/audio/temporal.hpp"
#include "emotion/core/errors.hpp"
#include "plan_cache.hpp"
#include "row_statistics.hpp"
#include "scratch.hpp"
#include "spectral_block.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t n_fft = 2048, hop_length = 512;
constexpr std::size_t n_mfcc = 40, n_mels = 128, n_chroma = 12, n_contrast = 7;
constexpr std::size_t delta_width = 9;
constexpr std::size_t tuning_cells = 100;
constexpr std::size_t kept_frames = 2048;  // up to here the power spectra are kept (8 MB); longer clips are transformed a second time

// The rows of the matrix of frame features, in the order of the columns of the vector.
enum Row : std::size_t {
    row_mfcc = 0,
    row_delta = row_mfcc + n_mfcc,
    row_delta2 = row_delta + n_mfcc,
    row_mel = row_delta2 + n_mfcc,
    row_chroma = row_mel + n_mels,
    row_contrast = row_chroma + n_chroma,
    row_centroid = row_contrast + n_contrast,
    row_bandwidth,
    row_rolloff,
    row_flatness,
    row_zcr,
    row_rms,
    row_tonnetz,
    row_count = row_tonnetz + tonnetz_rows,
};
constexpr std::array<const char*, 4> statistics{"mean", "std", "min", "max"};

MatrixView<float> rows_of(Matrix<float>& m, std::size_t first, std::size_t count) { return {m.values.data() + first * m.cols, count, m.cols}; }

// Everything that depends on the sampling rate alone.
class ClassicPlan {
public:
    explicit ClassicPlan(int sample_rate_hz);
    [[nodiscard]] static std::shared_ptr<const ClassicPlan> get(int sample_rate_hz);
    [[nodiscard]] Matrix<float> frame_features(std::span<const float> samples, const StopToken& stop) const;

private:
    void block_features(const float* power, std::size_t first, std::size_t count, float* magnitude, Matrix<float>& rows, Matrix<float>& valley) const;
    void add_chroma(std::span<const float> samples, const Scratch& kept, double tuning, Matrix<float>& rows, const StopToken& stop) const;
    void add_cepstrum(Matrix<float>& rows) const;
    const Matrix<float>& chroma_weights(double tuning) const;

    int sample_rate_hz_;
    Stft stft_;
    MelFilterbank mel_;
    std::shared_ptr<const Matrix<float>> dct_;
    std::vector<float> frequencies_;
    std::vector<ContrastBand> bands_;
    mutable std::mutex chroma_mutex_;  // guards the filling of the cells; a filled cell never changes
    mutable std::array<std::unique_ptr<const Matrix<float>>, tuning_cells + 1> chroma_;
};

// librosa's 200 Hz wherever its bands are possible; below, six octaves must fit under the Nyquist frequency, and above 192 kHz the lowest band
// must hold a bin: there a fixed share of the rate.
double contrast_fmin(int sample_rate_hz) { return sample_rate_hz > 12'800 ? std::max(200.0, sample_rate_hz / 960.0) : sample_rate_hz / 80.0; }

ClassicPlan::ClassicPlan(int sample_rate_hz)
    : sample_rate_hz_(sample_rate_hz),
      stft_(hann_window(n_fft), hop_length, true),
      mel_({.sample_rate_hz = static_cast<double>(sample_rate_hz), .n_fft = n_fft, .n_mels = n_mels}),
      dct_(dct_matrix(n_mfcc, n_mels, 2, DctNorm::ortho)),
      bands_(contrast_bands(sample_rate_hz, n_fft, contrast_fmin(sample_rate_hz), n_contrast - 1, 0.02)) {
    for (const double f : fft_frequencies(sample_rate_hz, n_fft)) {
        frequencies_.push_back(static_cast<float>(f));
    }
}

std::shared_ptr<const ClassicPlan> ClassicPlan::get(int sample_rate_hz) {
    static PlanCache<int, ClassicPlan> cache(8);
    return cache.get(sample_rate_hz, [&] { return std::make_shared<const ClassicPlan>(sample_rate_hz); });
}

const Matrix<float>& ClassicPlan::chroma_weights(double tuning) const {
    const auto cell = static_cast<std::size_t>(std::lround((tuning + 0.5) * static_cast<double>(tuning_cells)));
    const std::lock_guard lock(chroma_mutex_);
    if (!chroma_[cell]) {
        chroma_[cell] = std::make_unique<const Matrix<float>>(
            chroma_filterbank({.sample_rate_hz = static_cast<double>(sample_rate_hz_), .n_fft = n_fft, .n_chroma = n_chroma, .tuning = tuning}));
    }
    return *chroma_[cell];
}

// Columns first … first + count of everything that needs this frame's spectrum alone. Contrast rows get the peaks, `valley` the valleys.
void ClassicPlan::block_features(const float* power, std::size_t first, std::size_t count, float* magnitude, Matrix<float>& rows,
                                 Matrix<float>& valley) const {
    const std::size_t bins = stft_.bins();
    const Block p{power, lanes};
    const Block s{magnitude, lanes};
    std::array<float, n_mels * lanes> values;
    const auto put = [&](std::size_t row, const float* eight) { std::copy_n(eight, count, &rows(row, first)); };

    mel_.apply_block(power, lanes, values.data(), lanes);
    for (std::size_t b = 0; b < n_mels; ++b) {
        put(row_mel + b, &values[b * lanes]);
    }
    float sum[lanes], centroid[lanes], value[lanes], low[lanes];
    std::size_t bin[lanes];
    magnitude_block(power, bins, magnitude);
    sum_block(s, bins, sum);
    centroid_block(s, bins, frequencies_.data(), sum, centroid);
    put(row_centroid, centroid);
    bandwidth_block(s, bins, frequencies_.data(), sum, centroid, value);
    put(row_bandwidth, value);
    rolloff_block(s, bins, 0.85F, sum, bin);
    for (std::size_t l = 0; l < lanes; ++l) {
        value[l] = frequencies_[bin[l]];
    }
    put(row_rolloff, value);
    flatness_block(p, bins, 1e-10F, value);
    put(row_flatness, value);
    for (std::size_t b = 0; b < n_contrast; ++b) {
        contrast_block(s, bands_[b], value, low);
        put(row_contrast + b, value);
        std::copy_n(low, count, &valley(b, first));
    }
}

void ClassicPlan::add_chroma(std::span<const float> samples, const Scratch& kept, double tuning, Matrix<float>& rows,
                             const StopToken& stop) const {
    const MatrixView<const float> weights = chroma_weights(tuning).view();
    const std::size_t block_size = stft_.bins() * lanes;
    std::array<float, n_chroma * lanes> values;
    const auto fold = [&](std::size_t first, std::size_t count, const float* power) {
        multiply(weights, {power, stft_.bins(), lanes}, {values.data(), n_chroma, lanes});
        for (std::size_t c = 0; c < n_chroma; ++c) {
            std::copy_n(&values[c * lanes], count, &rows(row_chroma + c, first));
        }
    };
    if (kept.size() == 0) {
        stft_.power_blocks(samples, stop, fold);
    } else {
        for (std::size_t first = 0; first < rows.cols; first += lanes) {
            fold(first, std::min(lanes, rows.cols - first), kept.data() + first / lanes * block_size);
        }
    }
    const MatrixView<float> chroma = rows_of(rows, row_chroma, n_chroma);
    normalize_columns(chroma);
    tonnetz(chroma, rows_of(rows, row_tonnetz, tonnetz_rows), stop);
}

// Decibels, cepstrum and deltas from the mel energies. With fewer than nine frames the deltas see the first and last frame repeated.
void ClassicPlan::add_cepstrum(Matrix<float>& rows) const {
    const MatrixView<float> mel = rows_of(rows, row_mel, n_mels);
    const MatrixView<float> mfcc = rows_of(rows, row_mfcc, n_mfcc);
    power_to_db({mel.data, mel.size()}, 1e-10F, 80.0F);
    multiply(dct_->view(), {mel.data, mel.rows, mel.cols}, mfcc);
    const std::size_t frames = rows.cols;
    const std::size_t repeats = frames < delta_width ? delta_width / 2 : 0;
    Matrix<float> extended, result;
    MatrixView<const float> source{mfcc.data, mfcc.rows, mfcc.cols};
    if (repeats > 0) {
        extended = Matrix<float>(n_mfcc, frames + 2 * repeats);
        for (std::size_t r = 0; r < n_mfcc; ++r) {
            for (std::size_t t = 0; t < extended.cols; ++t) {
                extended(r, t) = mfcc(r, std::min(t < repeats ? 0 : t - repeats, frames - 1));
            }
        }
        result = Matrix<float>(n_mfcc, extended.cols);
        source = extended.view();
    }
    for (const std::size_t order : {1UL, 2UL}) {
        const MatrixView<float> target = rows_of(rows, order == 1 ? row_delta : row_delta2, n_mfcc);
        delta(source, delta_width, order, repeats > 0 ? result.view() : target);
        for (std::size_t r = 0; repeats > 0 && r < n_mfcc; ++r) {
            std::copy_n(&result(r, repeats), frames, &target(r, 0));
        }
    }
}

Matrix<float> ClassicPlan::frame_features(std::span<const float> samples, const StopToken& stop) const {
    const std::size_t frames = stft_.frames(samples.size());
    const std::size_t block_size = stft_.bins() * lanes;
    Matrix<float> rows(row_count, frames), valley(n_contrast, frames);
    Scratch kept(frames <= kept_frames ? (frames + lanes - 1) / lanes * block_size : 0), magnitude(block_size);
    TuningEstimator tuning(sample_rate_hz_, n_fft);
    stft_.power_blocks(samples, stop, [&](std::size_t first, std::size_t count, const float* power) {
        block_features(power, first, count, magnitude.data(), rows, valley);
        tuning.add_block(power, lanes, count);
        if (kept.size() > 0) {
            std::copy_n(power, block_size, &kept[first / lanes * block_size]);
        }
    });
    add_chroma(samples, kept, tuning.tuning(n_chroma), rows, stop);
    add_cepstrum(rows);
    contrast_to_db(rows_of(rows, row_contrast, n_contrast), valley.view());
    zero_crossing_rate(samples, n_fft, hop_length, true, 1e-10F, rows.row(row_zcr));
    rms(samples, n_fft, hop_length, true, rows.row(row_rms));
    return rows;
}

std::vector<std::string> make_classic_names() {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        for (const char* statistic : statistics) {
            names.push_back(name + "_" + statistic);
        }
    };
    const auto numbered = [&](const char* name, std::size_t count, int digits) {
        for (std::size_t i = 1; i <= count; ++i) {
            char text[64];
            std::snprintf(text, sizeof text, "%s_%0*zu", name, digits, i);
            add(text);
        }
    };
    numbered("mfcc", n_mfcc, 2);
    numbered("mfcc_delta", n_mfcc, 2);
    numbered("mfcc_delta2", n_mfcc, 2);
    numbered("log_mel", n_mels, 3);
    numbered("chroma", n_chroma, 2);
    numbered("spectral_contrast", n_contrast, 1);
    for (const char* name : {"spectral_centroid", "spectral_bandwidth", "spectral_rolloff", "spectral_flatness", "zero_crossing_rate", "rms"}) {
        add(name);
    }
    numbered("tonnetz", tonnetz_rows, 1);
    return names;
}

bool usable(std::span<const float> samples) {
    std::size_t bad = 0;
    for (const float v : samples) {
        bad += std::fabs(v) <= largest_sample ? 0U : 1U;  // NaN is bad
    }
    return bad == 0;
}

std::vector<float> compute(std::span<const float> samples, int sample_rate_hz, FeaturePart part, const Quality& quality, const StopToken& stop) {
    if (part == FeaturePart::quality) {
        return quality_columns(quality);
    }
    if (part != FeaturePart::classic) {
        const auto found = voice_descriptors(samples, sample_rate_hz, part == FeaturePart::full, stop);
        return part == FeaturePart::full ? full(found, stop) : egemaps(found);
    }
    const Matrix<float> rows = ClassicPlan::get(sample_rate_hz)->frame_features(samples, stop);
    std::vector<float> vector(row_count * statistics.size());
    summarize(rows.view(), vector);
    return vector;
}

// quality: measured where the set has it.
std::vector<float> compute(std::span<const float> samples, int sample_rate_hz, const FeatureSet& set, const Quality& quality, const StopToken& stop) {
    std::vector<float> all;
    for (const FeaturePart part : set.view()) {
        std::vector<float> columns = compute(samples, sample_rate_hz, part, quality, stop);
        all.insert(all.end(), columns.begin(), columns.end());
    }
    return all;
}

void check_rate(int sample_rate_hz, const char* caller) {
    if (sample_rate_hz < lowest_feature_rate_hz || sample_rate_hz > highest_rate_hz) {
        throw InvalidInputError("sample_rate_hz", caller, rate_rule(lowest_feature_rate_hz), std::to_string(sample_rate_hz));
    }
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f %%", 100.0 * share);
    return text;
}

void add_warnings(ExtractInfo& info, std::size_t samples, const ExtractOptions& options) {
    if (info.levels.clipped_ratio > most_full_scale) {
        info.warnings.push_back("full_scale: " + percent(info.levels.clipped_ratio) + " of the samples are at full scale");
    }
    if (info.header.sample_rate_hz < options.sample_rate_hz) {
        info.warnings.push_back("upsampled: the file has " + std::to_string(info.header.sample_rate_hz) + " Hz, the features expect " +
                                std::to_string(options.sample_rate_hz) + " Hz");
    }
    if (options.set.has(FeaturePart::classic) && frame_count(samples, n_fft, hop_length, true) < delta_width) {
        info.warnings.push_back("short: fewer than 9 frames, so the deltas see the first and last frame repeated");
    }
}

ExtractStatus extract_row(const Source& source, const ExtractOptions& options, std::span<float> out, const StopToken& stop) {
    ExtractStatus row;
    const auto failed = [&](const std::string& reason, const std::string& message) {
        row.status = reason;
        row.message = message;
    };
    try {
        std::ranges::copy(extract(source, options, row.info, stop), out.begin());
        return row;
    } catch (const MediaDecodeError& error) {
        failed(error.reason(), error.what());
    } catch (const std::bad_alloc&) {
        failed("too_long", source.name() + " needs more memory than there is");
    }
    std::ranges::fill(out, std::numeric_limits<float>::quiet_NaN());
    return row;
}

}  // namespace

const std::vector<std::string>& classic_names() {
    static const std::vector<std::string> names = make_classic_names();
    return names;
}

std::vector<float> functionals(std::span<const float> samples, int sample_rate_hz, const FeatureSet& set, const StopToken& stop) {
    check_rate(sample_rate_hz, "functionals");
    if (!usable(samples)) {
        throw InvalidInputError("samples", "functionals", "finite and within -1e9 to 1e9", "a value that is not");
    }
    return resampled_functionals(samples, sample_rate_hz, set, stop);
}

std::vector<float> resampled_functionals(std::span<const float> samples, int sample_rate_hz, const FeatureSet& set, const StopToken& stop) {
    check_rate(sample_rate_hz, "functionals");
    if (samples.empty()) {
        throw InvalidInputError("samples", "functionals", "at least one sample", "none");
    }
    return compute(samples, sample_rate_hz, set, set.has(FeaturePart::quality) ? measure_quality(samples, sample_rate_hz, stop) : Quality{}, stop);
}

std::vector<float> extract(const Source& source, const ExtractOptions& options, ExtractInfo& info, const StopToken& stop) {
    check_rate(options.sample_rate_hz, "extract");
    const bool wants_quality = options.quality || options.set.has(FeaturePart::quality);
    DecodeOptions part = options.decode;
    part.flat_tops = wants_quality;
    DecodedAudio decoded = decode(source, part, stop);
    info.header = decoded.header;
    info.levels = decoded.levels;
    if (decoded.levels.non_finite) {
        throw MediaDecodeError("non_finite", source.name() + " holds NaN or infinite samples, or some beyond 1e9");
    }
    if (decoded.levels.silent) {
        throw MediaDecodeError("silent", source.name() + " is silent: no sample above -80 dB of full scale");
    }
    const auto judge = [&](std::span<const float> x, int rate_hz) {
        if (!info.quality && rate_hz >= lowest_quality_rate_hz && wants_quality) {
            info.quality = measure_quality(x, rate_hz, stop);
            info.quality->clipped_ratio = std::max(info.quality->clipped_ratio, decoded.levels.flat_ratio);  // what mixing down hides stays clipped
        }
    };
    judge(decoded.samples, decoded.header.sample_rate_hz);
    const std::vector<float> samples = resampled(std::move(decoded.samples), decoded.header.sample_rate_hz, options.sample_rate_hz, stop);
    if (samples.size() < n_fft) {
        throw MediaDecodeError("too_short", source.name() + " has " + std::to_string(samples.size()) + " samples at " +
                                                std::to_string(options.sample_rate_hz) + " Hz; at least " + std::to_string(n_fft) + " are needed");
    }
    judge(samples, options.sample_rate_hz);
    if (!info.quality && options.set.has(FeaturePart::quality)) {
        throw MediaDecodeError("unsupported_format", source.name() + " has " + std::to_string(decoded.header.sample_rate_hz) +
                                                         " Hz; its quality can be measured from 1000 Hz on");
    }
    add_warnings(info, samples.size(), options);
    return compute(samples, options.sample_rate_hz, options.set, info.quality.value_or(Quality{}), stop);
}

std::vector<float> extract(const Source& source, const ExtractOptions& options, ExtractInfo& info) {
    return extract(source, options, info, StopToken{});
}

std::vector<ExtractStatus> extract_batch(std::span<const Source> sources, std::span<const double> starts_s, std::span<const double> ends_s,
                                         const ExtractOptions& options, MatrixView<float> out, Parallel& parallel, StopToken& stop) {
    check_rate(options.sample_rate_hz, "extract_batch");
    if ((!starts_s.empty() && starts_s.size() != sources.size()) || (!ends_s.empty() && ends_s.size() != sources.size())) {
        throw InvalidInputError("starts and ends", "extract_batch", "one each a source (" + std::to_string(sources.size()) + ")",
                                std::to_string(starts_s.size()) + " and " + std::to_string(ends_s.size()));
    }
    std::vector<DecodeOptions> parts(sources.size(), options.decode);
    for (std::size_t i = 0; i < sources.size(); ++i) {
        parts[i].start_s = starts_s.empty() || std::isnan(starts_s[i]) ? 0.0 : starts_s[i];
        parts[i].end_s = ends_s.empty() ? std::numeric_limits<double>::quiet_NaN() : ends_s[i];
        check_times(parts[i].start_s, parts[i].end_s, "extract_batch", " for " + sources[i].name());
    }
    std::vector<ExtractStatus> result(sources.size());
    parallel.each(sources.size(), [&](std::size_t i) {
        stop.check();
        ExtractOptions own = options;
        own.decode = parts[i];
        result[i] = extract_row(sources[i], own, out.row(i), stop);
        stop.advance();
    });
    return result;
}

}  // namespace emotion::audio
