// The autocorrelation of eight windowed frames at once through the power spectrum (Wiener-Khinchin): r[k] = sum_m v[m] v[m + k], v = w x, zero
// outside the frame, k = 0 … max_lag; lane blocks. Error about 3e-7 of r[0].
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "emotion/audio/fft.hpp"
#include "lanes.hpp"

namespace emotion::audio {

class Autocorrelation {
public:
    // window: as long as the frame; max_lag < its length.
    Autocorrelation(const std::vector<float>& window, std::size_t max_lag)
        : window_(window), max_lag_(max_lag), fft_(RealFft::get(std::max<std::size_t>(4, std::bit_ceil(window.size() + max_lag)))) {
        window_.resize(fft_->size());
    }

    [[nodiscard]] std::size_t size() const noexcept { return (max_lag_ + 1) * lanes; }
    [[nodiscard]] std::size_t reach() const noexcept { return fft_->size(); }  // samples read from the start of a frame; those past it must be finite
    [[nodiscard]] std::size_t scratch_size() const noexcept { return fft_->bins() * lanes + fft_->scratch_size(); }
    // out: size() values, fft size times r.
    void operator()(const float* signal, std::size_t hop, float* out, float* scratch) const {
        float* const work = scratch + fft_->bins() * lanes;
        fft_->power(signal, hop, window_.data(), scratch, work);
        fft_->even(scratch, max_lag_ + 1, out, work);
    }

private:
    std::vector<float> window_;
    std::size_t max_lag_;
    std::shared_ptr<const RealFft> fft_;
};

}  // namespace emotion::audio
