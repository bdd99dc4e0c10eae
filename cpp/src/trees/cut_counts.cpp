#include "cut_counts.hpp"

#include <cstring>

#include "emotion/core/clones.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t lanes = 8;
using Floats = float __attribute__((vector_size(lanes * sizeof(float))));
using Flags = std::int32_t __attribute__((vector_size(lanes * sizeof(float))));

}  // namespace

EMOTION_CLONES
static void range_of(float* values, std::size_t n, ValueRange* range) {
    for (std::size_t i = n; i < n + lanes; ++i) {
        values[i] = values[n - 1];
    }
    Floats low = Floats{} + __builtin_inff();
    Floats high = -low;
    Flags missing = {};
    for (std::size_t i = 0; i < n; i += lanes) {
        Floats here;
        std::memcpy(&here, values + i, sizeof here);
        low = here < low ? here : low;   // false for NaN
        high = here > high ? here : high;
        missing |= here != here;
    }
    range->low = low[0];
    range->high = high[0];
    std::int32_t any = missing[0];
    for (std::size_t i = 1; i < lanes; ++i) {
        range->low = low[i] < range->low ? low[i] : range->low;
        range->high = high[i] > range->high ? high[i] : range->high;
        any |= missing[i];
    }
    range->missing = any != 0;
}

EMOTION_CLONES __attribute__((optimize("O3")))
static std::uint64_t sum_left(const float* values, const std::uint64_t* words, std::size_t n, float cut) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += values[i] <= cut ? words[i] : 0;
    }
    return sum;
}

EMOTION_CLONES __attribute__((optimize("O3")))
static std::uint64_t sum_not_right(const float* values, const std::uint64_t* words, std::size_t n, float cut) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += values[i] > cut ? 0 : words[i];   // false for NaN
    }
    return sum;
}

ValueRange value_range(float* values, std::size_t n) {
    ValueRange range{};
    range_of(values, n, &range);
    return range;
}

std::uint64_t words_left(const float* values, const std::uint64_t* words, std::size_t n, float cut, bool missing_left) {
    return missing_left ? sum_not_right(values, words, n, cut) : sum_left(values, words, n, cut);
}

}  // namespace emotion::trees
