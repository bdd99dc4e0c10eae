// Sorting the packed (code, payload) keys of one column in one node: the inner loop of growing.
//
// Two ways, both linear or branch-free where it counts:
// - up to rank_limit 32-bit keys: each key's rank is the number of smaller keys, counted four lanes at a time; no branch depends on data;
// - more: one counting pass over the leading bits of the codes (about two buckets a key, so that few keys share one), then insertion
//   sort of the nearly sorted rest. Codes are ranks over all rows, so they spread evenly; buckets that overflow are sorted by themselves.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace emotion::trees {

template <class Key>
class KeySorter {
public:
    void reserve(std::size_t n) {
        keys_.resize(n + lanes);
        sorted_.resize(n + lanes);
        buckets_.resize(buckets_for(n) * 2 + 2);
    }
    [[nodiscard]] Key* keys() { return keys_.data(); }
    [[nodiscard]] const Key* sorted() const { return sorted_.data(); }

    // Sorts keys()[0 … n) into sorted(), and puts the largest Key behind them. `low` and `high` are the smallest and the largest code,
    // the code of a key is key >> payload_bits. Keys of equal code come in the order of the whole keys, or in an order
    // that is stable in keys(): sums must not depend on which.
    void sort(std::size_t n, Key low, Key high, int payload_bits) {
        sorted_[n] = std::numeric_limits<Key>::max();
        if constexpr (sizeof(Key) == 4) {
            if (n <= rank_limit) {
                rank_sort(n);
                return;
            }
        } else if (n <= insertion_limit) {
            std::memcpy(sorted_.data(), keys_.data(), n * sizeof(Key));
            insertion_sort(sorted_.data(), n);
            return;
        }
        bucket_sort(n, low, high, payload_bits);
    }

private:
    static constexpr std::size_t lanes = 16;
    static constexpr std::size_t rank_limit = 48;
    static constexpr std::size_t insertion_limit = 16;
    static constexpr std::size_t crowded = 24;   // keys in one bucket

    static std::size_t buckets_for(std::size_t n) { return std::bit_ceil(n | 1) * 2; }

    static void insertion_sort(Key* keys, std::size_t n) {
        for (std::size_t i = 1; i < n; ++i) {
            const Key key = keys[i];
            std::size_t at = i;
            for (; at > 0 && keys[at - 1] > key; --at) {
                keys[at] = keys[at - 1];
            }
            keys[at] = key;
        }
    }

    void rank_sort(std::size_t n) {
        using Lane = std::int32_t;
        using Vector [[gnu::vector_size(16)]] = Lane;
        static_assert(sizeof(Vector) == 4 * sizeof(Lane));
        const Key* const keys = keys_.data();
        Lane ranks[rank_limit + lanes];
        for (std::size_t i = 0; i < n; i += 8) {
            Vector a;
            Vector b;
            std::memcpy(&a, keys + i, sizeof(a));
            std::memcpy(&b, keys + i + 4, sizeof(b));
            Vector rank_a = {0, 0, 0, 0};
            Vector rank_b = {0, 0, 0, 0};
            for (std::size_t j = 0; j < n; ++j) {
                const auto key = static_cast<Lane>(keys[j]);
                const Vector other = {key, key, key, key};
                rank_a -= a > other;
                rank_b -= b > other;
            }
            std::memcpy(ranks + i, &rank_a, sizeof(rank_a));
            std::memcpy(ranks + i + 4, &rank_b, sizeof(rank_b));
        }
        Key* const out = sorted_.data();
        std::size_t sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            out[ranks[i]] = keys[i];
            sum += static_cast<std::size_t>(ranks[i]);
        }
        if (sum != n * (n - 1) / 2) {
            fill_ties(ranks, n);
        }
    }

    // Equal keys share the smallest of their ranks: the places behind it repeat the key. No key is zero.
    void fill_ties(const std::int32_t* ranks, std::size_t n) {
        Key* const out = sorted_.data();
        std::fill_n(out, n, Key{0});
        for (std::size_t i = 0; i < n; ++i) {
            out[ranks[i]] = keys_[i];
        }
        Key last = 0;
        for (std::size_t i = 0; i < n; ++i) {
            last = out[i] != 0 ? out[i] : last;
            out[i] = last;
        }
    }

    void bucket_sort(std::size_t n, Key low, Key high, int payload_bits) {
        const auto range = static_cast<std::uint64_t>(high - low);
        const std::size_t limit = buckets_for(n);
        int shift = 0;
        while ((range >> shift) >= limit) {
            ++shift;
        }
        const std::size_t n_buckets = static_cast<std::size_t>(range >> shift) + 1;
        std::uint32_t* const start = buckets_.data();
        std::fill_n(start, n_buckets, 0U);
        const Key* const keys = keys_.data();
        const Key base = low << payload_bits;
        const int total_shift = payload_bits + shift;
        for (std::size_t i = 0; i < n; ++i) {
            ++start[(keys[i] - base) >> total_shift];
        }
        std::uint32_t sum = 0;
        std::uint32_t fullest = 0;
        for (std::size_t b = 0; b < n_buckets; ++b) {
            const std::uint32_t count = start[b];
            start[b] = sum;
            sum += count;
            fullest = std::max(fullest, count);
        }
        Key* const out = sorted_.data();
        for (std::size_t i = 0; i < n; ++i) {
            out[start[(keys[i] - base) >> total_shift]++] = keys[i];
        }
        if (shift == 0) {
            return;  // each bucket is one code
        }
        if (fullest > crowded) {
            std::uint32_t begin = 0;
            for (std::size_t b = 0; b < n_buckets; ++b) {
                if (start[b] - begin > crowded) {
                    std::sort(out + begin, out + start[b]);
                }
                begin = start[b];
            }
        }
        insertion_sort(out, n);
    }

    std::vector<Key> keys_;
    std::vector<Key> sorted_;
    std::vector<std::uint32_t> buckets_;
};

}  // namespace emotion::trees
