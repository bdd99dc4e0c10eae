// The choices of three resonances a frame, and the steps of the cheapest path through them (formants.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "emotion/audio/formants.hpp"
#include "emotion/core/clones.hpp"

namespace emotion::audio {
namespace {

// Neutral tract of 17 cm, admissible range, and the weights of the cost.
constexpr std::array<double, 3> neutral_hz{500.0, 1500.0, 2500.0};
constexpr std::array<double, 3> lowest_hz{150.0, 500.0, 1300.0};
constexpr std::array<double, 3> highest_hz{1250.0, 3300.0, 4500.0};
constexpr double distance_cost = 0.5;      // a unit of |F - neutral| / neutral
constexpr double bandwidth_cost = 1.0 / 4000.0;  // a Hz
constexpr double jump_cost = 1.0;          // an octave a frame
constexpr double range_cost = 4.0;
constexpr float missing_bandwidth_hz = 1000.0F;

constexpr std::size_t most_choices = 20;  // three of six

// A frame of the path: its resonances, by rising frequency, and every choice of three of them.
struct PathFrame {
    std::size_t count = 0;
    std::array<std::pair<float, float>, Resonances::capacity> found;  // frequency, bandwidth
    std::array<std::array<unsigned char, 3>, most_choices> choice;
    std::array<unsigned char, most_choices> origin;  // the choice of the frame before that leads here
};
// Of the choices of one frame, in as many whole vectors as they fill: their own costs, the octaves of their formants, and the cost of the path up to them.
struct PathCosts {
    double own[most_choices] = {}, octave[3][most_choices] = {}, total[most_choices] = {};
};

// A frame with fewer than three resonances gets wide ones at the neutral frequencies.
void list_choices(const Resonances& resonances, PathFrame& frame, PathCosts& costs) {
    auto& found = frame.found;
    std::size_t n = 0;
    for (; n < resonances.count; ++n) {
        found[n] = {resonances.frequency_hz[n], resonances.bandwidth_hz[n]};
    }
    for (std::size_t i = 0; n < 3; ++i) {
        found[n++] = {static_cast<float>(neutral_hz[i]), missing_bandwidth_hz};
    }
    std::sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n));
    std::array<std::array<double, 3>, Resonances::capacity> cost;  // of a resonance as formant 1, 2 and 3
    std::array<double, Resonances::capacity> octave;
    for (std::size_t c = 0; c < n; ++c) {
        const double f = static_cast<double>(found[c].first);
        octave[c] = std::log2(f);
        for (std::size_t formant = 0; formant < 3; ++formant) {
            const bool outside = f < lowest_hz[formant] || f > highest_hz[formant];
            cost[c][formant] = distance_cost * std::fabs(f - neutral_hz[formant]) / neutral_hz[formant] +
                               bandwidth_cost * static_cast<double>(found[c].second) + (outside ? range_cost : 0.0);
        }
    }
    frame.count = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j) {
            for (std::size_t k = j + 1; k < n; ++k) {
                const std::size_t at = frame.count++;
                frame.choice[at] = {static_cast<unsigned char>(i), static_cast<unsigned char>(j), static_cast<unsigned char>(k)};
                costs.own[at] = cost[i][0] + cost[j][1] + cost[k][2];
                costs.octave[0][at] = octave[i];
                costs.octave[1][at] = octave[j];
                costs.octave[2][at] = octave[k];
            }
        }
    }
}

typedef double Four __attribute__((vector_size(32)));
typedef double FourMemory __attribute__((vector_size(32), aligned(8), may_alias));

// For each choice of a frame, the least of the totals before it (`before` of them) and the jumps from there, and the first choice that has it.
EMOTION_CLONES void cheapest_origins(const PathCosts& last, std::size_t before, std::size_t count, PathCosts& now, unsigned char* origin) {
    constexpr std::size_t width = 4;
    static_assert(most_choices % width == 0);
    const auto distance = [](Four a, double b) __attribute__((always_inline)) {
        const Four d = a - b;
        return d < 0.0 ? -d : d;
    };
    for (std::size_t c = 0; c < count; c += width) {
        const auto load_four = [c](const double* p) __attribute__((always_inline)) { return Four(*reinterpret_cast<const FourMemory*>(p + c)); };
        const Four first = load_four(now.octave[0]), second = load_four(now.octave[1]), third = load_four(now.octave[2]);
        Four best = Four{} + __builtin_inf(), from = {};
        for (std::size_t p = 0; p < before; ++p) {
            const Four jump = distance(first, last.octave[0][p]) + distance(second, last.octave[1][p]) + distance(third, last.octave[2][p]);
            const Four cost = last.total[p] + jump_cost * jump;
            const auto less = cost < best;
            best = less ? cost : best;
            from = less ? Four{} + static_cast<double>(p) : from;
        }
        for (std::size_t i = 0; i < width; ++i) {
            now.total[c + i] = best[i] + now.own[c + i];
            origin[c + i] = static_cast<unsigned char>(from[i]);
        }
    }
}

}  // namespace
}  // namespace emotion::audio
