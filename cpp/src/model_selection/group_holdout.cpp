#include "emotion/model_selection/group_holdout.hpp"

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <unordered_map>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::model_selection {

std::vector<std::uint8_t> group_holdout(std::span<const std::int64_t> groups, std::span<const std::int32_t> labels, double fraction, std::uint64_t seed) {
    if (groups.empty() || groups.size() != labels.size()) {
        throw InvalidInputError("groups", "group_holdout", "one a row, at least one", std::to_string(groups.size()) + " for " + std::to_string(labels.size()));
    }
    if (!(fraction > 0 && fraction < 1)) {
        throw InvalidInputError("fraction", "group_holdout", "above 0 and below 1", std::to_string(fraction));
    }
    std::unordered_map<std::int64_t, std::size_t> number;
    std::vector<std::size_t> group_of(groups.size());
    std::vector<std::map<std::int32_t, std::size_t>> counts;   // of the group's classes
    std::map<std::int32_t, std::size_t> left;                  // rows of a class in training
    std::vector<std::size_t> size;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        group_of[i] = number.try_emplace(groups[i], number.size()).first->second;
        if (group_of[i] == counts.size()) {
            counts.emplace_back();
            size.push_back(0);
        }
        ++counts[group_of[i]][labels[i]];
        ++size[group_of[i]];
        ++left[labels[i]];
    }
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), 0);
    RandomStream(seed, Purpose::split, 0).shuffle(std::span(order));
    const double target = fraction * static_cast<double>(groups.size());
    double held = 0;
    std::vector<std::uint8_t> taken(counts.size(), 0);
    std::size_t n_taken = 0;
    for (const std::size_t g : order) {
        bool keeps_classes = n_taken + 1 < counts.size();
        for (const auto& [label, n] : counts[g]) {
            keeps_classes = keeps_classes && left[label] > n;
        }
        const double with = held + static_cast<double>(size[g]);
        if (!keeps_classes || (n_taken > 0 && std::abs(with - target) >= std::abs(held - target))) {
            continue;
        }
        for (const auto& [label, n] : counts[g]) {
            left[label] -= n;
        }
        taken[g] = 1;
        held = with;
        ++n_taken;
    }
    if (n_taken == 0) {
        throw LeakageError("groups of early stopping must leave a group to hold out whose absence leaves all classes in training; got " +
                           std::to_string(counts.size()) + " groups. Use more speakers, or n_iter_no_change=None");
    }
    std::vector<std::uint8_t> holdout(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        holdout[i] = taken[group_of[i]];
    }
    return holdout;
}

}  // namespace emotion::model_selection
