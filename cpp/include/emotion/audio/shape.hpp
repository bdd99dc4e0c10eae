// The shape of a short-time power spectrum P, every bin but that of 0 Hz, each with 1e-12 added, so that silence is flat noise.
//
//   energy            10 log10 sum P (dB)                         centroid, spread   mean and standard deviation of frequency under P (Hz)
//   skewness, kurtosis  third and fourth standardised moments      entropy           -sum p log p / log bins, p = P / sum P: 0 … 1
//   flatness          geometric over arithmetic mean of P (dB)    roll-off           lowest frequency with 25, 50, 75, 90 % of sum P below it (Hz)
//   band 250 … 650    10 log10 of the share of 250 to 650 Hz in sum P (dB)
// (Moments, flatness and roll-off after Peeters, "A large set of audio features for sound description", CUIDADO report, 2004.) Complexity O(bins). Frames are independent.
// Deterministic; plans are immutable. Input must be finite and not negative.
#pragma once

#include <cstddef>
#include <vector>

namespace emotion::audio {

class SpectralShape {
public:
    static constexpr std::size_t count = 12, energy = 0;
    // In the order of the results.
    static constexpr const char* names[count] = {"energy",    "spectral_centroid",   "spectral_spread",     "spectral_skewness",
                                                 "spectral_kurtosis", "spectral_entropy", "spectral_flatness", "spectral_rolloff25",
                                                 "spectral_rolloff50", "spectral_rolloff75", "spectral_rolloff90", "band250-650"};

    SpectralShape(double sample_rate_hz, std::size_t n_fft);
    // power: a lane block of n_fft / 2 + 1 bins. out: `count` lane blocks of one value.
    void apply(const float* power, float* out) const;

private:
    double bin_hz_;
    std::vector<float> frequency_;  // of the bins from the first, kHz
    std::size_t bin_250_, bin_650_;
};

}  // namespace emotion::audio
