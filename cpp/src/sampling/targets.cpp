#include "emotion/sampling/targets.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/memory.hpp"

namespace emotion::sampling {
namespace {

using Counts = std::span<const std::int64_t>;

std::size_t largest_class(Counts present) {
    return static_cast<std::size_t>(std::max_element(present.begin(), present.end()) - present.begin());
}

std::size_t smallest_class(Counts present) {
    std::size_t smallest = largest_class(present);
    for (std::size_t k = present.size(); k-- > 0;) {
        if (present[k] > 0 && present[k] <= present[smallest]) {
            smallest = k;
        }
    }
    return smallest;
}

void check_two_classes(Counts present, const char* caller) {
    if (std::count_if(present.begin(), present.end(), [](std::int64_t n) { return n > 0; }) != 2) {
        throw InvalidInputError("sampling_strategy", caller, "a float only for two classes", "another number of classes");
    }
}

// The wanted number of rows of class k, or -1 where nothing is wanted.
std::int64_t given_count(Counts present, const Targets& targets, std::size_t k, const char* caller) {
    const std::int64_t target = k < targets.counts.size() ? targets.counts[k] : -1;
    if (target >= 0 && present[k] == 0) {
        throw InvalidInputError("sampling_strategy", caller, "about classes that are present in the data",
                                "class number " + std::to_string(k) + ", which has no row");
    }
    return target;
}

std::vector<std::int64_t> added_by_counts(Counts present, const Targets& targets, const char* caller) {
    std::vector<std::int64_t> wanted(present.size());
    for (std::size_t k = 0; k < present.size(); ++k) {
        const std::int64_t target = given_count(present, targets, k, caller);
        if (target >= 0 && target < present[k]) {
            throw InvalidInputError("sampling_strategy", caller, "at least the number of rows a class has",
                                    std::to_string(target) + " for a class with " + std::to_string(present[k]) + " rows");
        }
        wanted[k] = target < 0 ? 0 : target - present[k];
    }
    return wanted;
}

std::vector<std::int64_t> kept_by_counts(Counts present, const Targets& targets, const char* caller) {
    std::vector<std::int64_t> kept(present.size(), -1);
    for (std::size_t k = 0; k < present.size(); ++k) {
        kept[k] = given_count(present, targets, k, caller);
        if (kept[k] > present[k]) {
            throw InvalidInputError("sampling_strategy", caller, "at most the number of rows a class has",
                                    std::to_string(kept[k]) + " for a class with " + std::to_string(present[k]) + " rows");
        }
    }
    return kept;
}

}  // namespace

ClassRows::ClassRows(std::span<const std::int32_t> labels, std::size_t n_classes) : counts(n_classes), starts(n_classes), positions(labels.size()) {
    for (const std::int32_t label : labels) {
        ++counts[static_cast<std::size_t>(label)];
    }
    for (std::size_t k = 1; k < n_classes; ++k) {
        starts[k] = starts[k - 1] + static_cast<std::size_t>(counts[k - 1]);
    }
    std::vector<std::size_t> next = starts;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        positions[next[static_cast<std::size_t>(labels[i])]++] = static_cast<std::int64_t>(i);
    }
}

namespace {

std::vector<std::int64_t> added(Counts present, const Targets& targets, const char* caller) {
    const std::size_t largest = largest_class(present);
    const std::int64_t most = present[largest];
    std::vector<std::int64_t> wanted(present.size());
    switch (targets.strategy) {
        case Strategy::not_majority:
        case Strategy::all:
        case Strategy::not_minority: {
            const std::size_t skipped = targets.strategy == Strategy::not_minority ? smallest_class(present) : largest;
            for (std::size_t k = 0; k < present.size(); ++k) {
                wanted[k] = present[k] > 0 && k != skipped ? most - present[k] : 0;
            }
            return wanted;
        }
        case Strategy::minority: {
            const std::size_t smallest = smallest_class(present);
            wanted[smallest] = most - present[smallest];
            return wanted;
        }
        case Strategy::counts:
            return added_by_counts(present, targets, caller);
        case Strategy::ratio:
            check_two_classes(present, caller);
            for (std::size_t k = 0; k < present.size(); ++k) {
                if (k == largest || present[k] == 0) {
                    continue;
                }
                wanted[k] = static_cast<std::int64_t>(static_cast<double>(most) * targets.ratio - static_cast<double>(present[k]));
                if (wanted[k] <= 0) {
                    throw InvalidInputError("sampling_strategy", caller, "a ratio above the present one (it would require to remove samples)",
                                            std::to_string(targets.ratio));
                }
            }
            return wanted;
        case Strategy::majority:
            break;
    }
    throw InvalidInputError("sampling_strategy", caller, "a strategy of over-samplers", "'majority'");
}

}  // namespace

std::vector<std::int64_t> rows_to_add(Counts present, const Targets& targets, const char* caller) {
    std::vector<std::int64_t> wanted = added(present, targets, caller);
    constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
    std::uint64_t total = 0;
    for (std::size_t k = 0; k < present.size(); ++k) {
        total = std::min(most + 1, total + static_cast<std::uint64_t>(present[k]));
        total = std::min(most + 1, total + std::min(most + 1, static_cast<std::uint64_t>(wanted[k])));
    }
    if (total > most) {
        throw InvalidInputError("sampling_strategy", caller, "such that the result has at most 2147483647 rows", "a request for more");
    }
    check_memory(total, sizeof(std::int64_t), "sampling_strategy", caller, "the positions of the rows of the result");
    return wanted;
}

std::vector<std::int64_t> rows_to_keep(Counts present, const Targets& targets, const char* caller) {
    const std::size_t smallest = smallest_class(present);
    const std::int64_t fewest = present[smallest];
    std::vector<std::int64_t> kept(present.size(), -1);
    switch (targets.strategy) {
        case Strategy::majority:
            kept[largest_class(present)] = fewest;
            return kept;
        case Strategy::not_minority:
        case Strategy::not_majority:
        case Strategy::all:
            for (std::size_t k = 0; k < present.size(); ++k) {
                const bool skipped = (targets.strategy == Strategy::not_minority && k == smallest) ||
                                     (targets.strategy == Strategy::not_majority && k == largest_class(present));
                kept[k] = skipped ? -1 : std::min(present[k], fewest);
            }
            return kept;
        case Strategy::counts:
            return kept_by_counts(present, targets, caller);
        case Strategy::ratio:
            check_two_classes(present, caller);
            for (std::size_t k = 0; k < present.size(); ++k) {
                if (k == smallest || present[k] == 0) {
                    continue;
                }
                kept[k] = static_cast<std::int64_t>(static_cast<double>(fewest) / targets.ratio);
                if (kept[k] > present[k]) {
                    throw InvalidInputError("sampling_strategy", caller, "a ratio above the present one (it would require to generate samples)",
                                            std::to_string(targets.ratio));
                }
            }
            return kept;
        case Strategy::minority:
            break;
    }
    throw InvalidInputError("sampling_strategy", caller, "a strategy of under-samplers", "'minority'");
}

}  // namespace emotion::sampling
