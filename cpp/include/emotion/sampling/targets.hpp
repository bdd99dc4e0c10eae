// How many rows of each class a sampler draws: the forms of imbalanced-learn's `sampling_strategy`.
//
// The largest class is the first of those with most rows, the smallest the first of those with fewest. Complexity O(rows + classes).
// Threads: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace emotion::sampling {

enum class Strategy { not_majority, minority, all, counts, ratio, not_minority, majority };  // `majority`: under-sampling only, `minority`: over-sampling only

struct Targets {
    Strategy strategy = Strategy::not_majority;
    std::vector<std::int64_t> counts;  // for `counts`: the wanted number of rows a class; -1: as it is
    double ratio = 1;                  // for `ratio`, two classes: minority rows / majority rows afterwards

    friend bool operator==(const Targets&, const Targets&) = default;
};

// present: rows of each class, 0 where it is absent. caller: class and method for messages.
// Throws InvalidInputError where a wanted class is absent, a wanted count is on the wrong side of the present one, `ratio` meets other than
// two classes, the strategy is not the sampler's, or the result would have more than 2**31 - 1 rows or not fit in memory.
std::vector<std::int64_t> rows_to_add(std::span<const std::int64_t> present, const Targets& targets, const char* caller);
// Rows to keep of each class; -1: all of them, in order.
std::vector<std::int64_t> rows_to_keep(std::span<const std::int64_t> present, const Targets& targets, const char* caller);

// Positions sorted by class, in order within each.
struct ClassRows {
    ClassRows(std::span<const std::int32_t> labels, std::size_t n_classes);
    [[nodiscard]] std::span<const std::int64_t> of(std::size_t k) const {
        return std::span(positions).subspan(starts[k], static_cast<std::size_t>(counts[k]));
    }

    std::vector<std::int64_t> counts;  // a class
    std::vector<std::size_t> starts;   // a class
    std::vector<std::int64_t> positions;
};

}  // namespace emotion::sampling
