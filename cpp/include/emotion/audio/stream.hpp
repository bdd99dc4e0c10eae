// Features of a signal that is still coming: pushed in chunks of any sizes, the results are those of the whole signal, bit for bit.
//
//   frames   the descriptors of frame_plan.hpp, each frame as soon as its last sample is there; at the end those that reach beyond it, with zeros
//   windows  functionals() of samples [k * hop, k * hop + length), k = 0, 1, …, each with the push that brings its last sample; at the end the next
//            window cut at the end, if it has samples that no window had. With feature_rate_hz the window is resampled by itself first.
//
// A call that throws (bad samples, a stop request) leaves the stream as it was. Memory: at most about twice what frames and windows look back, and
// the largest push; the buffer does not grow in the steady state. Determinism: results do not depend on the sizes of the chunks, nor on threads.
// Threads: one stream belongs to one thread at a time; different streams are independent. Complexity: that of the frames and windows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "emotion/audio/frame_plan.hpp"
#include "emotion/audio/functionals.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

// The last samples of a signal, contiguous, addressed by their place in it. Dropping is cheap; the memory moves only when half of it is free.
class SampleBuffer {
public:
    // reach: values readable after the last one.
    explicit SampleBuffer(std::size_t reach = 0) : reach_(reach) {}
    [[nodiscard]] std::uint64_t begin() const noexcept { return place_; }
    [[nodiscard]] std::uint64_t end() const noexcept { return place_ + size_; }
    [[nodiscard]] const float* at(std::uint64_t place) const noexcept { return values_.data() + first_ + static_cast<std::size_t>(place - place_); }
    [[nodiscard]] std::size_t capacity() const noexcept { return values_.size(); }
    void append(std::span<const float> x);
    void append_zeros(std::size_t n);
    void remove_last(std::size_t n) noexcept { size_ -= n; }
    void drop_before(std::uint64_t place);  // at most end()
    void clear() noexcept;

private:
    float* room_for(std::size_t n);
    std::size_t reach_;
    std::vector<float> values_;
    std::size_t first_ = 0, size_ = 0;
    std::uint64_t place_ = 0;
};

struct WindowOptions {
    FeatureSet set = FeatureSet::classic;
    std::size_t length = 0, hop = 0;  // samples, at least 1
    int feature_rate_hz = 0;          // 0: the stream's
};

class FeatureStream {
public:
    // frames: null for none. InvalidInputError unless there are frames or windows, rates are in [100, 768000] and lengths at least 1.
    FeatureStream(int sample_rate_hz, std::shared_ptr<const FramePlan> frames, const std::optional<WindowOptions>& windows);

    struct Counts {
        std::size_t frames = 0, windows = 0;
    };
    // What a push of n samples will give, and flush.
    [[nodiscard]] Counts upcoming(std::size_t n) const noexcept;
    [[nodiscard]] Counts remaining() const noexcept;

    // frames: rows of the plan x upcoming.frames; windows: upcoming.windows x features. InvalidInputError for samples that are not finite or beyond
    // 1e9, and after flush. What resampling makes of samples within 1e9 may overshoot it.
    void push(std::span<const float> samples, MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop);
    // Ends the stream. After it remaining() is nothing, and flush does nothing.
    void flush(MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop);
    // Back to the beginning; memory is kept.
    void reset();

    [[nodiscard]] std::uint64_t samples() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t frames() const noexcept { return next_frame_; }    // given so far
    [[nodiscard]] std::uint64_t windows() const noexcept { return next_window_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] std::size_t n_features() const noexcept;  // of a window

private:
    void compute(std::uint64_t total, MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop);
    void window_features(std::uint64_t begin, std::size_t n, std::span<float> out, const StopToken& stop);

    int sample_rate_hz_;
    std::shared_ptr<const FramePlan> plan_;
    std::optional<WindowOptions> window_;
    std::size_t lead_;     // zeros in front of the signal: places in the buffer count them
    SampleBuffer buffer_;
    std::vector<float> resampled_;
    std::uint64_t total_ = 0, next_frame_ = 0, next_window_ = 0;
    bool ended_ = false;
};

}  // namespace emotion::audio
