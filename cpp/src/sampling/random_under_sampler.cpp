#include "emotion/sampling/random_under_sampler.hpp"

#include <algorithm>
#include <utility>

#include "emotion/core/rng.hpp"

namespace emotion::sampling {

std::vector<std::int64_t> random_under_sample(std::span<const std::int32_t> labels, std::size_t n_classes, const UnderSamplerOptions& options) {
    const ClassRows classes(labels, n_classes);
    const std::vector<std::int64_t> kept = rows_to_keep(classes.counts, options, "RandomUnderSampler.fit_resample");
    std::vector<std::int64_t> positions;
    std::uint64_t stream_index = 0;
    for (std::size_t k = 0; k < n_classes; ++k) {
        std::vector<std::int64_t> members(classes.of(k).begin(), classes.of(k).end());
        if (members.empty()) {
            continue;
        }
        RandomStream stream(options.seed, Purpose::under_sampling, stream_index++);
        if (kept[k] >= 0) {
            const auto n = static_cast<std::size_t>(kept[k]);
            if (options.replacement) {
                std::vector<std::int64_t> drawn(n);
                std::generate(drawn.begin(), drawn.end(), [&] { return members[stream.below(members.size())]; });
                members = std::move(drawn);
            } else {
                for (std::size_t i = 0; i < n; ++i) {  // the first steps of a Fisher-Yates shuffle
                    std::swap(members[i], members[i + stream.below(members.size() - i)]);
                }
                members.resize(n);
            }
            std::sort(members.begin(), members.end());
        }
        positions.insert(positions.end(), members.begin(), members.end());
    }
    return positions;
}

}  // namespace emotion::sampling
