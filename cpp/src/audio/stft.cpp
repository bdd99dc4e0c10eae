#include "emotion/audio/stft.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "scratch.hpp"

namespace emotion::audio {

static_assert(RealFft::batch == lanes);

std::vector<float> hann_window(std::size_t n) {
    std::vector<float> window(n, 1.0F);
    for (std::size_t t = 0; n > 1 && t < n; ++t) {
        window[t] = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(t) / static_cast<double>(n)));
    }
    return window;
}

Stft::Stft(std::vector<float> window, std::size_t hop_length, bool center)
    : window_(std::move(window)), hop_(hop_length), center_(center), fft_(RealFft::get(window_.size())) {
    if (hop_length < 1 || hop_length > RealFft::max_size) {
        throw InvalidInputError("hop_length", "stft", "between 1 and 1048576", std::to_string(hop_length));
    }
}

std::size_t Stft::frames(std::size_t n_samples) const noexcept {
    const std::size_t length = n_samples + (center_ ? 2 * (n_fft() / 2) : 0);
    return length < n_fft() ? 0 : 1 + (length - n_fft()) / hop_;
}

std::size_t Stft::padded_size(std::size_t n_samples) const noexcept {
    const std::size_t whole = (frames(n_samples) + lanes - 1) / lanes * lanes;
    return std::max((center_ ? n_fft() / 2 : 0) + n_samples, whole == 0 ? 0 : (whole - 1) * hop_ + n_fft());
}

void Stft::pad(std::span<const float> samples, std::span<float> padded) const {
    const std::size_t before = center_ ? n_fft() / 2 : 0;
    std::fill_n(padded.begin(), before, 0.0F);
    const auto end = std::copy(samples.begin(), samples.end(), padded.begin() + static_cast<std::ptrdiff_t>(before));
    std::fill(end, padded.end(), 0.0F);
}

void Stft::power_blocks(std::span<const float> samples, const StopToken& stop, const PowerBlock& fn) const {
    const std::size_t n = frames(samples.size());
    Scratch signal(padded_size(samples.size())), block(bins() * lanes), scratch(fft_->scratch_size());
    pad(samples, {signal.data(), signal.size()});
    for (std::size_t first = 0; first < n; first += lanes) {
        stop.check();
        fft_->power(signal.data() + first * hop_, hop_, window_.data(), block.data(), scratch.data());
        fn(first, std::min(lanes, n - first), block.data());
    }
}

void Stft::power(std::span<const float> samples, MatrixView<float> out, const StopToken& stop) const {
    power_blocks(samples, stop, [&](std::size_t first, std::size_t count, const float* block) {
        for (std::size_t k = 0; k < bins(); ++k) {
            std::copy_n(block + k * lanes, count, &out(k, first));
        }
    });
}

void Stft::transform(std::span<const float> samples, MatrixView<std::complex<float>> out, const StopToken& stop) const {
    const std::size_t n = frames(samples.size());
    Scratch signal(padded_size(samples.size())), re(bins() * lanes), im(bins() * lanes), scratch(fft_->scratch_size());
    pad(samples, {signal.data(), signal.size()});
    for (std::size_t first = 0; first < n; first += lanes) {
        stop.check();
        fft_->forward(signal.data() + first * hop_, hop_, window_.data(), re.data(), im.data(), scratch.data());
        const std::size_t count = std::min(lanes, n - first);
        for (std::size_t k = 0; k < bins(); ++k) {
            for (std::size_t l = 0; l < count; ++l) {
                out(k, first + l) = {re[k * lanes + l], im[k * lanes + l]};
            }
        }
    }
}

}  // namespace emotion::audio
