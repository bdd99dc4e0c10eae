// Chroma: the energy of a power spectrum folded onto the pitch classes (Ellis 2007; librosa's chroma_stft), and the tuning that it needs.
//
// Tuning: the most frequent deviation, in cells (hundredths) of a bin, of the stronger half of the interpolated spectral peaks between 150 Hz and 4 kHz
// from equal temperament at A4 = 440 Hz. The estimate is the argmax of a histogram: where two cells are nearly tied, a rounding error can choose
// another one, and chroma changes with it. Silent frames give chroma 0.
//
// Tonal centroids: where the chroma of a frame has its centre on three circles (Harte, Sandler & Gasser, AMCMM 2006; librosa's tonnetz).
//
// Tuning costs O(bins) a frame and O(peaks) at the end, the filterbank O(n_chroma n_fft), tonal centroids O(n_chroma) a frame. Input must be finite
// and not negative. Deterministic; an estimator belongs to one thread, the functions may be called from any.
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

// The tonal centroids of each frame of a chroma matrix (n_chroma x frames): out is tonnetz_rows x frames, within -1 … 1.
//   out(2 i, t)     = radius[i] sum over c of share(c, t) sin(2 pi step[i] c / n_chroma)      step   = {7, 9, 4} twelfths of a turn a semitone
//   out(2 i + 1, t) = radius[i] sum over c of share(c, t) cos(2 pi step[i] c / n_chroma)      radius = {1, 1, 1/2}
// the circles of fifths, minor thirds and major thirds, row 0 of chroma at angle 0; share: chroma over the sum of its column, or chroma as it is where
// that sum is below the smallest normal float, so silence gives 0. (Harte, Sandler & Gasser, "Detecting harmonic change in musical audio", AMCMM 2006.)
// Example: of twelve classes C alone is (0, 1, 0, 1, 0, 1/2); G alone, a fifth higher, lies 7 x 7 = 49 twelfths on, that is one: (1/2, 0.87, …).
// The six sums nearly cancel where the shares are nearly equal, so they are made in double; what single precision took from the chroma stays lost,
// 1e-7 of 1: hence the second form, a plain loop. Complexity O(n_chroma frames). Chroma must be finite and
// not negative: NaN gives NaN in its own column. Deterministic: the bits of a column do not depend on the others. Any thread.
inline constexpr std::size_t tonnetz_rows = 6;
void tonnetz(MatrixView<const float> chroma, MatrixView<float> out, const StopToken& stop = {});
void tonnetz(MatrixView<const double> chroma, MatrixView<double> out, const StopToken& stop = {});

}  // namespace emotion::audio
