// The fundamental frequency by YIN, frame by frame: de Cheveigné & Kawahara, "YIN, a fundamental frequency estimator for speech and music",
// J. Acoust. Soc. Am. 111, 2002, sections II.B to II.E, with the framing and the edge rules of librosa 0.11.
//
//   d(k) = sum_{m < W} (x[m] - x[m + k])^2, x zero beyond its frame of W samples (eq. 6), by the autocorrelation of the frame (eq. 7)
//   d'(k) = d(k) / mean(d(1) … d(k)) (eq. 8); troughs: lags lower than the one before and not higher than the one after
//   period: the first trough with d' below the threshold, else the lowest lag; moved to the extremum of the parabola through its neighbours
// Accuracy: d' to about 1e-6 (single-precision transforms). Complexity O(frames * W log W). Samples must be finite; gain does not matter.
// Frames are independent of each other; no threads; equal bits on every machine.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

struct YinOptions {
    double fmin_hz = 65.0;
    double fmax_hz = 2093.0;
    double sample_rate_hz = 22050.0;
    std::size_t frame_length = 2048;
    std::size_t hop_length = 512;
    bool center = true;  // zeros beyond the ends, frame t centred on sample t * hop_length
};

class Autocorrelation;

// The normalised difference function d' of eight frames at a time. Immutable, safe to share.
class DifferenceFunction {
public:
    // InvalidInputError unless 0 < fmin < fmax <= rate / 2, rate / fmin < frame_length - 1 <= 2^19 and hop_length >= 1.
    DifferenceFunction(const YinOptions& options, const char* caller);
    ~DifferenceFunction();
    DifferenceFunction(const DifferenceFunction&) = delete;
    DifferenceFunction& operator=(const DifferenceFunction&) = delete;

    [[nodiscard]] std::size_t frames(std::size_t n_samples) const noexcept;
    [[nodiscard]] std::size_t min_period() const noexcept { return min_period_; }  // floor(rate / fmax)
    [[nodiscard]] std::size_t lags() const noexcept { return max_period_ - min_period_ + 1; }

    // Calls fn(first, count, block) for each eight frames in order; block: d' of the lags min_period …, a lane block of which the first `count`
    // frames count.
    template <class F>
    void blocks(std::span<const float> samples, const StopToken& stop, F&& fn) const {
        Work work(*this, samples);
        for (std::size_t first = 0; first < work.frames; first += 8) {
            stop.check();
            fn(first, work.frames - first < 8 ? work.frames - first : 8, work.next(first));
        }
    }

private:
    struct Work {
        Work(const DifferenceFunction& plan, std::span<const float> samples);
        ~Work();
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        const float* next(std::size_t first);
        const DifferenceFunction& plan;
        std::size_t frames;
        struct Memory;
        std::unique_ptr<Memory> memory;
    };

    YinOptions options_;
    std::size_t min_period_, max_period_;
    std::unique_ptr<const Autocorrelation> autocorrelation_;
};

// The shift of the extremum of the parabola through three equally spaced values from the middle one; 0 when it is not within one step.
[[nodiscard]] double parabolic_shift(double before, double at, double after);

// f0_hz: frames values.
void yin(std::span<const float> samples, const YinOptions& options, double trough_threshold, std::span<double> f0_hz, const StopToken& stop);

}  // namespace emotion::audio
