// A voice of a steady pitch, for the tests of recordings.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace emotion::audio::test {

inline constexpr int rate = 16'000;

// Harmonics of 120 Hz between begin_s and end_s, of this root mean square.
inline void add_voice(std::vector<float>& x, double begin_s, double end_s, double level) {
    for (auto t = static_cast<std::size_t>(begin_s * rate); t < static_cast<std::size_t>(end_s * rate); ++t) {
        double sum = 0;
        for (int h = 1; h <= 20; ++h) {
            sum += std::cos(2 * std::numbers::pi * 120.0 * h * static_cast<double>(t) / rate + h * h);
        }
        x[t] += static_cast<float>(level * sum / std::sqrt(10.0));
    }
}

}  // namespace emotion::audio::test
