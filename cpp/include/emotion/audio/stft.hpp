// The short-time Fourier transform as librosa defines it: frame t is samples[t * hop - n_fft / 2 …], zero outside the signal (centred), or
// samples[t * hop …] (not centred). Frames: 1 + n / hop when centred, or 1 + (n - 1) / hop for odd n_fft; 1 + (n - n_fft) / hop when not.
// Plans are immutable and safe to share. Complexity O(frames * n_fft log n_fft). NaN spreads over the frames that hold it.
#pragma once

#include <complex>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "emotion/audio/fft.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// The periodic Hann window of n points; of one point 1, as SciPy has it.
[[nodiscard]] std::vector<float> hann_window(std::size_t n);

class Stft {
public:
    // window: n_fft values. InvalidInputError unless 1 <= hop_length <= 2^20 and 1 <= n_fft <= RealFft::max_size.
    Stft(std::vector<float> window, std::size_t hop_length, bool center);

    [[nodiscard]] std::size_t n_fft() const noexcept { return window_.size(); }
    [[nodiscard]] std::size_t bins() const noexcept { return fft_->bins(); }
    // Zero when there is no whole frame.
    [[nodiscard]] std::size_t frames(std::size_t n_samples) const noexcept;

    // out: bins x frames.
    void transform(std::span<const float> samples, MatrixView<std::complex<float>> out, const StopToken& stop) const;
    void power(std::span<const float> samples, MatrixView<float> out, const StopToken& stop) const;

    // Calls fn(first, count, block) for each eight frames in order: the power spectrum as a lane block (bins x 8), of which the first `count`
    // frames count and the rest are unspecified.
    using PowerBlock = std::function<void(std::size_t first, std::size_t count, const float* block)>;
    void power_blocks(std::span<const float> samples, const StopToken& stop, const PowerBlock& fn) const;

private:
    // The signal with its padding; long enough for whole blocks of eight frames.
    [[nodiscard]] std::size_t padded_size(std::size_t n_samples) const noexcept;
    void pad(std::span<const float> samples, std::span<float> padded) const;

    std::vector<float> window_;
    std::size_t hop_;
    bool center_;
    std::shared_ptr<const RealFft> fft_;
};

}  // namespace emotion::audio
