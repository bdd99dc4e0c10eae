#include "emotion/model_selection/fold_rows.hpp"

#include <algorithm>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::model_selection {
namespace {

constexpr std::size_t block = 65536;  // rows between two looks at the token

void check_codes(std::span<const std::int64_t> codes, const char* parameter, std::int64_t low, std::size_t n) {
    for (const std::int64_t code : codes) {
        if (code < low || code >= static_cast<std::int64_t>(n)) {
            throw InvalidInputError(parameter, "rows_by_fold", "from " + std::to_string(low) + " to below " + std::to_string(n), std::to_string(code));
        }
    }
}

}  // namespace

FoldRows rows_by_fold(std::span<const std::int64_t> group, std::span<const std::int64_t> fold_of_group, std::size_t n_folds, const StopToken& stop) {
    const bool mapped = !fold_of_group.empty();
    check_codes(fold_of_group, "fold_of_group", -1, n_folds);
    check_codes(group, "group", 0, mapped ? fold_of_group.size() : n_folds);
    const auto fold_of = [&](std::size_t i) { return mapped ? fold_of_group[static_cast<std::size_t>(group[i])] : group[i]; };
    FoldRows result;
    result.start.assign(n_folds + 1, 0);
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (i % block == 0) {
            stop.check();
        }
        if (const std::int64_t fold = fold_of(i); fold >= 0) {
            ++result.start[static_cast<std::size_t>(fold) + 1];
        }
    }
    for (std::size_t k = 0; k < n_folds; ++k) {
        result.start[k + 1] += result.start[k];
    }
    std::vector<std::int64_t> next(result.start.begin(), result.start.end() - 1);
    result.rows.resize(static_cast<std::size_t>(result.start.back()));
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (i % block == 0) {
            stop.check();
        }
        if (const std::int64_t fold = fold_of(i); fold >= 0) {
            result.rows[static_cast<std::size_t>(next[static_cast<std::size_t>(fold)]++)] = static_cast<std::int64_t>(i);
        }
    }
    return result;
}

void other_rows(std::span<const std::int64_t> part, std::size_t n, std::span<std::int64_t> out) {
    if (part.size() > n || out.size() != n - part.size()) {
        throw InvalidInputError("part", "other_rows", "at most " + std::to_string(n) + " rows", std::to_string(part.size()));
    }
    std::int64_t row = 0;
    std::int64_t* to = out.data();
    for (const std::int64_t taken : part) {
        if (taken < row || taken >= static_cast<std::int64_t>(n)) {
            throw InvalidInputError("part", "other_rows", "strictly increasing row numbers below " + std::to_string(n), std::to_string(taken));
        }
        while (row < taken) {
            *to++ = row++;
        }
        ++row;
    }
    while (row < static_cast<std::int64_t>(n)) {
        *to++ = row++;
    }
}

}  // namespace emotion::model_selection
