#include "emotion/sampling/random_over_sampler.hpp"

#include <numeric>

#include "emotion/core/rng.hpp"

namespace emotion::sampling {

std::vector<std::int64_t> random_over_sample(std::span<const std::int32_t> labels, std::size_t n_classes, const OverSamplerOptions& options) {
    const ClassRows classes(labels, n_classes);
    const std::vector<std::int64_t> wanted = rows_to_add(classes.counts, options, "RandomOverSampler.fit_resample");
    const std::int64_t n_drawn = std::accumulate(wanted.begin(), wanted.end(), std::int64_t{0});
    std::vector<std::int64_t> positions;
    positions.reserve(labels.size() + static_cast<std::size_t>(n_drawn));  // large: never moved while it grows
    positions.resize(labels.size());
    std::iota(positions.begin(), positions.end(), std::int64_t{0});
    std::uint64_t stream_index = 0;
    for (std::size_t k = 0; k < n_classes; ++k) {
        const std::span<const std::int64_t> members = classes.of(k);
        if (members.empty()) {
            continue;
        }
        RandomStream stream(options.seed, Purpose::over_sampling, stream_index++);
        for (std::int64_t copy = 0; copy < wanted[k]; ++copy) {
            positions.push_back(members[stream.below(members.size())]);
        }
    }
    return positions;
}

}  // namespace emotion::sampling
