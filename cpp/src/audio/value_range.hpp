// The least and the largest of values that come in parts, in eight running extremes each. Values must not be NaN. Complexity O(n).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

namespace emotion::audio {

struct ValueRange {
    float lowest = std::numeric_limits<float>::infinity(), highest = -std::numeric_limits<float>::infinity();  // of nothing

    void add(std::span<const float> x) {
        constexpr std::size_t wide = 8;
        std::array<float, wide> low, high;
        low.fill(lowest);
        high.fill(highest);
        const auto widen = [&](std::size_t l, float v) {
            low[l] = v < low[l] ? v : low[l];
            high[l] = v > high[l] ? v : high[l];
        };
        std::size_t i = 0;
        for (; i + wide <= x.size(); i += wide) {
            for (std::size_t l = 0; l < wide; ++l) {
                widen(l, x[i + l]);
            }
        }
        for (; i < x.size(); ++i) {
            widen(0, x[i]);
        }
        lowest = *std::ranges::min_element(low);
        highest = *std::ranges::max_element(high);
    }
};

}  // namespace emotion::audio
