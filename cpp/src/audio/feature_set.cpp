#include "emotion/audio/feature_set.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "emotion/audio/egemaps.hpp"
#include "emotion/audio/full.hpp"
#include "emotion/audio/functionals.hpp"
#include "emotion/audio/quality.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::audio {
namespace {

constexpr std::array<std::string_view, n_feature_parts> part_names{"classic", "egemaps", "full", "quality"};

const std::vector<std::string>& names_of(FeaturePart part) {
    static const std::vector<std::string> quality(quality_names.begin(), quality_names.end());
    switch (part) {
        case FeaturePart::egemaps:
            return egemaps_names();
        case FeaturePart::full:
            return full_names();
        case FeaturePart::quality:
            return quality;
        case FeaturePart::classic:
            break;
    }
    return classic_names();
}

std::vector<std::string> joined_names(const FeatureSet& set) {
    std::vector<std::string> names;
    for (const FeaturePart part : set.view()) {
        for (const std::string& name : names_of(part)) {
            names.push_back(std::string(part_names[static_cast<std::size_t>(part)]) + ":" + name);
        }
    }
    return names;
}

}  // namespace

bool FeatureSet::has(FeaturePart part) const { return std::ranges::find(view(), part) != view().end(); }

FeatureSet feature_set_of(std::string_view name, std::string_view caller, std::string_view parameter) {
    const auto refused = [&] {
        return InvalidInputError(parameter, caller, "'classic', 'egemaps', 'full' or 'quality', or several of these joined by '+', each once",
                                 std::string("'").append(name).append("'"));
    };
    FeatureSet set;
    for (std::string_view rest = name;;) {
        const std::size_t end = std::min(rest.find('+'), rest.size());
        const auto found = std::ranges::find(part_names, rest.substr(0, end));
        if (found == part_names.end()) {
            throw refused();
        }
        const auto part = static_cast<FeaturePart>(found - part_names.begin());
        if (set.has(part)) {
            throw refused();
        }
        set.parts[set.count++] = part;
        if (end == rest.size()) {
            return set;
        }
        rest.remove_prefix(end + 1);
    }
}

const std::vector<std::string>& feature_names(const FeatureSet& set) {
    if (set.count == 1) {
        return names_of(set.parts[0]);
    }
    static std::mutex mutex;  // guards the list of unions, whose names never change or move
    static std::map<std::vector<FeaturePart>, std::vector<std::string>> unions;
    const std::span<const FeaturePart> parts = set.view();
    const std::lock_guard lock(mutex);
    const auto [entry, is_new] = unions.try_emplace({parts.begin(), parts.end()});
    if (is_new) {
        entry->second = joined_names(set);
    }
    return entry->second;
}

}  // namespace emotion::audio
