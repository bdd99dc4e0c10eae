// Random under-sampling: large classes cut down to rows drawn from them.
//
// Definition: class by class in ascending order, as in imbalanced-learn; a class that is cut gives rows drawn uniformly, without replacement
// or with it, in ascending order; the others give all their rows. Complexity O(rows + kept log kept). Determinism: the stream of a
// class is keyed by seed and by the class's position among the classes that are present. Threads: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/sampling/targets.hpp"

namespace emotion::sampling {

struct UnderSamplerOptions : Targets {
    std::uint64_t seed = 0;
    bool replacement = false;

    friend bool operator==(const UnderSamplerOptions&, const UnderSamplerOptions&) = default;
};

// Kept positions. labels: 0 … n_classes-1; classes may be absent. Throws InvalidInputError as rows_to_keep.
std::vector<std::int64_t> random_under_sample(std::span<const std::int32_t> labels, std::size_t n_classes, const UnderSamplerOptions& options);

}  // namespace emotion::sampling
