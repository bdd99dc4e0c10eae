// Random over-sampling: rows of small classes drawn again, with replacement.
//
// Definition as in imbalanced-learn: all rows first, in order, then for every class (ascending) the copies drawn from its rows. Complexity
// O(rows + copies). Determinism: the stream of a class is keyed by seed and by the class's position among the classes that are present,
// so labels of absent classes change nothing. Threads: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/sampling/targets.hpp"

namespace emotion::sampling {

struct OverSamplerOptions : Targets {
    std::uint64_t seed = 0;

    friend bool operator==(const OverSamplerOptions&, const OverSamplerOptions&) = default;
};

// Positions 0 … n-1, then the drawn copies. labels: 0 … n_classes-1; classes may be absent. Throws InvalidInputError as rows_to_add.
std::vector<std::int64_t> random_over_sample(std::span<const std::int32_t> labels, std::size_t n_classes, const OverSamplerOptions& options);

}  // namespace emotion::sampling
