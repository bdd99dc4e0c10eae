// Splits of binned columns by class counts: Gini, up to eight classes, no weights. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "packed_gini.hpp"
#include "unit_search.hpp"

namespace emotion::trees {

// Finds the same splits as UnitSearch on the same codes, without sorting. Three ways, by the size of the node:
// - few places: the rank of each place among the codes, by vectors of comparisons, and class counts by rank;
// - up to 255 copies: a histogram of one word a bin, a byte a class, and a mask of the bins that are not empty: the scan visits only these;
// - more copies: a histogram of eight 32-bit counts a bin.
class BinnedSearch final : public UnitSearch<std::uint32_t, GiniScore> {
    using Base = UnitSearch<std::uint32_t, GiniScore>;

public:
    explicit BinnedSearch(const TrainingPlan& plan) : Base(plan, GiniScore{}), words_(n_codes, 0), counts_(n_codes * packed_classes, 0) {}

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        Base::start_node(begin, end, sums, limits);
        std::fill(total_counts_.begin(), total_counts_.end(), 0U);
        for (std::size_t c = 0; c < total_.size(); ++c) {
            total_counts_[c] = static_cast<std::uint32_t>(total_[c]);
        }
        is_packed_ = static_cast<std::uint64_t>(all_) <= packed_copies;
        if (!is_packed_) {
            return;
        }
        const std::size_t n = end - begin;
        const std::uint32_t copy_mask = (1U << copy_bits_) - 1;
        total_word_ = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t payload = payload_[begin + i];
            place_words_[i] = std::uint64_t{payload & copy_mask} << (8 * (payload >> copy_bits_));
            total_word_ += place_words_[i];
        }
    }

    bool try_column(std::uint32_t feature) override {
        if (!is_packed_) {
            return try_counts(feature);
        }
        const std::size_t n = end_ - begin_;
        return n <= ranked_places ? try_ranks(feature, n) : try_words(feature, n);
    }

