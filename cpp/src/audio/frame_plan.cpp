#include "emotion/audio/frame_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <span>
#include <utility>

#include "emotion/audio/temporal.hpp"
#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "scratch.hpp"
#include "spectral_block.hpp"

namespace emotion::audio {
namespace {

// The defaults of the functions of the same names.
constexpr float amin = 1e-10F, roll_percent = 0.85F, zero_threshold = 1e-10F;
constexpr std::size_t n_chroma = 12, contrast_octaves = 6;
constexpr double contrast_fmin = 200.0, contrast_quantile = 0.02;

bool needs_mel(FrameDescriptor d) { return d == FrameDescriptor::melspectrogram || d == FrameDescriptor::log_mel || d == FrameDescriptor::mfcc; }
bool needs_chroma(FrameDescriptor d) { return d == FrameDescriptor::chroma_stft || d == FrameDescriptor::tonnetz; }
bool needs_spectrum(FrameDescriptor d) { return d != FrameDescriptor::zero_crossing_rate && d != FrameDescriptor::rms; }

}  // namespace

FrameDescriptor frame_descriptor_of(std::string_view name, std::string_view caller) {
    const auto at = std::ranges::find(frame_descriptor_names, name);
    if (at == frame_descriptor_names.end()) {
        std::string known;
        for (const char* one : frame_descriptor_names) {
            known += (known.empty() ? "" : ", ") + std::string(one);
        }
        throw InvalidInputError("descriptors", caller, "names among " + known, std::string("'").append(name).append("'"));
    }
    return static_cast<FrameDescriptor>(at - frame_descriptor_names.begin());
}

FramePlan::FramePlan(FrameOptions options) : options_(std::move(options)), fft_(RealFft::get(options_.window.size())) {
    constexpr const char* caller = "FeatureStream";
    if (options_.hop_length < 1 || options_.hop_length > RealFft::max_size) {
        throw InvalidInputError("hop_length", caller, "between 1 and 1048576", std::to_string(options_.hop_length));
    }
    if (options_.descriptors.empty()) {
        throw InvalidInputError("descriptors", caller, "at least one name", "none");
    }
    for (const double f : fft_frequencies(options_.sample_rate_hz, n_fft())) {
        frequencies_.push_back(static_cast<float>(f));
    }
    for (const FrameDescriptor d : options_.descriptors) {
        if (std::ranges::count(options_.descriptors, d) > 1) {
            throw InvalidInputError("descriptors", caller, "different names", std::string(frame_descriptor_names[static_cast<std::size_t>(d)]) + " twice");
        }
        transformed_ = transformed_ || needs_spectrum(d);
        if (needs_mel(d) && (!options_.mel || options_.mel->bins() != fft_->bins())) {
            throw InvalidInputError("mel", caller, "a filterbank of " + std::to_string(fft_->bins()) + " bins",
                                    options_.mel ? std::to_string(options_.mel->bins()) : "none");
        }
        if (d == FrameDescriptor::mfcc) {
            dct_ = dct_matrix(std::min(options_.n_mfcc, options_.mel->size()), options_.mel->size(), 2, DctNorm::ortho);
        } else if (needs_chroma(d) && chroma_.rows == 0) {
            chroma_ = chroma_filterbank({.sample_rate_hz = options_.sample_rate_hz, .n_fft = n_fft(), .n_chroma = n_chroma, .tuning = options_.tuning});
        } else if (d == FrameDescriptor::spectral_contrast) {
            bands_ = contrast_bands(options_.sample_rate_hz, n_fft(), contrast_fmin, contrast_octaves, contrast_quantile);
        }
        rows_.push_back(names_.size());
        add_names(d);
    }
}

void FramePlan::add_names(FrameDescriptor d) {
    const auto numbered = [&](const char* name, std::size_t count, int digits) {
        for (std::size_t i = 1; i <= count; ++i) {
            char text[64];
            std::snprintf(text, sizeof text, "%s_%0*zu", name, digits, i);
            names_.emplace_back(text);
        }
    };
    switch (d) {
        case FrameDescriptor::melspectrogram: numbered("mel", options_.mel->size(), 3); break;
        case FrameDescriptor::log_mel: numbered("log_mel", options_.mel->size(), 3); break;
        case FrameDescriptor::mfcc: numbered("mfcc", dct_->rows, 2); break;
        case FrameDescriptor::chroma_stft: numbered("chroma", n_chroma, 2); break;
        case FrameDescriptor::tonnetz: numbered("tonnetz", tonnetz_rows, 1); break;
        case FrameDescriptor::spectral_contrast: numbered("spectral_contrast", bands_.size(), 1); break;
        default: names_.emplace_back(frame_descriptor_names[static_cast<std::size_t>(d)]);
    }
}

std::size_t FramePlan::settled(std::size_t n) const noexcept {
    const std::size_t known = lead() + n;
    return known < n_fft() ? 0 : 1 + (known - n_fft()) / options_.hop_length;
}

std::size_t FramePlan::frames(std::size_t n) const noexcept {
    return n == 0 ? 0 : frame_count(n, n_fft(), options_.hop_length, options_.center);
}

// What several descriptors share, computed when the first asks for it.
struct FramePlan::Spectrum {
    explicit Spectrum(const FramePlan& plan)
        : power(plan.transformed_ ? plan.fft_->bins() * lanes : 0),
          magnitudes(power.size()),
          bands(plan.options_.mel ? plan.options_.mel->size() * lanes : 0),
          classes(plan.chroma_.rows * lanes) {}
    Scratch power, magnitudes, bands, classes;
    std::array<float, lanes> sum{}, centroid{};
    bool has_magnitudes = false, has_centroid = false, has_bands = false, has_classes = false;

