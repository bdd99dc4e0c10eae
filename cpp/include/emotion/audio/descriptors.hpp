// The low-level descriptors of voice, one value every 10 ms: what the feature sets "egemaps" and "full" summarise.
//
// The signal is brought to 16 kHz and freed of its mean; its spectra are taken with the peak brought into [0.5, 1) by a power of two (a peak below
// 2^-20 by 2^20), which the rows of levels (loudness, band, energy) get back: a gain of a power of two leaves the bits of every other row. Frame t is centred on t * 10 ms; zeros beyond the ends; 1 + floor(duration / 10 ms)
// frames. Spectra: 20 ms Hamming window, 512 points (loudness, cepstrum, balance); 60 ms Gaussian window of sigma 0.4, 1024 points (harmonics,
// formants). Magnitudes are scaled so that a full-scale sine has 1. Each row is smoothed by a moving average of three frames; the rows that exist in
// voiced frames only are averaged over the voiced ones among the three, and are 0 elsewhere (Eyben et al., IEEE Trans. Affective Computing 7, 2016, have this for pitch, jitter and
// shimmer). So it is with the rows of the balance and the shape of the spectrum, which digital silence does not have.
// Definitions, units and sources row by row: docs/reference/egemaps.md.
// Complexity O(n log n). Deterministic, independent of threads. Samples must be finite and within 1e9.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// The rows, in this order.
namespace row {
inline constexpr std::size_t n_formants = 3, n_mfcc = 14, n_bands = 26, n_shape = 12;
enum Index : std::size_t {
    f0,                  // semitones above 27.5 Hz; voiced
    jitter,              // 1; voiced
    shimmer,             // dB; voiced
    hnr,                 // dB; voiced
    h1_h2,               // dB; voiced
    h1_a3,               // dB; voiced
    formant,             // frequency (Hz), bandwidth (Hz), relative level (dB) of each formant; voiced
    loudness = formant + 3 * n_formants,
    flux,
    alpha_ratio,         // dB
    hammarberg,          // dB
    slope_low,           // dB/Hz
    slope_middle,        // dB/Hz
    mfcc,                // from the first on
    band = mfcc + n_mfcc,  // natural logarithm of the mel energies plus 1e-5 of the clip's largest
    count = band + n_bands,
    shape = count,         // of shape.hpp; from here on rows of the wide set only
    sharpness = shape + n_shape,  // Bark
    crossings,           // share of the samples of 20 ms whose sign differs from the one before
    wide_count,
};
inline constexpr std::size_t voiced_rows = loudness;  // the rows before are of voiced frames
}  // namespace row

struct Descriptors {
    Matrix<float> rows;                 // row::count x frames, or row::wide_count x frames
    // One mark a frame.
    std::vector<unsigned char> voiced;
    std::vector<unsigned char> sounding;  // not digital silence: the samples under the short window differ by more than 2^-20, the clip's peak in [0.5, 1)
    std::vector<unsigned char> flowing;   // sounding, and so is the frame before
    double duration_s = 0;
    double mean_square = 0;  // of the samples without their mean

    // The marks of the frames in which a row has a value; elsewhere it is 0. nullptr: in all.
    [[nodiscard]] const std::vector<unsigned char>* marks_of(std::size_t r) const;
};

inline constexpr int descriptor_rate_hz = 16'000;
inline constexpr double frame_period_s = 0.01;

// At least one sample. wide: also the rows that "full" adds.
[[nodiscard]] Descriptors voice_descriptors(std::span<const float> samples, int sample_rate_hz, bool wide, const StopToken& stop);

// The names of the 25 descriptors of "egemaps" and the rows that hold them.
struct NamedRow {
    std::string name;
    std::size_t row;
};
[[nodiscard]] const std::vector<NamedRow>& egemaps_descriptors();
// One name a row of the wide set.
[[nodiscard]] std::vector<std::string> wide_descriptor_names();

}  // namespace emotion::audio
