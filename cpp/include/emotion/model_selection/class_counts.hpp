// How many rows of each class each group has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/stop_token.hpp"

namespace emotion::model_selection {

struct ClassCount {
    std::uint32_t label;
    std::uint32_t rows;  // at least 1
};

// A sparse table: memory grows with the rows, never with groups x classes.
struct ClassCounts {
    std::vector<std::size_t> start;    // n_groups + 1
    std::vector<ClassCount> entries;   // group after group, labels increasing within a group
    std::vector<std::int64_t> total;   // rows of each class

    [[nodiscard]] std::size_t n_groups() const { return start.size() - 1; }
    [[nodiscard]] std::size_t n_classes() const { return total.size(); }
    [[nodiscard]] std::span<const ClassCount> group(std::size_t g) const { return {entries.data() + start[g], start[g + 1] - start[g]}; }
};

// Counts the rows of each (group, label). Codes run from 0 to n_groups - 1 and n_classes - 1; below 2^32 rows and classes.
// A counting sort by group, then one small tally a group: O(rows + groups + distinct entries x log). Serial, deterministic, independent of
// the order of rows. The token is checked every 65,536 rows.
ClassCounts count_classes(std::span<const std::int64_t> groups, std::size_t n_groups, std::span<const std::int64_t> labels, std::size_t n_classes,
                          const StopToken& stop);

// The standard deviation over all classes (absent ones count as 0) of each group's rows, rounded as numpy.std rounds it: sums by eight
// interleaved partial sums, long rows halved. O(groups x classes).
std::vector<double> class_deviations(const ClassCounts& counts, const StopToken& stop);

// The sum of values as NumPy adds a contiguous row (pairwise; Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 1993).
double pairwise_sum(std::span<const double> values);

}  // namespace emotion::model_selection
