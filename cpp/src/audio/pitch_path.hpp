// The path through the candidates of the frames of a pitch track, and the voicing decision (Boersma 1993, eq. 27; pitch.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/audio/pitch.hpp"

namespace emotion::audio {

namespace pitch_path {
constexpr float jump_cost = 0.5F;     // an octave of pitch change, for frames 10 ms apart
constexpr float change_cost = 0.15F;  // a change between voiced and unvoiced, for frames 10 ms apart
constexpr float silence = 0.02F;      // level over the clip's highest below which frames turn unvoiced
constexpr float softness = 0.08F;     // of the voiced probability
constexpr std::size_t most_candidates = 8;
}  // namespace pitch_path

struct PitchPeak {
    float lag = 0.0F;       // samples of the correlation
    // What the path search adds up: height, and octave_cost for each octave above the lowest pitch. Both are those of the parabola through the
    // correlation at the three whole lags around the peak, and stay so when lag and octave are made finer afterwards (pitch.cpp: refine, pulled).
    float strength = 0.0F;
    float height = 0.0F;    // of that parabola's vertex; 1 / it where it is above 1
    float octave = 0.0F;    // log2 of the frequency of lag
};

// The candidates of one frame, strongest first, and its level.
struct PitchFrame {
    std::array<PitchPeak, pitch_path::most_candidates> candidates;
    std::size_t count = 0;
    float level = 0.0F;
};

namespace pitch_path {

// State 0 is unvoiced, state i + 1 candidate i.
constexpr std::size_t states = most_candidates + 1;

// What a step from one frame to the next costs.
struct Costs {
    explicit Costs(double hop_s) : jump(jump_cost * static_cast<float>(0.01 / hop_s)), change(change_cost * static_cast<float>(0.01 / hop_s)) {}

    [[nodiscard]] double operator()(const PitchFrame& before, std::size_t p, const PitchFrame& now, std::size_t s) const {
        if ((p == 0) != (s == 0)) {
            return static_cast<double>(change);
        }
        return p == 0 ? 0.0 : static_cast<double>(jump * std::abs(before.candidates[p - 1].octave - now.candidates[s - 1].octave));
    }

    float jump, change;
};

struct Arrival {
    double value;
    std::uint8_t from;
};

// The best way to state s of `now`; value: of the states of the frame before. Of equal ways the one from the lowest state.
inline Arrival best_arrival(const PitchFrame& before, const std::array<double, states>& value, const PitchFrame& now, std::size_t s, const Costs& cost) {
    Arrival best{-std::numeric_limits<double>::infinity(), 0};
    for (std::size_t p = 0; p <= before.count; ++p) {
        const double sum = value[p] - cost(before, p, now, s);
        best = sum > best.value ? Arrival{sum, static_cast<std::uint8_t>(p)} : best;
    }
    return best;
}

}  // namespace pitch_path

// Fills f0_hz and voiced_probability. Viterbi over the candidates and one unvoiced state a frame: the largest sum of strengths less costs.
inline void search_pitch_path(std::vector<PitchFrame>& frames, double lag_rate_hz, const PitchOptions& options, PitchTrack& track) {
    using namespace pitch_path;
    const std::size_t n = frames.size();
    float loudest = 0.0F;
    for (const PitchFrame& f : frames) {
        loudest = std::max(loudest, f.level);
    }
    std::vector<std::array<std::uint8_t, states>> back(n);
    std::array<double, states> value{}, next{};
    const Costs cost(options.hop_s);
    const auto threshold = static_cast<float>(options.voicing_threshold);
    std::vector<float> margin(n);
    for (std::size_t t = 0; t < n; ++t) {
        PitchFrame& f = frames[t];
        const float relative = loudest > 0.0F ? f.level / loudest : 0.0F;
        const float unvoiced = threshold + std::max(0.0F, 2.0F - relative * (1.0F + threshold) / silence);
        float best_strength = 0.0F;
        for (std::size_t s = 0; s <= f.count; ++s) {
            const float strength = s == 0 ? unvoiced : f.candidates[s - 1].strength;
            if (s > 0) {
                best_strength = std::max(best_strength, f.candidates[s - 1].height);
            }
            const Arrival best = t == 0 ? Arrival{0.0, 0} : best_arrival(frames[t - 1], value, f, s, cost);
            next[s] = best.value + static_cast<double>(strength);
            back[t][s] = best.from;
        }
        value = next;
        margin[t] = best_strength - unvoiced;
    }
    std::size_t state = 0;
    for (std::size_t s = 1; n > 0 && s <= frames[n - 1].count; ++s) {
        state = value[s] > value[state] ? s : state;
    }
    for (std::size_t t = n; t-- > 0;) {
        track.f0_hz[t] = state == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(lag_rate_hz) / frames[t].candidates[state - 1].lag;
        track.voiced_probability[t] = 1.0F / (1.0F + std::exp(-margin[t] / softness));
        state = back[t][state];
    }
}

}  // namespace emotion::audio
