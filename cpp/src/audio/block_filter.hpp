// Long filters with a change of rate by small whole numbers, through the Fourier transform (overlap-save: Oppenheim & Schafer, 3rd ed., §8.7).
//
// Definition: y[k up + r] = sum_j h_r[j] x[k down + first_r + j], r < up; x is zero outside its range. The input is dealt out into `down` streams,
// x_p[i] = x[i down + p], so that each output stream r is a sum of `down` correlations at the lower rate, and those are products of spectra: of 1,024
// complex points, two blocks of real samples in each (one the real part, the next the imaginary part), eight such pairs at once, one a SIMD lane. The
// spectra of all `down` streams and the `up` inverse transforms are made row by row (two_step.hpp), so they never leave the cache.
// Complexity: (up + down) transforms for 16 blocks of 1,025 - taps / down samples, whatever the filter's shape. Accuracy: single precision of the
// largest sample of a block. NaN and infinity spread over two blocks. Deterministic: blocks lie at fixed places of the signal. Immutable, so safe to share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

class BlockFilter {
public:
    static constexpr std::size_t transform = 1024;
    static constexpr std::size_t most_down = 16, most_up = 4;

    // filters: up rows of `taps` values; first: up values.
    BlockFilter(std::size_t up, std::size_t down, std::span<const float> filters, std::size_t taps, std::span<const std::int64_t> first);

    // Whether a block leaves at least half of its transform for output.
    [[nodiscard]] static bool suits(std::size_t up, std::size_t down, std::size_t taps) noexcept;
    // out[m] for every m < out.size(). Throws Cancelled after a stop request.
    void apply(std::span<const float> x, std::span<float> out, const StopToken& stop) const;

private:
    void sources(std::span<const float> x, std::size_t block, float* edges, const float** source) const;

    std::size_t up_, down_;
    std::size_t before_;  // samples of a stream that a block begins earlier than its first output
    std::size_t valid_;   // outputs of a block in each of the `up` streams; a multiple of eight
    std::vector<float> kernels_;  // conjugate spectra over `transform`: [row][stream][value of the row][r][re, im]
};

}  // namespace emotion::audio
