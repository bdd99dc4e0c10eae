// Chroma: the energy of a power spectrum folded onto the pitch classes (Ellis 2007; librosa's chroma_stft), and the tuning that it needs.
//
// Tuning: the most frequent deviation, in cells (hundredths) of a bin, of the stronger half of the interpolated spectral peaks between 150 Hz and 4 kHz
// from equal temperament at A4 = 440 Hz. The estimate is the argmax of a histogram: where two cells are nearly tied, a rounding error can choose
// another one, and chroma changes with it. Silent frames give chroma 0.
//
// Tuning costs O(bins) a frame and O(peaks) at the end, the filterbank O(n_chroma n_fft). Input must be finite and not negative. Deterministic; an
// estimator belongs to one thread, the functions may be called from any.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// A spectral peak: its interpolated frequency and height.
struct SpectralPeak {
    float frequency_hz = 0;
    float magnitude = 0;
};

struct TuningOptions {
    double fmin_hz = 150.0, fmax_hz = 4000.0;
    float threshold = 0.1F;  // share of the frame's largest bin that a peak must exceed; negative: peaks exceed `reference` instead
    float reference = 0.0F;
    std::size_t cells = 100;  // of the histogram, a bin
};

// Collects the peaks of the frames that pass by, then estimates.
class TuningEstimator {
public:
    TuningEstimator(double sample_rate_hz, std::size_t n_fft, const TuningOptions& options = {});
    // Eight frames, of which `count` are looked at; bins stride apart.
    void add_block(const float* block, std::size_t stride, std::size_t count);
    [[nodiscard]] bool empty() const noexcept { return peaks_.empty(); }
    // In fractions of a bin, in [-0.5, 0.5); 0 without peaks.
    [[nodiscard]] double tuning(std::size_t bins_per_octave) const;

private:
    TuningOptions options_;
    double bin_hz_;
    std::size_t bins_;
    std::size_t first_bin_, last_bin_;
    std::vector<SpectralPeak> peaks_;
    std::vector<signed char> marks_;
};

// Nothing without peaks. n_fft: power_spectrum has n_fft / 2 + 1 rows.
[[nodiscard]] std::optional<double> estimate_tuning(MatrixView<const float> power_spectrum, double sample_rate_hz, std::size_t n_fft,
                                                    std::size_t bins_per_octave, const TuningOptions& options = {});

// n_chroma x (n_fft / 2 + 1) weights: Gaussians around the pitch classes, columns of unit length, weighted by a Gaussian over the octaves around
// `ctroct` (octaves above A0, 27.5 Hz) of width `octwidth` (<= 0: none); row 0 is C.
struct ChromaOptions {
    double sample_rate_hz = 22'050;
    std::size_t n_fft = 2048;
    std::size_t n_chroma = 12;
    double tuning = 0.0;
    double ctroct = 5.0;
    double octwidth = 2.0;
    bool base_c = true;
};
[[nodiscard]] Matrix<float> chroma_filterbank(const ChromaOptions& options, const StopToken& stop = {});

// Each column divided by its largest value; columns below the smallest normal float are left alone.
void normalize_columns(MatrixView<float> x);

}  // namespace emotion::audio
