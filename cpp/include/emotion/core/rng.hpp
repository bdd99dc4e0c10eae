// Counter-based random streams: a stream is a pure function of (seed, purpose, index), so results do not depend on which thread draws first.
//
// Source: the output function is SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014);
// bounded integers by Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019 (unbiased, with rejection).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

namespace emotion {

[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

// What a stream is for. Numbers are part of the reproducibility promise: never renumber, only append.
enum class Purpose : std::uint64_t {
    bootstrap = 1,       // rows of a tree
    node_features = 2,   // candidate features of a node
    over_sampling = 3,
    split = 4,           // shuffles of splitters
    resampling = 5,      // statistical bootstrap
    permutation = 6,
    boosting_rows = 7,
    boosting_columns = 8,
    augmentation = 9,
    test = 10,
    synthetic_rows = 21,
    under_sampling = 22,
    node_cuts = 31,      // random cuts of a node's columns
};

class RandomStream {
public:
    RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t index, std::uint64_t sub_index = 0) noexcept
        : state_(mix64(mix64(mix64(mix64(seed + golden) ^ (static_cast<std::uint64_t>(purpose) * golden)) + index) ^ mix64(sub_index + golden))) {}

    std::uint64_t next() noexcept {
        state_ += golden;
        return mix64(state_);
    }
    // Uniform in [0, n), n >= 1, without bias.
    std::uint64_t below(std::uint64_t n) noexcept {
        __extension__ using u128 = unsigned __int128;
        u128 product = static_cast<u128>(next()) * n;
        auto low = static_cast<std::uint64_t>(product);
        if (low < n) {
            const std::uint64_t threshold = (0 - n) % n;
            while (low < threshold) {
                product = static_cast<u128>(next()) * n;
                low = static_cast<std::uint64_t>(product);
            }
        }
        return static_cast<std::uint64_t>(product >> 64);
    }
    // Uniform in [0, 1), 53 bits.
    double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    // Standard normal (Box-Muller, one value a call).
    double normal() noexcept {
        const double u = 1.0 - uniform();
        const double v = uniform();
        return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
    }
    // Fisher-Yates.
    template <class T>
    void shuffle(std::span<T> values) noexcept {
        for (std::size_t i = values.size(); i > 1; --i) {
            std::swap(values[i - 1], values[below(i)]);
        }
    }

private:
    static constexpr std::uint64_t golden = 0x9E3779B97F4A7C15ULL;
    std::uint64_t state_;
};

}  // namespace emotion
