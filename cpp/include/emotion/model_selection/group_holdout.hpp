// The rows that early stopping holds out: whole groups.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace emotion::model_selection {

// One flag a row: 1 for the holdout. Groups are taken in the order of a shuffle (stream of `seed`, purpose split) while they bring the holdout
// nearer to `fraction` of the rows; at least one is taken, and at least one is left. A group whose absence would leave training without a
// class is passed over.
//
// groups[i] and labels[i]: any codes. Groups are numbered by their first row, so the result does not depend on the codes chosen. Rows, not
// weights, are counted. Throws LeakageError where no group can be held out: there is only one, or each holds all rows of a class.
// O(rows log groups). Serial, deterministic in (groups, labels, fraction, seed).
std::vector<std::uint8_t> group_holdout(std::span<const std::int64_t> groups, std::span<const std::int32_t> labels, double fraction, std::uint64_t seed);

}  // namespace emotion::model_selection
