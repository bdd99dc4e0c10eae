// Band-limited resampling by any rational ratio.
//
// Definition: y[m] = sum_i x[i] h(m r - i), r = from / to, h a Kaiser-windowed sinc (Kaiser 1974; Oppenheim & Schafer, 3rd ed., §7.5) with its -6 dB point at
// 0.955 of the lower Nyquist frequency; x is its mean outside its range, so
// that an offset makes no step there. Pass-band up to 0.91 of the lower Nyquist frequency with a ripple below
// 0.0001 dB; stop-band from the lower Nyquist frequency on, 130 dB down by design, 115 dB for loud tones in single precision (tested): the level of
// soxr's HQ. Linear phase, the delay is compensated. Ratios with many phases after cancelling use a table of 2,048 phases with linear interpolation,
// of the same specification. Ratios of small numbers run through the Fourier transform (overlap-save, src/audio/block_filter.hpp) when 1,024 outputs or
// more are asked for, whose cost hardly depends on the filter's length; else O(n_out * 189 * max(1, r)). NaN spreads over the filter's length, in the
// transform over two blocks. Plans are immutable, cached and shared between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

class BlockFilter;

class Resampler {
public:
    // InvalidInputError unless both rates are in [1, 768000] and from / to is at most 10000.
    Resampler(int from_hz, int to_hz);
    ~Resampler();
    Resampler(const Resampler&) = delete;
    Resampler& operator=(const Resampler&) = delete;

    // The shared plan of the two rates, from a cache of the last sixteen.
    [[nodiscard]] static std::shared_ptr<const Resampler> get(int from_hz, int to_hz);

    // ceil(n * to / from), as librosa.
    [[nodiscard]] std::size_t output_size(std::size_t n) const noexcept;
    // out has output_size(x.size()) values. Throws Cancelled after a stop request.
    void apply(std::span<const float> x, std::span<float> out, const StopToken& stop) const;

private:
    [[nodiscard]] std::unique_ptr<const BlockFilter> make_block_filter() const;
    void apply_directly(std::span<const float> x, float beyond, std::span<float> out, std::size_t begin, std::size_t end, const StopToken& stop) const;
    void fill_phase(std::size_t row, double fraction, double cutoff, double half_width);

    std::uint64_t up_ = 1, down_ = 1;  // cancelled
    std::size_t half_taps_ = 0;
    std::size_t taps_ = 0;     // a multiple of eight
    std::size_t phases_ = 0;   // rows of the table are phases_ (+ 1 when interpolated)
    bool interpolated_ = false;
    std::vector<float> table_;
    std::unique_ptr<const BlockFilter> block_filter_;  // where the ratio suits it
};

// The samples at the other rate; the same vector where the rates are equal.
[[nodiscard]] std::vector<float> resampled(std::vector<float> samples, int from_hz, int to_hz, const StopToken& stop);

}  // namespace emotion::audio
