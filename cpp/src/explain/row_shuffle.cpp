#include "emotion/explain/row_shuffle.hpp"

#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::explain {

std::vector<std::int64_t> shuffled_rows(std::size_t n, std::span<const std::int64_t> strata, std::uint64_t seed, std::uint64_t index, std::uint64_t sub_index) {
    RandomStream stream(seed, Purpose::permutation, index, sub_index);
    std::vector<std::int64_t> source(n);
    std::iota(source.begin(), source.end(), std::int64_t{0});
    if (strata.empty()) {
        stream.shuffle(std::span(source));
        return source;
    }
    if (strata.size() != n) {
        throw InvalidInputError("strata", "shuffled_rows", "one a row", std::to_string(strata.size()));
    }
    std::vector<std::size_t> begin(n + 1, 0);  // of each stratum's rows, side by side; one place ahead while counting
    for (const std::int64_t code : strata) {
        if (code < 0 || static_cast<std::size_t>(code) >= n) {
            throw InvalidInputError("strata", "shuffled_rows", "codes below the number of rows", std::to_string(code));
        }
        ++begin[static_cast<std::size_t>(code) + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<std::int64_t> rows(n);
    std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
    for (std::size_t r = 0; r < n; ++r) {
        rows[next[static_cast<std::size_t>(strata[r])]++] = static_cast<std::int64_t>(r);
    }
    std::vector<std::int64_t> mixed = rows;
    for (std::size_t s = 0; s < n; ++s) {
        stream.shuffle(std::span(mixed).subspan(begin[s], begin[s + 1] - begin[s]));
    }
    for (std::size_t i = 0; i < n; ++i) {
        source[static_cast<std::size_t>(rows[i])] = mixed[i];
    }
    return source;
}

}  // namespace emotion::explain
