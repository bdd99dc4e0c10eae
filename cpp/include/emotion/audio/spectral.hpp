// Descriptors of the shape of a spectrum, frame by frame, as librosa.feature defines them. S is bins x frames, row-major, non-negative and finite:
// magnitudes, except where power is said. Accuracy: single precision, relative error about 1e-6 of the exact value for the same S.
// Complexity O(bins * frames). Frames are independent: the result does not depend on their number or on the threads around.
//
//   centroid   sum f S / sum S (Hz); 0 for a silent frame                                   bandwidth  sqrt(sum (f - centroid)^2 S / sum S) (Hz)
//   rolloff    the lowest bin frequency below which at least roll_percent of sum S lies     flatness   geometric over arithmetic mean of max(S^2, amin)
//   contrast   dB distance of the mean of the largest and of the smallest bins of each octave band (Jiang et al., ICME 2002)
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "emotion/core/views.hpp"

namespace emotion::audio {

// The centre frequencies of the bins of an n_fft-point transform.
[[nodiscard]] std::vector<double> fft_frequencies(double sample_rate_hz, std::size_t n_fft);

// f: one frequency a bin. out: one value a frame.
void spectral_centroid(MatrixView<const float> s, std::span<const float> f, std::span<float> out);
// centroid: as spectral_centroid gives it. With norm false, S is used without dividing by its sum.
void spectral_bandwidth(MatrixView<const float> s, std::span<const float> f, std::span<const float> centroid, bool norm, std::span<float> out);
void spectral_rolloff(MatrixView<const float> s, std::span<const float> f, float roll_percent, std::span<float> out);
// power_spectrum = S^2. amin > 0.
void spectral_flatness(MatrixView<const float> power_spectrum, float amin, std::span<float> out);

// The bins of one band of spectral_contrast, and how many of the largest and the smallest are averaged.
struct ContrastBand {
    std::size_t first = 0;
    std::size_t last = 0;  // one past the end
    std::size_t tail = 1;
};

// n_bands + 1 bands: [0, fmin], then n_bands octaves, the last one open to the top. InvalidInputError when a band starts at or above the Nyquist
// frequency or holds no bin.
// f: the frequencies of the bins, ascending.
[[nodiscard]] std::vector<ContrastBand> contrast_bands(std::span<const double> f, double sample_rate_hz, double fmin, std::size_t n_bands,
                                                       double quantile);
[[nodiscard]] std::vector<ContrastBand> contrast_bands(double sample_rate_hz, std::size_t n_fft, double fmin, std::size_t n_bands, double quantile);

// peak, valley: bands x frames.
void contrast_extremes(MatrixView<const float> s, std::span<const ContrastBand> bands, MatrixView<float> peak, MatrixView<float> valley);
// contrast = power_to_db(peak) - power_to_db(valley), with the 80 dB floor below the maximum of each array; result in `peak`, valley is used up.
void contrast_to_db(MatrixView<float> peak, MatrixView<float> valley);

}  // namespace emotion::audio