    Block magnitude(std::size_t bins) {
        if (!has_magnitudes) {
            magnitude_block(power.data(), bins, magnitudes.data());
            sum_block({magnitudes.data(), lanes}, bins, sum.data());
            has_magnitudes = true;
        }
        return {magnitudes.data(), lanes};
    }
    const float* middle(std::size_t bins, const float* frequencies) {
        const Block s = magnitude(bins);
        if (!has_centroid) {
            centroid_block(s, bins, frequencies, sum.data(), centroid.data());
            has_centroid = true;
        }
        return centroid.data();
    }
    const float* mel(const MelFilterbank& bank) {
        if (!has_bands) {
            bank.apply_block(power.data(), lanes, bands.data(), lanes);
            has_bands = true;
        }
        return bands.data();
    }
    MatrixView<const float> chroma(const Matrix<float>& weights) {
        const MatrixView<float> view{classes.data(), weights.rows, lanes};
        if (!has_classes) {
            multiply(weights.view(), {power.data(), weights.cols, lanes}, view);
            normalize_columns(view);
            has_classes = true;
        }
        return view;
    }
};

void FramePlan::compute(const float* signal, std::size_t first, std::size_t count, std::size_t total, MatrixView<float> out, std::size_t column) const {
    Spectrum spectrum(*this);
    Scratch values(names_.size() * lanes);
    if (transformed_) {
        Scratch work(fft_->scratch_size());
        fft_->power(signal, options_.hop_length, options_.window.data(), spectrum.power.data(), work.data());
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        float* const block = values.data() + rows_[i] * lanes;
        const FrameDescriptor d = options_.descriptors[i];
        if (needs_spectrum(d)) {
            put(d, spectrum, block);
            continue;
        }
        for (std::size_t l = 0; l < count; ++l) {
            block[l] = temporal(d, signal + l * options_.hop_length, first + l, total);
        }
    }
    for (std::size_t r = 0; r < names_.size(); ++r) {
        std::copy_n(values.data() + r * lanes, count, &out(r, column));
    }
}

void FramePlan::put(FrameDescriptor d, Spectrum& spectrum, float* values) const {
    const std::size_t bins = fft_->bins();
    const Block power{spectrum.power.data(), lanes};
    switch (d) {
        case FrameDescriptor::melspectrogram:
            std::copy_n(spectrum.mel(*options_.mel), options_.mel->size() * lanes, values);
            break;
        case FrameDescriptor::log_mel:
            std::copy_n(spectrum.mel(*options_.mel), options_.mel->size() * lanes, values);
            power_to_db({values, options_.mel->size() * lanes}, amin, -1.0F);
            break;
        case FrameDescriptor::mfcc: {
            Scratch level(options_.mel->size() * lanes);
            std::copy_n(spectrum.mel(*options_.mel), options_.mel->size() * lanes, level.data());
            power_to_db({level.data(), options_.mel->size() * lanes}, amin, -1.0F);
            multiply(dct_->view(), {level.data(), options_.mel->size(), lanes}, {values, dct_->rows, lanes});
            break;
        }
        case FrameDescriptor::chroma_stft: std::copy_n(spectrum.chroma(chroma_).data, n_chroma * lanes, values); break;
        case FrameDescriptor::tonnetz: tonnetz(spectrum.chroma(chroma_), {values, tonnetz_rows, lanes}); break;
        case FrameDescriptor::spectral_centroid: std::copy_n(spectrum.middle(bins, frequencies_.data()), lanes, values); break;
        case FrameDescriptor::spectral_bandwidth: {
            const float* const centroid = spectrum.middle(bins, frequencies_.data());
            bandwidth_block(spectrum.magnitude(bins), bins, frequencies_.data(), spectrum.sum.data(), centroid, values);
            break;
        }
        case FrameDescriptor::spectral_rolloff: {
            std::array<std::size_t, lanes> bin;
            const Block s = spectrum.magnitude(bins);
            rolloff_block(s, bins, roll_percent, spectrum.sum.data(), bin.data());
            std::ranges::transform(bin, values, [&](std::size_t k) { return frequencies_[k]; });
            break;
        }
        case FrameDescriptor::spectral_flatness: flatness_block(power, bins, amin, values); break;
        default: {  // spectral_contrast
            std::array<float, lanes> valley;
            const Block s = spectrum.magnitude(bins);
            for (std::size_t b = 0; b < bands_.size(); ++b) {
                contrast_block(s, bands_[b], values + b * lanes, valley.data());
                std::ranges::transform(std::span(values + b * lanes, lanes), valley, values + b * lanes, std::minus<>());
            }
        }
    }
}

// The part of the frame that lies inside the signal is handed over as a signal of one frame. Sums of squares are grouped as in a whole signal: by
// hops where these divide the frame and its half, else over the part at once, which a hop longer than the frame asks for.
float FramePlan::temporal(FrameDescriptor d, const float* frame, std::size_t t, std::size_t total) const {
    const std::size_t first = t * options_.hop_length, length = n_fft();
    const std::size_t begin = std::max(first, lead()), end = std::max(begin, std::min(first + length, lead() + total));
    const std::span<const float> part{frame + (begin - first), end - begin};
    float value = 0.0F;
    if (d == FrameDescriptor::zero_crossing_rate) {
        zero_crossing_rate(part, length, length, false, zero_threshold, {&value, 1});
        return value;
    }
    const bool shared = length % options_.hop_length == 0 && lead() % options_.hop_length == 0;
    rms(part, length, shared ? options_.hop_length : length + 1, false, {&value, 1});
    return value;
}

}  // namespace emotion::audio
