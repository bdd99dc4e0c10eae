// The walk over columns that all kinds of search share. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sort_keys.hpp"
#include "split_search.hpp"

namespace emotion::trees {

inline constexpr std::size_t prefetched_places = 32;   // of a node; larger ones keep many reads in flight by themselves

// What both searches share: the items' rows in node order, packing, sorting, and the walk over columns.
template <class Key>
class SearchBase : public SplitSearch {
public:
    explicit SearchBase(const TrainingPlan& plan) : plan_(plan), columns_(plan.columns.data()) {}
    void compact(std::size_t begin, std::size_t end) override {
        switch (plan_.code_bytes()) {
            case 1: copy_rows(byte_copy_, begin, end); break;
            case 2: copy_rows(narrow_copy_, begin, end); break;
            default: copy_rows(wide_copy_, begin, end); break;
        }
        columns_ = compact_columns_.data();
    }
    void prefetch(std::uint32_t feature) const override {
        const Column& column = columns_[feature];
        const std::size_t end = std::min(end_, begin_ + prefetched_places);
        for (std::size_t i = begin_; i < end; ++i) {
            const std::uint32_t row = rows_[i];
            const void* const code = column.narrow != nullptr ? static_cast<const void*>(column.narrow + row)
                                     : column.byte != nullptr ? static_cast<const void*>(column.byte + row) : static_cast<const void*>(column.wide + row);
            __builtin_prefetch(code);
        }
    }
    void release() override { columns_ = plan_.columns.data(); }
    [[nodiscard]] std::size_t size() const override { return rows_.size(); }
    [[nodiscard]] const Split& best() const override { return best_; }

protected:
    // Column-major codes of the places [begin, end), read from whole rows; the places' rows become 0, 1, ….
    template <class Code>
    void copy_rows(std::vector<Code>& copy, std::size_t begin, std::size_t end) {
        constexpr std::size_t tile = 16;
        const std::size_t m = end - begin;
        const std::size_t d = plan_.columns.size();
        copy.resize(m * d);
        compact_columns_ = plan_.columns;
        for (std::size_t first = 0; first < m; first += tile) {
            const std::size_t count = std::min(tile, m - first);
            const Code* sources[tile];
            for (std::size_t k = 0; k < count; ++k) {
                const std::uint32_t row = rows_[begin + first + k];
                if constexpr (sizeof(Code) == 1) {
                    sources[k] = plan_.bin_row(row);
                } else if constexpr (sizeof(Code) == 2) {
                    sources[k] = plan_.codes->narrow_row(row);
                } else {
                    sources[k] = plan_.codes->wide_row(row);
                }
                rows_[begin + first + k] = static_cast<std::uint32_t>(first + k);
            }
            for (std::size_t j = 0; j < d; ++j) {
                const std::size_t source = plan_.source_columns[j];
                Code* const to = copy.data() + j * m + first;
                for (std::size_t k = 0; k < count; ++k) {
                    to[k] = sources[k][source];
                }
            }
        }
        for (std::size_t j = 0; j < d; ++j) {
            if constexpr (sizeof(Code) == 1) {
                compact_columns_[j].byte = copy.data() + j * m;
            } else if constexpr (sizeof(Code) == 2) {
                compact_columns_[j].narrow = copy.data() + j * m;
            } else {
                compact_columns_[j].wide = copy.data() + j * m;
            }
        }
    }

    // Calls fn(code of place i, i) for the places of a node.
    template <class F>
    void for_codes(const Column& column, std::size_t begin, std::size_t end, F&& fn) const {
        const std::uint32_t* const rows = rows_.data();
        if (column.byte != nullptr) {
            const std::uint8_t* const codes = column.byte;
            for (std::size_t i = begin; i < end; ++i) {
                fn(std::uint32_t{codes[rows[i]]}, i);
            }
        } else if (column.merged != nullptr) {
            for (std::size_t i = begin; i < end; ++i) {
                fn(column.code(rows[i]), i);
            }
        } else if (column.narrow != nullptr) {
            for (std::size_t i = begin; i < end; ++i) {
                fn(std::uint32_t{column.narrow[rows[i]]}, i);
            }
        } else {
            for (std::size_t i = begin; i < end; ++i) {
                fn(column.wide[rows[i]], i);
            }
        }
    }

    // Packs and sorts the node's keys; false if the column is constant.
    template <class Payload>
    bool sort_column(const Column& column, Payload&& payload) {
        Key low = std::numeric_limits<Key>::max();
        Key high = 0;
        Key* const keys = sorter_.keys();
        const std::size_t begin = begin_;
        const int bits = payload_bits_;
        for_codes(column, begin_, end_, [&](std::uint32_t code, std::size_t i) {
            const Key key = (static_cast<Key>(code) << bits) | payload(i);
            low = std::min(low, key);
            high = std::max(high, key);
            keys[i - begin] = key;
        });
        if ((low >> bits) == (high >> bits)) {
            return false;
        }
        sorter_.sort(end_ - begin_, low >> bits, high >> bits, bits);
        // The keys of NaN are the last.
        n_present_ = end_ - begin_;
        if ((high >> bits) == column.missing_code) {
            const Key* const sorted = sorter_.sorted();
            n_present_ = static_cast<std::size_t>(std::lower_bound(sorted, sorted + n_present_, static_cast<Key>(column.missing_code) << bits) - sorted);
        }
        return true;
    }

    // Stable partition flags: place i goes left.
    template <class Move>
    std::size_t partition(const Split& split, std::size_t begin, std::size_t end, Move&& move) {
        const Column& column = columns_[split.feature];
        std::size_t left = begin;
        std::size_t right = 0;
        for_codes(column, begin, end, [&](std::uint32_t code, std::size_t i) {
            const bool goes_left = code == column.missing_code ? split.missing_left : code <= split.left_code;
            move(i, left, right);
            left += goes_left ? 1 : 0;
            right += goes_left ? 0 : 1;
        });
        return left;
    }

    void record(std::uint32_t feature, std::size_t i, bool missing_left) {
        const Key* const sorted = sorter_.sorted();
        best_.found = true;
        best_.feature = feature;
        best_.missing_in_node = n_present_ < end_ - begin_;
        best_.missing_left = missing_left;
        best_.only_missing_right = i + 1 == n_present_;
        best_.left_code = static_cast<std::uint32_t>(sorted[i] >> payload_bits_);
        best_.right_code = static_cast<std::uint32_t>(sorted[i + 1] >> payload_bits_);
    }

    const TrainingPlan& plan_;
    const Column* columns_;   // of the plan, or compact_columns_
    std::vector<Column> compact_columns_;
    std::vector<std::uint8_t> byte_copy_;
    std::vector<std::uint16_t> narrow_copy_;
    std::vector<std::uint32_t> wide_copy_;
    KeySorter<Key> sorter_;
    std::vector<std::uint32_t> rows_;
    std::vector<std::uint32_t> spare_rows_;
    Split best_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t n_present_ = 0;
    int payload_bits_ = 0;
};

}  // namespace emotion::trees