private:
    static constexpr std::size_t n_codes = 256;

    bool try_ranks(std::uint32_t feature, std::size_t n) {
        const Column& column = columns_[feature];
        const std::uint32_t* const rows = rows_.data() + begin_;
        std::uint8_t* const codes = place_codes_.data();
        std::uint8_t* const ranks = ranks_.data();
        std::uint8_t low = 255;
        std::uint8_t high = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t code = column.byte[rows[i]];
            codes[i] = code;
            low = std::min(low, code);
            high = std::max(high, code);
        }
        if (low == high) {
            return false;
        }
        rank_bytes(codes, n, ranks);
        std::fill_n(prefixes_.begin(), n, std::uint64_t{0});
        for (std::size_t i = 0; i < n; ++i) {
            prefixes_[ranks[i]] += place_words_[i];
            codes_[ranks[i]] = codes[i];
        }
        scan_prefixes(feature, n, column.missing_code);
        return true;
    }

    bool try_words(std::uint32_t feature, std::size_t n) {
        const Column& column = columns_[feature];
        const std::uint32_t* const rows = rows_.data() + begin_;
        std::array<std::uint64_t, n_codes / 64> filled{};
        std::uint64_t* const words = words_.data();
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t code = column.byte[rows[i]];
            words[code] += place_words_[i];
            filled[code / 64] |= std::uint64_t{1} << (code % 64);
        }
        std::size_t m = 0;
        for (std::size_t w = 0; w < filled.size(); ++w) {
            for (std::uint64_t mask = filled[w]; mask != 0; mask &= mask - 1) {
                const std::size_t code = w * 64 + static_cast<std::size_t>(std::countr_zero(mask));
                prefixes_[m] = words[code];
                codes_[m] = static_cast<std::uint8_t>(code);
                words[code] = 0;
                ++m;
            }
        }
        if (m == 1) {
            return false;
        }
        scan_prefixes(feature, m, column.missing_code);
        return true;
    }

    // prefixes_[0 … n): counts of ascending codes; a zero repeats the code before it.
    void scan_prefixes(std::uint32_t feature, std::size_t n, std::uint32_t missing_code) {
        std::size_t last = n - 1;   // the place of the largest code
        while (prefixes_[last] == 0) {
            --last;
        }
        const std::uint64_t missing = codes_[last] == missing_code ? prefixes_[last] : 0;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            prefixes_[i] = sum += prefixes_[i];
        }
        keep(feature, n, missing != 0, false);
        if (missing != 0) {
            for (std::size_t i = 0; i < last; ++i) {
                prefixes_[i] += missing;
            }
            keep(feature, last, true, true);
        }
    }

    void keep(std::uint32_t feature, std::size_t n, bool missing_in_node, bool missing_left) {
        const std::size_t found =
            best_boundary(prefixes_.data(), n, total_word_, static_cast<std::uint32_t>(all_), static_cast<std::uint32_t>(std::min<std::int64_t>(least_, all_)), &score_.best);
        if (found == n) {
            return;
        }
        std::size_t next = found + 1;
        while (prefixes_[next] == prefixes_[found]) {
            ++next;
        }
        keep_split(feature, codes_[found], codes_[next], missing_in_node, missing_left);
    }

    bool try_counts(std::uint32_t feature) {
        const Column& column = columns_[feature];
        const std::uint32_t* const rows = rows_.data();
        const std::uint32_t* const payloads = payload_.data();
        const std::uint32_t copy_mask = (1U << copy_bits_) - 1;
        const int copy_bits = copy_bits_;
        std::uint32_t* const counts = counts_.data();
        std::uint32_t low = n_codes;
        std::uint32_t high = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            const std::uint32_t code = column.byte[rows[i]];
            const std::uint32_t payload = payloads[i];
            counts[code * packed_classes + (payload >> copy_bits)] += payload & copy_mask;
            low = std::min(low, code);
            high = std::max(high, code);
        }
        if (low != high) {
            scan_counts(feature, low, high, high == column.missing_code);
        }
        std::fill(counts + low * packed_classes, counts + (high + 1) * packed_classes, 0U);
        return low != high;
    }

    void scan_counts(std::uint32_t feature, std::uint32_t low, std::uint32_t high, bool missing_in_node) {
        const auto least = static_cast<double>(least_);
        const std::array<std::uint32_t, packed_classes> none{};
        const std::uint32_t* const counts = counts_.data();
        std::size_t found = best_bin(counts, low, high, none.data(), total_counts_.data(), least, &score_.best);
        bool missing_left = false;
        if (missing_in_node) {
            std::uint32_t last = high - 1;   // the largest bin with values
            while (is_empty(last)) {
                --last;
            }
            const std::size_t again = best_bin(counts, low, last, counts + high * packed_classes, total_counts_.data(), least, &score_.best);
            missing_left = again != last;
            found = missing_left ? again : found;
        }
        if (found == high) {
            return;
        }
        std::size_t next = found + 1;
        while (is_empty(next)) {
            ++next;
        }
        keep_split(feature, static_cast<std::uint32_t>(found), static_cast<std::uint32_t>(next), missing_in_node, missing_left);
    }

    [[nodiscard]] bool is_empty(std::size_t bin) const {
        const std::uint32_t* const counts = counts_.data() + bin * packed_classes;
        return std::all_of(counts, counts + packed_classes, [](std::uint32_t count) { return count == 0; });
    }

    void keep_split(std::uint32_t feature, std::uint32_t left_code, std::uint32_t right_code, bool missing_in_node, bool missing_left) {
        best_.found = true;
        best_.feature = feature;
        best_.missing_in_node = missing_in_node;
        best_.missing_left = missing_left;
        best_.only_missing_right = missing_in_node && right_code == columns_[feature].missing_code;
        best_.left_code = left_code;
        best_.right_code = right_code;
    }

    bool is_packed_ = false;
    std::uint64_t total_word_ = 0;
    std::vector<std::uint64_t> words_;    // a bin; zero between columns
    std::vector<std::uint32_t> counts_;   // a bin and class; zero between columns
    std::array<std::uint32_t, packed_classes> total_counts_{};
    std::array<std::uint64_t, packed_copies> place_words_{};
    std::array<std::uint64_t, n_codes + padding> prefixes_{};
    std::array<std::uint8_t, n_codes> codes_{};
    alignas(64) std::array<std::uint8_t, ranked_places> place_codes_{};
    alignas(64) std::array<std::uint8_t, ranked_places> ranks_{};
};

}  // namespace emotion::trees
