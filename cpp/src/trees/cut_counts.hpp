// The two passes of a random cut over a node's values, many at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "packed_gini.hpp"

namespace emotion::trees {

struct ValueRange {
    float low;      // +infinity where there is no value
    float high;     // -infinity where there is no value
    bool missing;   // some value is NaN
};

// The range of n values without NaN. The `padding` floats behind them are written.
ValueRange value_range(float* values, std::size_t n);

// The sum of the words whose value is at most the cut, and, with missing_left, of those whose value is NaN.
std::uint64_t words_left(const float* values, const std::uint64_t* words, std::size_t n, float cut, bool missing_left);

}  // namespace emotion::trees
