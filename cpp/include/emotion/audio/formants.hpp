// Harmonics of a voiced frame, and from their levels the resonances of the vocal tract.
//
// Harmonics: the spectral peak nearest to each multiple of F0, its frequency and level by a parabola through three bins in decibels (exact for a
// Gaussian window). Envelope: straight lines in decibels between the harmonics (Paul 1981), so that the pitch does not pull the formants; four times
// the noise between the harmonics is taken from their power, of which 3 % stay (spectral subtraction: Boll 1979; more than once the noise, over a floor: Berouti, Schwartz & Makhoul 1979).
// Linear prediction: the autocorrelation of the pre-emphasised envelope below 5.5 kHz (selective linear prediction, Makhoul, Proc. IEEE 63, 1975),
// Levinson's recursion, order 13 (the rate of 11 kHz and two more). Formants: roots of the predictor, frequency arg(z) and bandwidth -log|z|
// (Markel & Gray 1976, ch. 7), by Durand-Kerner iteration, eight frames at once; the path over the frames of a voiced stretch is the cheapest choice of three roots a frame, by
// dynamic programming over bandwidth, distance to the neutral tract and jumps (Talkin 1987).
// Accuracy: docs/reference/egemaps.md. Deterministic, no allocation a frame; no state shared between threads. Input must be finite.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "emotion/audio/fft.hpp"

namespace emotion::audio {

struct Harmonic {
    float frequency_hz = 0;
    float level_db = 0;
    float valley_db = 0;  // mean level half way to the neighbours: where nothing but noise is
};

// The harmonics of f0_hz up to top_hz, at most out.size(), in a level spectrum in decibels (bins values, `stride` apart). Returns their number.
// f0_hz > 0.
[[nodiscard]] std::size_t find_harmonics(const float* level_db, std::size_t stride, std::size_t bins, double bin_hz, double f0_hz, double top_hz,
                                         std::span<Harmonic> out);

// All roots of `lanes` real polynomials z^n + a[0] z^(n-1) + … + a[n-1]; a, re and im are lane blocks of n values. n <= 16. Roots of modulus up to
// about one come out within 1e-4 where they are simple; the others as far as 60 iterations, of steps of at most 1, bring them. Lanes are independent.
void polynomial_roots(const float* a, std::size_t n, float* re, float* im);

// The resonances of one frame by rising frequency: at most six.
struct Resonances {
    static constexpr std::size_t capacity = 6;
    std::size_t count = 0;
    std::array<float, capacity> frequency_hz{};
    std::array<float, capacity> bandwidth_hz{};
};

struct Formants {
    std::array<float, 3> frequency_hz{};
    std::array<float, 3> bandwidth_hz{};
};

class FormantModel {
public:
    static constexpr std::size_t order = 13;
    static constexpr double top_hz = 5500.0;

    FormantModel();
    [[nodiscard]] static const FormantModel& get();

    // The autocorrelation of the envelope of one frame: order + 1 values, `stride` apart. At least one harmonic, by rising frequency.
    void correlate(std::span<const Harmonic> harmonics, double* r, std::size_t stride) const;
    // The predictors of eight frames, order values each, from their autocorrelations; lane blocks. Lanes are independent.
    static void predict(const double* r, float* a);
    // The resonances of eight predictors, a lane block.
    void resonances(const float* a, std::span<Resonances> out) const;

private:
    std::vector<double> grid_hz_, emphasis_;          // of the envelope: frequencies, and the natural logarithm of the pre-emphasis of power
    std::vector<double> even_cosine_, odd_cosine_;  // of half the grid, with the weights of the trapezoidal rule
};

// The cheapest path through the frames of one voiced stretch. out: as many as frames.
void track_formants(std::span<const Resonances> frames, std::span<Formants> out);

}  // namespace emotion::audio
