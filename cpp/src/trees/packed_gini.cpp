#include "packed_gini.hpp"

#include <cstring>

#include "emotion/core/clones.hpp"

namespace emotion::trees {
namespace {

using Bytes = std::int8_t __attribute__((vector_size(32)));
using Words = std::uint64_t __attribute__((vector_size(64)));
using Shorts = std::uint16_t __attribute__((vector_size(64)));
using Doubles = double __attribute__((vector_size(64)));
using Longs = std::int64_t __attribute__((vector_size(64)));
using Longs4 = std::int64_t __attribute__((vector_size(32)));
using Longs2 = std::int64_t __attribute__((vector_size(16)));
using Doubles4 = double __attribute__((vector_size(32)));
using Doubles2 = double __attribute__((vector_size(16)));
using Counts = std::int32_t __attribute__((vector_size(32)));

constexpr std::uint64_t even_bytes = 0x00FF00FF00FF00FFULL;
constexpr std::uint64_t bits_of_2_52 = 0x4330000000000000ULL;

}  // namespace

EMOTION_CLONES
void rank_bytes(const std::uint8_t* codes, std::size_t n, std::uint8_t* ranks) {
    // Compared as signed bytes.
    const Bytes sign = Bytes{} - static_cast<std::int8_t>(-128);
    for (std::size_t first = 0; first < n; first += sizeof(Bytes)) {
        Bytes own;
        std::memcpy(&own, codes + first, sizeof own);
        own ^= sign;
        Bytes rank = {};
        for (std::size_t j = 0; j < n; ++j) {
            const Bytes other = Bytes{} + static_cast<std::int8_t>(codes[j] ^ 0x80);
            rank -= own > other;
        }
        std::memcpy(ranks + first, &rank, sizeof rank);
    }
}

// Eight boundaries a step, one a 64-bit lane. Sums of squares are at most 255^2, so 16 bits hold them; numerators and denominators are exact in doubles.
EMOTION_CLONES
std::size_t best_boundary(std::uint64_t* prefixes, std::size_t n, std::uint64_t total, std::uint32_t all, std::uint32_t least, double* best) {
    constexpr std::size_t lanes = sizeof(Words) / sizeof(std::uint64_t);
    for (std::size_t i = n; i < n + lanes; ++i) {
        prefixes[i] = total;   // nothing on the right: never better
    }
    const Words zero = {};
    const Words low = zero + even_bytes;
    const Words magic = zero + bits_of_2_52;
    const Words sixteen = zero + 0xFFFF;
    const Doubles shift = Doubles{} + 4503599627370496.0;
    const Doubles copies = Doubles{} + static_cast<double>(all);
    double most = *best;
    std::size_t found = n;
    for (std::size_t first = 0; first < n; first += lanes) {
        Words left;
        std::memcpy(&left, prefixes + first, sizeof left);
        const Words right = zero + total - left;
        const auto even_l = reinterpret_cast<Shorts>(left & low);
        const auto odd_l = reinterpret_cast<Shorts>(left >> 8 & low);
        const auto even_r = reinterpret_cast<Shorts>(right & low);
        const auto odd_r = reinterpret_cast<Shorts>(right >> 8 & low);
        auto squares_l = reinterpret_cast<Words>(even_l * even_l + odd_l * odd_l);
        auto squares_r = reinterpret_cast<Words>(even_r * even_r + odd_r * odd_r);
        auto count_l = reinterpret_cast<Words>(even_l + odd_l);
        // The low 16 bits become the sum of the four; carries go upwards.
        squares_l += squares_l >> 32;
        squares_l += squares_l >> 16;
        squares_r += squares_r >> 32;
        squares_r += squares_r >> 16;
        count_l += count_l >> 32;
        count_l += count_l >> 16;
        const Doubles s_l = reinterpret_cast<Doubles>((squares_l & sixteen) | magic) - shift;
        const Doubles s_r = reinterpret_cast<Doubles>((squares_r & sixteen) | magic) - shift;
        const Doubles l = reinterpret_cast<Doubles>((count_l & sixteen) | magic) - shift;
        const Doubles r = copies - l;
        const Doubles numerator = s_l * r + s_r * l;
        const Doubles denominator = l * r;
        const Longs better = numerator > denominator * most;
        const Longs4 half = __builtin_shufflevector(better, better, 0, 1, 2, 3) | __builtin_shufflevector(better, better, 4, 5, 6, 7);
        const Longs2 quarter = __builtin_shufflevector(half, half, 0, 1) | __builtin_shufflevector(half, half, 2, 3);
        if ((quarter[0] | quarter[1]) == 0) {
            continue;
        }
        for (std::size_t i = 0; i < lanes && first + i < n; ++i) {
            const std::size_t at = first + i;
            const bool repeats = at > 0 && prefixes[at] == prefixes[at - 1];
            if (!repeats && l[i] >= least && r[i] >= least && numerator[i] > most * denominator[i]) {
                most = numerator[i] / denominator[i];
                found = at;
            }
        }
    }
    *best = most;
    return found;
}

EMOTION_CLONES
std::size_t best_bin(const std::uint32_t* counts, std::size_t begin, std::size_t end, const std::uint32_t* left, const std::uint32_t* total, double least,
                     double* best) {
    Counts prefix;
    Counts whole;
    std::memcpy(&prefix, left, sizeof prefix);
    std::memcpy(&whole, total, sizeof whole);
    const Doubles all_classes = __builtin_convertvector(whole, Doubles);
    double all = 0;
    for (std::size_t c = 0; c < packed_classes; ++c) {
        all += all_classes[c];
    }
    double most = *best;
    std::size_t found = end;
    for (std::size_t b = begin; b < end; ++b) {
        Counts here;
        std::memcpy(&here, counts + b * packed_classes, sizeof here);
        const Counts before = prefix;
        prefix += here;
        const Doubles l = __builtin_convertvector(prefix, Doubles);
        const Doubles r = all_classes - l;
        const Doubles squares_l = l * l;
        const Doubles squares_r = r * r;
        // Integers below 2^53: the order of the additions does not show. Lanes of `sums`: the two sums of squares, in turn.
        const Doubles4 half_l = __builtin_shufflevector(squares_l, squares_l, 0, 1, 2, 3) + __builtin_shufflevector(squares_l, squares_l, 4, 5, 6, 7);
        const Doubles4 half_r = __builtin_shufflevector(squares_r, squares_r, 0, 1, 2, 3) + __builtin_shufflevector(squares_r, squares_r, 4, 5, 6, 7);
        const Doubles4 sums = __builtin_shufflevector(half_l, half_r, 0, 4, 1, 5) + __builtin_shufflevector(half_l, half_r, 2, 6, 3, 7);
        const Doubles2 squares = __builtin_shufflevector(sums, sums, 0, 1) + __builtin_shufflevector(sums, sums, 2, 3);
        const Doubles4 half_n = __builtin_shufflevector(l, l, 0, 1, 2, 3) + __builtin_shufflevector(l, l, 4, 5, 6, 7);
        const Doubles2 quarter_n = __builtin_shufflevector(half_n, half_n, 0, 1) + __builtin_shufflevector(half_n, half_n, 2, 3);
        const double s_l = squares[0];
        const double s_r = squares[1];
        const double n_l = quarter_n[0] + quarter_n[1];
        const double n_r = all - n_l;
        const double numerator = s_l * n_r + s_r * n_l;
        const double denominator = n_l * n_r;
        if (numerator > most * denominator && n_l >= least && n_r >= least && std::memcmp(&before, &prefix, sizeof before) != 0) {
            most = numerator / denominator;
            found = b;
        }
    }
    *best = most;
    return found;
}

}  // namespace emotion::trees
