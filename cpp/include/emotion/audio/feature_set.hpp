// The feature sets by name, alone or joined, and the names of their columns.
//
// "classic", "egemaps" and "full" are described in functionals.hpp; "quality" (10 columns) is how usable a recording is: quality.hpp. Sets are joined
// by "+", each once, such as "egemaps+quality": the columns of the first, then those of the next, and each named `set:column`.
// Complexity: O(columns) once for each union. Determinism: pure. Threads: every function may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emotion::audio {

enum class FeaturePart { classic, egemaps, full, quality };
inline constexpr std::size_t n_feature_parts = 4;

// One set or several, in the order of their columns.
struct FeatureSet {
    std::array<FeaturePart, n_feature_parts> parts{};
    std::size_t count = 0;

    [[nodiscard]] std::span<const FeaturePart> view() const { return {parts.data(), count}; }
    [[nodiscard]] bool has(FeaturePart part) const;

    friend bool operator==(const FeatureSet&, const FeatureSet&) = default;

    static const FeatureSet classic, egemaps, full, quality;
};
inline constexpr FeatureSet FeatureSet::classic{{FeaturePart::classic}, 1};
inline constexpr FeatureSet FeatureSet::egemaps{{FeaturePart::egemaps}, 1};
inline constexpr FeatureSet FeatureSet::full{{FeaturePart::full}, 1};
inline constexpr FeatureSet FeatureSet::quality{{FeaturePart::quality}, 1};

// The set of that name, or the union of those joined by "+"; InvalidInputError naming the caller and its parameter otherwise.
[[nodiscard]] FeatureSet feature_set_of(std::string_view name, std::string_view caller, std::string_view parameter = "set");

// Column names in order, the same object at every call: `mfcc_01_mean`, `mfcc_01_std`, …; of a union `classic:mfcc_01_mean`, ….
[[nodiscard]] const std::vector<std::string>& feature_names(const FeatureSet& set);

}  // namespace emotion::audio
