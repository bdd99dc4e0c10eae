// The fundamental frequency by probabilistic YIN: Mauch & Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
// distributions", ICASSP 2014, sections 2.1 and 2.2, with the choices of librosa 0.11.
//
//   candidates   each trough of d' (yin.hpp) has the probability sum over thresholds s above it of beta(s) boltzmann(rank of the trough among those
//                below s); the lowest trough also gets no_trough_prob times the mass of the thresholds that no trough meets
//   states       pitch bins of `resolution` semitones, once voiced and once unvoiced; the unvoiced share the probability that is left
//   transitions  a triangle of max_transition_rate octaves a second around the bin, times switch_prob between voiced and unvoiced
// A transition outside the triangle and an observation of probability 0 cost log(smallest double) = -708, as in librosa, so there always is a path.
// The triangle makes the recursion a banded max-plus convolution: O(frames * bins * width) instead of O(frames * bins^2), one vector loop, and the
// pointers back are recomputed for the states of the path alone. Memory: at most 32 MiB of path values, those of the frames that do not fit are computed
// again on the way back: once where n frames fit and there are at most n^2 / 2. The stop token is looked at within frames too.
// Samples must be finite. No threads; equal bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/audio/yin.hpp"
#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

struct PyinOptions {
    YinOptions yin;
    std::size_t n_thresholds = 100;
    double beta_a = 2.0;  // of the distribution of thresholds
    double beta_b = 18.0;
    double boltzmann_parameter = 2.0;
    double resolution = 0.1;               // semitones
    double max_transition_rate = 35.92;    // octaves a second
    double switch_prob = 0.01;
    double no_trough_prob = 0.01;
};

// f0_hz: the bin of the path, voiced or not; voiced: 1 or 0; voiced_prob: the candidates' probability. All DifferenceFunction::frames long.
void pyin(std::span<const float> samples, const PyinOptions& options, std::span<double> f0_hz, std::span<std::uint8_t> voiced,
          std::span<double> voiced_prob, const StopToken& stop);

// The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a, b > 0 (NIST Digital Library of Mathematical Functions, 8.17.22); error 1e-13.
[[nodiscard]] double incomplete_beta(double a, double b, double x);

}  // namespace emotion::audio
