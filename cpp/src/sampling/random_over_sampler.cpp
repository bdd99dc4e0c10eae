#include "emotion/sampling/random_over_sampler.hpp"

#include <algorithm>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::sampling {
namespace {

constexpr const char* caller = "RandomOverSampler.fit_resample";

// How many copies of each class to draw.
std::vector<std::int64_t> copies_wanted(const std::vector<std::int64_t>& present, const OverSamplerOptions& options) {
    const auto largest = static_cast<std::size_t>(std::max_element(present.begin(), present.end()) - present.begin());
    const std::int64_t most = present[largest];
    std::vector<std::int64_t> wanted(present.size());
    switch (options.strategy) {
        case Strategy::not_majority:
        case Strategy::all:
            for (std::size_t k = 0; k < present.size(); ++k) {
                wanted[k] = present[k] > 0 ? most - present[k] : 0;
            }
            break;
        case Strategy::minority: {
            std::size_t smallest = largest;
            for (std::size_t k = present.size(); k-- > 0;) {
                if (present[k] > 0 && present[k] <= present[smallest]) {
                    smallest = k;
                }
            }
            wanted[smallest] = most - present[smallest];
            break;
        }
        case Strategy::counts:
            for (std::size_t k = 0; k < present.size(); ++k) {
                const std::int64_t target = k < options.counts.size() ? options.counts[k] : -1;
                if (target < 0) {
                    continue;
                }
                if (present[k] == 0) {
                    throw InvalidInputError("sampling_strategy", caller, "about classes that are present in the data",
                                            "class number " + std::to_string(k) + ", which has no row");
                }
                if (target < present[k]) {
                    throw InvalidInputError("sampling_strategy", caller, "at least the number of rows a class has",
                                            std::to_string(target) + " for a class with " + std::to_string(present[k]) + " rows");
                }
                wanted[k] = target - present[k];
            }
            break;
        case Strategy::ratio: {
            if (std::count_if(present.begin(), present.end(), [](std::int64_t n) { return n > 0; }) != 2) {
                throw InvalidInputError("sampling_strategy", caller, "a float only for two classes", "another number of classes");
            }
            for (std::size_t k = 0; k < present.size(); ++k) {
                if (k == largest || present[k] == 0) {
                    continue;
                }
                wanted[k] = static_cast<std::int64_t>(static_cast<double>(most) * options.ratio - static_cast<double>(present[k]));
                if (wanted[k] <= 0) {
                    throw InvalidInputError("sampling_strategy", caller, "a ratio above the present one (it would require to remove samples)",
                                            std::to_string(options.ratio));
                }
            }
            break;
        }
    }
    return wanted;
}

}  // namespace

std::vector<std::int64_t> random_over_sample(std::span<const std::int32_t> labels, std::size_t n_classes, const OverSamplerOptions& options) {
    std::vector<std::vector<std::int64_t>> members(n_classes);
    std::vector<std::int64_t> positions(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        positions[i] = static_cast<std::int64_t>(i);
        members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
    }
    std::vector<std::int64_t> present(n_classes);
    for (std::size_t k = 0; k < n_classes; ++k) {
        present[k] = static_cast<std::int64_t>(members[k].size());
    }
    const std::vector<std::int64_t> wanted = copies_wanted(present, options);
    std::uint64_t stream_index = 0;
    for (std::size_t k = 0; k < n_classes; ++k) {
        if (members[k].empty()) {
            continue;
        }
        RandomStream stream(options.seed, Purpose::over_sampling, stream_index++);
        for (std::int64_t copy = 0; copy < wanted[k]; ++copy) {
            positions.push_back(members[k][stream.below(members[k].size())]);
        }
    }
    return positions;
}

}  // namespace emotion::sampling
