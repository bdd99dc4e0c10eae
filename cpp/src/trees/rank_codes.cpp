#include "emotion/trees/rank_codes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t columns_a_task = 8;       // read together, so that a row-major cache line serves several columns
constexpr std::size_t cached_bytes = 4 << 20;   // codes of smaller matrices stay in the cache without a row-major copy
constexpr std::size_t narrow_limit = 65'535;    // distinct values (NaN counted) that still fit 16 bits

// The bits of a float as an integer that orders as the float does. NaN must not get here; -0 and 0 are one value.
std::uint32_t ordered(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value == 0.0F ? 0.0F : value);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

std::uint64_t ordered(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value == 0.0 ? 0.0 : value);
    return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

double value_of(std::uint32_t key) { return static_cast<double>(std::bit_cast<float>((key >> 31) != 0 ? key & 0x7FFFFFFFU : ~key)); }
double value_of(std::uint64_t key) { return std::bit_cast<double>((key >> 63) != 0 ? key & ~(std::uint64_t{1} << 63) : ~key); }

template <class Key>
struct Entry {
    Key key;
    std::uint32_t row;
};

// Least-significant-digit radix sort, 11 bits a pass; passes in which all keys share the digit are skipped.
template <class Key>
void radix_sort(std::vector<Entry<Key>>& entries, std::vector<Entry<Key>>& scratch) {
    constexpr int bits = 11;
    constexpr std::size_t n_buckets = std::size_t{1} << bits;
    scratch.resize(entries.size());
    for (int shift = 0; shift < std::numeric_limits<Key>::digits; shift += bits) {
        std::array<std::uint32_t, n_buckets> start{};
        for (const auto& entry : entries) {
            ++start[(entry.key >> shift) & (n_buckets - 1)];
        }
        if (start[(entries.front().key >> shift) & (n_buckets - 1)] == entries.size()) {
            continue;
        }
        std::uint32_t sum = 0;
        for (auto& count : start) {
            sum += std::exchange(count, sum);
        }
        for (const auto& entry : entries) {
            scratch[start[(entry.key >> shift) & (n_buckets - 1)]++] = entry;
        }
        entries.swap(scratch);
    }
}

template <class Key>
void sort_entries(std::vector<Entry<Key>>& entries, std::vector<Entry<Key>>& scratch) {
    if (entries.size() < 1024) {
        std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    } else {
        radix_sort(entries, scratch);
    }
}

// Codes of one column. `out` may be narrower than 32 bits where the number of rows bounds the codes.
template <class Float, class Code>
void encode(MatrixView<const Float> x, std::size_t column, std::span<Code> out, std::vector<double>& values, std::uint8_t& has_missing) {
    using Key = decltype(ordered(Float{}));
    static thread_local std::vector<Entry<Key>> entries;
    static thread_local std::vector<Entry<Key>> scratch;
    entries.clear();
    for (std::size_t r = 0; r < x.rows; ++r) {
        const Float value = x(r, column);
        if (!std::isnan(value)) {
            entries.push_back({ordered(value), static_cast<std::uint32_t>(r)});
        }
    }
    has_missing = entries.size() < x.rows ? 1 : 0;
    values.clear();
    if (!entries.empty()) {
        sort_entries(entries, scratch);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (i == 0 || entries[i].key != entries[i - 1].key) {
                values.push_back(value_of(entries[i].key));
            }
            out[entries[i].row] = static_cast<Code>(values.size() - 1);
        }
    }
    values.shrink_to_fit();
    if (has_missing != 0) {
        for (std::size_t r = 0; r < x.rows; ++r) {
            if (std::isnan(x(r, column))) {
                out[r] = static_cast<Code>(values.size());
            }
        }
    }
}

template <class Code>
void transpose(const std::vector<Code>& columns, std::size_t n_rows, std::size_t n_cols, std::vector<Code>& rows, Parallel& parallel, StopToken& stop) {
    constexpr std::size_t tile = 32;
    rows.resize(columns.size());
    parallel.blocks(n_rows, 1024, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t r0 = begin; r0 < end; r0 += tile) {
            for (std::size_t c = 0; c < n_cols; ++c) {
                for (std::size_t r = r0; r < std::min(end, r0 + tile); ++r) {
                    rows[r * n_cols + c] = columns[c * n_rows + r];
                }
            }
        }
    });
}

}  // namespace

template <class Float>
RankCodes RankCodes::encode_all(MatrixView<const Float> x, Parallel& parallel, StopToken& stop) {
    if (x.rows > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw InvalidInputError("x", "RankCodes", "a matrix of fewer than 2**31 rows", std::to_string(x.rows) + " rows");
    }
    RankCodes codes;
    codes.n_rows_ = x.rows;
    codes.values_.resize(x.cols);
    codes.has_missing_.assign(x.cols, 0);
    const bool surely_narrow = x.rows <= narrow_limit;
    (surely_narrow ? codes.narrow_.resize(x.size()) : codes.wide_.resize(x.size()));
    parallel.blocks(x.cols, columns_a_task, [&](std::size_t begin, std::size_t end) {
        for (std::size_t c = begin; c < end; ++c) {
            stop.check();
            if (surely_narrow) {
                encode(x, c, std::span(codes.narrow_).subspan(c * x.rows, x.rows), codes.values_[c], codes.has_missing_[c]);
            } else {
                encode(x, c, std::span(codes.wide_).subspan(c * x.rows, x.rows), codes.values_[c], codes.has_missing_[c]);
            }
        }
    });
    if (!surely_narrow) {
        for (std::size_t c = 0; c < x.cols; ++c) {
            codes.is_wide_ = codes.is_wide_ || codes.values_[c].size() + codes.has_missing_[c] > narrow_limit;
        }
        if (!codes.is_wide_) {
            codes.narrow_.assign(codes.wide_.begin(), codes.wide_.end());
            codes.wide_ = {};
        }
    }
    if (x.size() * (codes.is_wide_ ? 4 : 2) > cached_bytes) {
        codes.is_wide_ ? transpose(codes.wide_, x.rows, x.cols, codes.wide_rows_, parallel, stop)
                       : transpose(codes.narrow_, x.rows, x.cols, codes.narrow_rows_, parallel, stop);
    }
    return codes;
}

RankCodes RankCodes::build(MatrixView<const float> x, Parallel& parallel, StopToken& stop) { return encode_all(x, parallel, stop); }
RankCodes RankCodes::build(MatrixView<const double> x, Parallel& parallel, StopToken& stop) { return encode_all(x, parallel, stop); }

std::span<const std::uint32_t> RankCodes::wide(std::size_t column) const { return std::span(wide_).subspan(column * n_rows_, n_rows_); }
std::span<const std::uint16_t> RankCodes::narrow(std::size_t column) const { return std::span(narrow_).subspan(column * n_rows_, n_rows_); }

}  // namespace emotion::trees
