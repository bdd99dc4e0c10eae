// Numbers for values: equal values get equal codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::model_selection {

struct Factorized {
    std::vector<std::int64_t> codes;  // one a row, from 0 to the number of different values - 1
    std::vector<std::int64_t> first;  // the first row of each value
};

// Codes of rows of `width` bytes each, in order of appearance: rows are equal when their bytes are (callers settle -0.0, NaN and padding).
//
// bytes.size() is a multiple of width >= 1. Method: open addressing with linear probing over a table that is at most half full (Knuth,
// TAOCP 3, 6.4, algorithm L); words of up to eight bytes are their own keys, longer ones are compared with the first row of their value.
// O(rows) expected. Serial, deterministic. The token is checked every 65,536 rows.
// Worked case, width 1: "b a b c" gives codes (0, 1, 0, 2), first (0, 1, 3).
Factorized factorize(std::span<const std::byte> bytes, std::size_t width, const StopToken& stop);

// Codes of integers in increasing order of the values. Where their range is at most twice the number of rows (plus 65,536), by a table over
// the range, O(rows + range); otherwise `factorize` and a sort of the different values. Serial, deterministic.
// Worked case: (7, -1, 7) gives codes (1, 0, 1), first (1, 0).
Factorized factorize_sorted(std::span<const std::int64_t> values, const StopToken& stop);

}  // namespace emotion::model_selection
