// The balance of a short-time power spectrum: how its energy spreads over low and high frequencies, and how it moves.
//
//   alpha ratio       10 log10 (sum of P over 1000 … 5000 Hz / sum of P over 50 … 1000 Hz)                (Sundberg & Nordenberg 2006)
//   Hammarberg index  10 log10 (max of P below 2000 Hz / max of P over 2000 … 5000 Hz)                    (Hammarberg et al. 1980)
//   slope             least-squares slope of 10 log10 P over frequency, 0 … 500 Hz and 500 … 1500 Hz, dB/Hz (Eyben et al. 2016)
//   flux              root of the sum over the bins up to 5000 Hz of (|X_t| - |X_(t-1)|)^2, each frame's magnitudes scaled to energy 1: 0 … sqrt(2),
//                     whatever the level; 0 in the first frame
// The bin of 0 Hz never counts. Every sum, every largest value and every P under a logarithm has 1e-12 added (-120 dB of a sine of amplitude 1), so
// that silence gives 0 throughout.
// Complexity O(bins). Frames are independent, but for the flux. Deterministic; plans are immutable. Input must be finite.
#pragma once

#include <cstddef>
#include <vector>

namespace emotion::audio {

// One lane block (eight values) a descriptor.
struct BalanceBlock {
    float alpha_ratio[8];
    float hammarberg_index[8];
    float slope_low[8];
    float slope_middle[8];
    float flux[8];
};

class SpectralBalance {
public:
    // sample_rate_hz >= 10000.
    SpectralBalance(double sample_rate_hz, std::size_t n_fft);

    // What the flux remembers of the frame before; value-initialised for the first block of a signal.
    struct Memory {
        std::vector<float> magnitudes;
    };
    // power: a lane block of n_fft / 2 + 1 bins. Blocks must come in order.
    void apply(const float* power, Memory& memory, BalanceBlock& out) const;

private:
    std::size_t bin_50_, bin_500_, bin_1000_, bin_1500_, bin_2000_, bin_5000_;  // the last bin not above
    std::vector<float> low_weights_, middle_weights_;  // of the regressions, one a bin from 1 and from bin_500_
};

}  // namespace emotion::audio
