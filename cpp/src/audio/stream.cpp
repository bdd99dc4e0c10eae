#include "emotion/audio/stream.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "emotion/audio/decode.hpp"
#include "emotion/audio/resample.hpp"
#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t kept_values = 1U << 20;    // a buffer of up to 4 MiB stays; a larger one shrinks when an eighth of it would do

void check_rate(int rate_hz, const char* parameter) {
    if (rate_hz < lowest_feature_rate_hz || rate_hz > highest_rate_hz) {
        throw InvalidInputError(parameter, "FeatureStream", rate_rule(lowest_feature_rate_hz), std::to_string(rate_hz));
    }
}

bool usable(const float* x, std::size_t n) {
    std::size_t bad = 0;
    for (std::size_t i = 0; i < n; ++i) {
        bad += std::fabs(x[i]) <= largest_sample ? 0U : 1U;  // NaN is bad
    }
    return bad == 0;
}

}  // namespace

float* SampleBuffer::room_for(std::size_t n) {
    if (first_ + size_ + n + reach_ > values_.size()) {
        const std::size_t needed = size_ + n;
        if (first_ < size_ || needed + reach_ > values_.size()) {
            std::vector<float> larger(2 * needed + reach_);
            std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first_), size_, larger.begin());
            values_.swap(larger);
        } else {
            std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first_), size_, values_.begin());
        }
        first_ = 0;
    }
    float* const room = values_.data() + first_ + size_;
    size_ += n;
    return room;
}

void SampleBuffer::append(std::span<const float> x) { std::ranges::copy(x, room_for(x.size())); }

void SampleBuffer::append_zeros(std::size_t n) { std::fill_n(room_for(n), n, 0.0F); }

void SampleBuffer::drop_before(std::uint64_t place) {
    if (place > place_) {
        const auto n = static_cast<std::size_t>(place - place_);
        first_ += n;
        size_ -= n;
        place_ = place;
    }
    if (values_.size() > kept_values && values_.size() / 8 > size_ + reach_) {
        std::vector<float> smaller(2 * size_ + reach_);
        std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first_), size_, smaller.begin());
        values_.swap(smaller);
        first_ = 0;
    }
}

void SampleBuffer::clear() noexcept {
    first_ = size_ = 0;
    place_ = 0;
}

FeatureStream::FeatureStream(int sample_rate_hz, std::shared_ptr<const FramePlan> frames, const std::optional<WindowOptions>& windows)
    : sample_rate_hz_(sample_rate_hz), plan_(std::move(frames)), window_(windows), lead_(plan_ ? plan_->lead() : 0), buffer_(plan_ ? plan_->reach() : 0) {
    check_rate(sample_rate_hz, "sample_rate_hz");
    if (!plan_ && !window_) {
        throw InvalidInputError("set and descriptors", "FeatureStream", "given, at least one of them", "neither");
    }
    if (window_) {
        window_->feature_rate_hz = window_->feature_rate_hz == 0 ? sample_rate_hz : window_->feature_rate_hz;
        check_rate(window_->feature_rate_hz, "feature_rate_hz");
        if (window_->length < 1 || window_->hop < 1) {
            throw InvalidInputError("window_s and hop_s", "FeatureStream", "at least one sample long",
                                    std::to_string(window_->length) + " and " + std::to_string(window_->hop) + " samples");
        }
    }
    reset();
}

std::size_t FeatureStream::n_features() const noexcept { return window_ ? feature_names(window_->set).size() : 0; }

FeatureStream::Counts FeatureStream::upcoming(std::size_t n) const noexcept {
    const std::uint64_t total = total_ + n;
    Counts counts;
    if (plan_) {
        counts.frames = static_cast<std::size_t>(plan_->settled(total) - next_frame_);
    }
    if (window_ && total >= window_->length) {
        counts.windows = static_cast<std::size_t>(1 + (total - window_->length) / window_->hop - next_window_);
    }
    return counts;
}

FeatureStream::Counts FeatureStream::remaining() const noexcept {
    Counts counts;
    if (ended_) {
        return counts;
    }
    if (plan_) {
        counts.frames = static_cast<std::size_t>(plan_->frames(total_) - next_frame_);
    }
    if (window_) {
        const std::uint64_t begin = next_window_ * window_->hop, covered = next_window_ == 0 ? 0 : begin - window_->hop + window_->length;
        counts.windows = begin < total_ && covered < total_ ? 1 : 0;
    }
    return counts;
}

void FeatureStream::window_features(std::uint64_t begin, std::size_t n, std::span<float> out, const StopToken& stop) {
    std::span<const float> x{buffer_.at(lead_ + begin), n};
    if (window_->feature_rate_hz != sample_rate_hz_) {
        const auto plan = Resampler::get(sample_rate_hz_, window_->feature_rate_hz);
        resampled_.resize(plan->output_size(n));
        plan->apply(x, resampled_, stop);
        x = resampled_;
    }
    std::ranges::copy(resampled_functionals(x, window_->feature_rate_hz, window_->set, stop), out.begin());
}

// All new frames and windows of a signal of which `total` samples are known; the buffer holds them, and zeros where frames reach beyond.
void FeatureStream::compute(std::uint64_t total, MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop) {
    for (std::size_t done = 0; done < frames.cols; done += RealFft::batch) {
        stop.check();
        const std::uint64_t t = next_frame_ + done;
        plan_->compute(buffer_.at(t * plan_->hop_length()), t, std::min(RealFft::batch, frames.cols - done), total, frames, done);
    }
    for (std::size_t i = 0; i < windows.rows; ++i) {
        stop.check();
        const std::uint64_t begin = (next_window_ + i) * window_->hop;
        window_features(begin, static_cast<std::size_t>(std::min<std::uint64_t>(window_->length, total - begin)), windows.row(i), stop);
    }
}

void FeatureStream::push(std::span<const float> samples, MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop) {
    if (ended_) {
        throw InvalidInputError("stream", "push", "reset after flush before it takes samples again", "a stream that has ended");
    }
    buffer_.append(samples);
    try {
        if (!usable(buffer_.at(buffer_.end() - samples.size()), samples.size())) {
            throw InvalidInputError("samples", "push", "finite and within -1e9 to 1e9", "a value that is not");
        }
        compute(total_ + samples.size(), frames, windows, stop);
    } catch (...) {
        buffer_.remove_last(samples.size());
        throw;
    }
    total_ += samples.size();
    next_frame_ += frames.cols;
    next_window_ += windows.rows;
    std::uint64_t needed = buffer_.end();
    if (plan_) {
        needed = std::min(needed, next_frame_ * plan_->hop_length());
    }
    if (window_) {
        needed = std::min(needed, lead_ + next_window_ * window_->hop);
    }
    buffer_.drop_before(needed);
}

void FeatureStream::flush(MatrixView<float> frames, MatrixView<float> windows, const StopToken& stop) {
    if (ended_) {
        return;
    }
    const std::size_t beyond = plan_ ? plan_->n_fft() : 0;
    buffer_.append_zeros(beyond);
    try {
        compute(total_, frames, windows, stop);
    } catch (...) {
        buffer_.remove_last(beyond);
        throw;
    }
    next_frame_ += frames.cols;
    next_window_ += windows.rows;
    ended_ = true;
    buffer_.clear();
}

void FeatureStream::reset() {
    buffer_.clear();
    buffer_.append_zeros(lead_);
    total_ = next_frame_ = next_window_ = 0;
    ended_ = false;
}

}  // namespace emotion::audio
