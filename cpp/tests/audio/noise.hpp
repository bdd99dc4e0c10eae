// Signals without any structure, for the tests of audio.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emotion/core/rng.hpp"

namespace emotion::audio::test {

// Uniform in [-0.5, 0.5).
inline std::vector<float> uniform_noise(std::size_t n, std::uint64_t seed) {
    RandomStream random(seed, Purpose::test, n);
    std::vector<float> x(n);
    for (float& v : x) {
        v = static_cast<float>(random.uniform() - 0.5);
    }
    return x;
}

// Normal with a standard deviation of 0.3.
inline std::vector<float> normal_noise(std::size_t n, std::uint64_t seed) {
    RandomStream random(seed, Purpose::test, n);
    std::vector<float> x(n);
    for (float& v : x) {
        v = 0.3F * static_cast<float>(random.normal());
    }
    return x;
}

}  // namespace emotion::audio::test
