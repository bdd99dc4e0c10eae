// The mel filterbank, decibels, cepstral coefficients and their deltas, as librosa defines them.
//
// Filterbank: n_mels triangles with corners equally spaced on the mel scale (Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above; or
// HTK's), each scaled to unit area ("slaney"), to a unit p-norm or left alone; stored sparse, one run of bins a band. Cepstrum: orthonormal DCT-II of
// the decibels, or another type (definitions: scipy.fft.dct). Delta: the `order`-th derivative of the polynomial of degree `order`, or `degree`, fitted to
// `width` frames (Savitzky & Golay 1964); at the ends, the derivative of the polynomial fitted to the first or last `width` frames ("interp").
//
// A filterbank costs O(n_mels log n_fft + n_fft) to build and a few operations a bin and frame to apply; a cosine transform O(n_out n) a frame, a delta
// O(width) a value but at the ends. Input must be finite. Deterministic: a frame depends on no other but through power_to_db's floor and delta's window.
// Filterbanks are immutable and safe to share; every function may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

struct MelOptions {
    double sample_rate_hz = 22'050;
    std::size_t n_fft = 2048;
    std::size_t n_mels = 128;
    double fmin = 0.0;
    double fmax = 0.0;  // 0: half the sampling rate
    bool htk = false;
    bool slaney_norm = true;
    double norm = 0.0;  // without slaney_norm: the p of the norm, infinity for the largest weight; 0: none
};

class MelFilterbank {
public:
    // InvalidInputError unless 1 <= n_mels <= 4096 and 0 <= fmin < fmax < infinity. Bands above half the sampling rate are empty.
    explicit MelFilterbank(const MelOptions& options, const StopToken& stop = {});

    [[nodiscard]] std::size_t size() const noexcept { return layout_.size() / 2; }
    [[nodiscard]] std::size_t bins() const noexcept { return bins_; }
    // Whether a band that does not begin at 0 Hz has no bin: it is zero for any spectrum.
    [[nodiscard]] bool has_empty_bands() const noexcept { return empty_bands_; }
    [[nodiscard]] Matrix<float> dense() const;  // size() x bins()
    void dense(MatrixView<float> out, const StopToken& stop) const;
    // out (size() x frames) = weights * s (bins() x frames).
    void apply(MatrixView<const float> s, MatrixView<float> out, const StopToken& stop = {}) const;
    // The same for eight frames: block of bins() values, stride apart; out has size() values, out_stride apart.
    void apply_block(const float* block, std::size_t stride, float* out, std::size_t out_stride) const;

private:
    std::size_t bins_;
    bool empty_bands_ = false;
    std::vector<std::uint32_t> layout_;  // first bin and number of bins of each band
    std::vector<float> weights_;
};

// x = 10 log10(max(amin, x)), then not below max(x) - top_db; top_db negative: no floor. amin > 0. Does nothing to an empty span.
void power_to_db(std::span<float> x, float amin, float top_db);

// The first n_out rows of the discrete cosine transform of n values, n_out x n. From a cache. type: 1 to 4; type 1 needs n >= 2.
enum class DctNorm { backward, ortho, forward };
[[nodiscard]] std::shared_ptr<const Matrix<float>> dct_matrix(std::size_t n_out, std::size_t n, int type, DctNorm norm, const StopToken& stop = {});
// out (m.rows x frames) = m * x (m.cols x frames).
void multiply(MatrixView<const float> m, MatrixView<const float> x, MatrixView<float> out, const StopToken& stop = {});

// Each row of x differentiated. width odd, 3 <= width <= x.cols; order >= 1, degree < width. InvalidInputError otherwise, and where
// the fit's polynomials overflow double precision. O(width) memory. The weights of one place cost O(degree width + order (degree - order + 1)^2): made
// once where degree = order, when the ends cost O(width) a row, else for each frame of the ends, which cost O(width) a row and frame besides.
void delta(MatrixView<const float> x, std::size_t width, std::size_t order, std::size_t degree, MatrixView<float> out, const StopToken& stop = {});
inline void delta(MatrixView<const float> x, std::size_t width, std::size_t order, MatrixView<float> out) { delta(x, width, order, order, out); }

}  // namespace emotion::audio
