// A batched real Fourier transform of our own: eight windowed frames at once, one frame a SIMD lane, so no shuffles inside the butterflies.
//
// Definition: X[k] = sum_t w[t] x[t] exp(-2 pi i k t / n), k = 0 … n/2, no scaling. Any n >= 1: powers of two by Stockham's autosort radix-4
// (Van Loan, "Computational Frameworks for the FFT", 1992, §1.7 and §2.4), between 128 and 8192 in two passes over memory (§3.3); real input of even n through
// one complex transform of n/2; other lengths by Bluestein's chirp transform. Complexity O(n log n). Accuracy: about 2e-7 of the frame's root-mean-square spectrum.
// The plan is immutable and safe to share between threads. Results do not depend on which frames share a batch.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace emotion::audio {

class RealFft {
public:
    static constexpr std::size_t batch = 8;               // frames a call
    static constexpr std::size_t max_size = 1U << 20;

    // InvalidInputError unless 1 <= n <= max_size.
    explicit RealFft(std::size_t n);
    ~RealFft();
    // The shared plan of that length, from a cache of the last sixteen.
    [[nodiscard]] static std::shared_ptr<const RealFft> get(std::size_t n);
    RealFft(const RealFft&) = delete;
    RealFft& operator=(const RealFft&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return n_; }
    [[nodiscard]] std::size_t bins() const noexcept { return n_ / 2 + 1; }
    [[nodiscard]] std::size_t scratch_size() const noexcept;  // floats

    // Frame l of the batch is signal[l * hop … l * hop + n). `window` has n values. re and im are lane blocks: bins x 8, bin-major.
    void forward(const float* signal, std::size_t hop, const float* window, float* re, float* im, float* scratch) const;
    // The same, giving re^2 + im^2.
    void power(const float* signal, std::size_t hop, const float* window, float* out, float* scratch) const;
    // The first `count` values of the transform (real, not scaled) of the even sequence h[0], h[1], …, h[n/2], …, h[1], given as a lane block of
    // bins() values: of a power spectrum, n times the circular autocorrelation. n must be even, count <= bins().
    void even(const float* half, std::size_t count, float* out, float* scratch) const;

private:
    struct Bluestein;
    struct TwoStep;
    void complex_transform(float*& re, float*& im, float* work_re, float* work_im) const;
    [[nodiscard]] bool packed() const noexcept { return n_ % 2 == 0; }

    std::size_t n_;
    std::size_t m_;                    // length of the complex transform
    std::size_t stockham_;             // length of the power-of-two transform inside
    std::vector<float> cosine_;        // of the power-of-two transform, stockham_ entries
    std::vector<float> sine_;
    std::vector<float> unpack_cosine_;  // exp(-2 pi i k / n), k <= n/2
    std::vector<float> unpack_sine_;
    std::unique_ptr<const Bluestein> bluestein_;
    std::unique_ptr<const TwoStep> two_step_;
};

}  // namespace emotion::audio
