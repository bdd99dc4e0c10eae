// The share of samples in flat tops: runs of L >= 3 within 1e-4 of the amplitude (half of highest - lowest) of the highest sample, from which the signal
// falls on both sides, within L - 1 samples, by more than ten times that or ten steps of the format; and the same of the lowest. An end of the signal
// counts as a fall; an extreme within 0.2 of the amplitude of the mean is that of pauses and has no tops.
//
// A smooth top is a parabola there: where L samples span a depth of d, L more on either side fall by 8 d, so that no tone is clipped at any pitch, rate
// or number of bits, whereas a clipped slope falls on. The step is the smallest difference of neighbours in the top tenth, at most that tenth. No gain
// and no offset changes the share. Complexity O(n). Samples must be finite. Deterministic, pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::audio {

// lowest, highest, mean: of the samples.
[[nodiscard]] double clipped_share(std::span<const float> x, float lowest, float highest, double mean, const StopToken& stop = {});

// Counts the samples in flat tops at full scale of each channel of a signal that comes in parts: what mixing down hides. The parts of a channel are
// judged one by one, with their largest magnitude as amplitude; a top that the end of a part cuts needs to fall on its other side alone. Holds one part
// of one channel. NaN and infinity count as nothing.
class ChannelTops {
public:
    explicit ChannelTops(std::size_t channels) : channels_(channels) {}
    void add(std::span<const float> interleaved);  // whole frames
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }

private:
    std::size_t channels_;
    std::uint64_t samples_ = 0;
    std::vector<float> channel_;
};

}  // namespace emotion::audio
