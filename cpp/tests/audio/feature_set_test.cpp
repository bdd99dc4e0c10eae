#include "emotion/audio/feature_set.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "emotion/audio/functionals.hpp"
#include "emotion/core/errors.hpp"

using namespace emotion::audio;

TEST_CASE("feature_set: names of sets, alone and joined") {
    CHECK(feature_set_of("classic", "t") == FeatureSet::classic);
    CHECK(feature_set_of("quality", "t") == FeatureSet::quality);
    const FeatureSet both = feature_set_of("egemaps+quality", "t");
    REQUIRE(both.count == 2);
    CHECK(both.parts[0] == FeaturePart::egemaps);
    CHECK(both.has(FeaturePart::quality));
    CHECK_FALSE(both.has(FeaturePart::classic));
    CHECK_FALSE(both == feature_set_of("quality+egemaps", "t"));
    for (const char* name : {"", "+", "classic+", "+classic", "classic+classic", "classic++full", "Classic", "classic full", "a+b+c+d+e+f"}) {
        CAPTURE(name);
        CHECK_THROWS_AS((void)feature_set_of(name, "t"), emotion::InvalidInputError);
    }
    CHECK_THROWS_WITH_AS((void)feature_set_of("x", "functionals"), doctest::Contains("set of functionals must be 'classic'"), emotion::InvalidInputError);
    CHECK_THROWS_WITH_AS((void)feature_set_of("x", "f", "feature_set"), doctest::Contains("feature_set of f must be"), emotion::InvalidInputError);
}

TEST_CASE("feature_set: a union has the columns of its parts, in their order, each once") {
    const auto& names = feature_names(feature_set_of("egemaps+quality+classic", "t"));
    CHECK(&names == &feature_names(feature_set_of("egemaps+quality+classic", "u")));
    const auto& first = feature_names(FeatureSet::egemaps);
    REQUIRE(names.size() == first.size() + 10 + 1116);
    CHECK(names.front() == "egemaps:" + first.front());
    CHECK(names[first.size()] == "quality:duration_s");
    CHECK(names.back() == "classic:tonnetz_6_max");
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());

    std::vector<float> samples(16'000);
    for (std::size_t t = 0; t < samples.size(); ++t) {
        samples[t] = static_cast<float>(0.3 * std::sin(0.05 * static_cast<double>(t)));
    }
    std::vector<float> parts = functionals(samples, 16'000, FeatureSet::egemaps);
    for (const FeatureSet& set : {FeatureSet::quality, FeatureSet::classic}) {
        const std::vector<float> more = functionals(samples, 16'000, set);
        CHECK(more.size() == feature_names(set).size());
        parts.insert(parts.end(), more.begin(), more.end());
    }
    CHECK(functionals(samples, 16'000, feature_set_of("egemaps+quality+classic", "t")) == parts);
    CHECK_THROWS_AS((void)functionals(samples, 999, FeatureSet::quality), emotion::InvalidInputError);
}
