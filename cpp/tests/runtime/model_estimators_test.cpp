// Seen through parse_model_file.
#include "emotion/runtime/model_estimators.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "emotion/core/errors.hpp"
#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::runtime::test::inf;
using emotion::runtime::test::ModelParts;
using emotion::runtime::test::not_a_number;
using emotion::runtime::test::reason_of;
using emotion::runtime::test::refused;
using emotion::runtime::test::tensor;

namespace {

// One tree over three columns: root on column 0 at 0.5, its right child on column 2.
ModelParts forest_parts() {
    ModelParts parts;
    parts.steps = R"("steps":[{"kind":"random_forest_classifier"}])";
    parts.rest = R"("calibration":null,"threshold":null)";
    parts.tensors = {
        tensor<std::int64_t>("steps.0.tree_offsets", "I64", {2}, {0, 5}),
        tensor<std::int32_t>("steps.0.feature", "I32", {5}, {0, -1, 2, -1, -1}),
        tensor<float>("steps.0.threshold", "F32", {5}, {0.5F, 0, 1.5F, 0, 0}),
        tensor<std::int32_t>("steps.0.left", "I32", {5}, {1, -1, 3, -1, -1}),
        tensor<std::int32_t>("steps.0.right", "I32", {5}, {2, -1, 4, -1, -1}),
        tensor<std::uint8_t>("steps.0.missing_left", "U8", {5}, {1, 0, 0, 0, 0}),
        tensor<double>("steps.0.cover", "F64", {5}, {8, 4, 4, 2, 2}),
        tensor<double>("steps.0.impurity", "F64", {5}, {0.5, 0, 0.5, 0, 0}),
        tensor<double>("steps.0.value", "F64", {5, 2}, {0.75, 0.25, 1, 0, 0.5, 0.5, 1, 0, 0, 1}),
    };
    return parts;
}

// The same tree twice, as boosting of two classes: one output.
ModelParts boosting_parts() {
    ModelParts parts;
    parts.steps = R"("steps":[{"kind":"gradient_boosting_classifier","leaf_width":1}])";
    parts.rest = R"("calibration":null,"threshold":null)";
    parts.tensors = {
        tensor<double>("steps.0.baseline", "F64", {1}, {0.25}),
        tensor<std::int64_t>("steps.0.tree_offsets", "I64", {3}, {0, 5, 10}),
        tensor<std::int32_t>("steps.0.feature", "I32", {10}, {0, -1, 2, -1, -1, 0, -1, 2, -1, -1}),
        tensor<float>("steps.0.threshold", "F32", {10}, {0.5F, 0, 1.5F, 0, 0, 0.5F, 0, 1.5F, 0, 0}),
        tensor<std::int32_t>("steps.0.left", "I32", {10}, {1, -1, 3, -1, -1, 1, -1, 3, -1, -1}),
        tensor<std::int32_t>("steps.0.right", "I32", {10}, {2, -1, 4, -1, -1, 2, -1, 4, -1, -1}),
        tensor<std::uint8_t>("steps.0.missing_left", "U8", {10}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0}),
        tensor<double>("steps.0.cover", "F64", {10}, {8, 4, 4, 2, 2, 8, 4, 4, 2, 2}),
        tensor<double>("steps.0.gain", "F64", {10}, {0.5, 0, 0.5, 0, 0, 0.5, 0, 0.5, 0, 0}),
        tensor<double>("steps.0.value", "F64", {10, 1}, {0, -1, 1, 0.5, 2, 0, -1, 1, 0.5, 2}),
    };
    return parts;
}

}  // namespace

TEST_CASE("model_estimators: forests whose arrays would lead out of bounds or around in circles") {
    CHECK(reason_of(forest_parts()) == "accepted");
    const auto bad = [](const std::string& name, const std::string& dtype, auto values) {
        ModelParts parts = forest_parts();
        parts["steps.0." + name] = tensor("steps.0." + name, dtype, {values.size()}, values);
        CAPTURE(name);
        CHECK(reason_of(parts) != "accepted");
    };
    bad("left", "I32", std::vector<std::int32_t>{1, -1, 2, -1, -1});   // its own child
    bad("left", "I32", std::vector<std::int32_t>{1, -1, 0, -1, -1});   // back to the root
    bad("left", "I32", std::vector<std::int32_t>{1, -1, 5, -1, -1});   // past the end
    bad("right", "I32", std::vector<std::int32_t>{2, -1, 3, -1, -1});  // both children the same
    bad("feature", "I32", std::vector<std::int32_t>{3, -1, 2, -1, -1});
    bad("feature", "I32", std::vector<std::int32_t>{0, -2, 2, -1, -1});
    bad("feature", "I32", std::vector<std::int32_t>{0, -1, 2, -1});
    bad("threshold", "F32", std::vector<float>{NAN, 0, 1.5F, 0, 0});
    bad("missing_left", "U8", std::vector<std::uint8_t>{2, 0, 0, 0, 0});
    bad("cover", "F64", std::vector<double>{8, 4, -4, 2, 2});
    bad("cover", "F64", std::vector<double>{8, 4, inf, 2, 2});
    bad("tree_offsets", "I64", std::vector<std::int64_t>{0, 6});
    bad("tree_offsets", "I64", std::vector<std::int64_t>{0, 3, 3, 5});
    bad("tree_offsets", "I64", std::vector<std::int64_t>{0});
    bad("tree_offsets", "I64", std::vector<std::int64_t>{});
    bad("tree_offsets", "I64", std::vector<std::int64_t>{0, std::numeric_limits<std::int64_t>::max(), 5});
    ModelParts shares = forest_parts();
    shares["steps.0.value"] = tensor<double>("steps.0.value", "F64", {5, 2}, {0.75, 0.25, 1, 0, 0.5, 0.5, 1, not_a_number, 0, 1});
    CHECK(reason_of(shares) != "accepted");

    // A chain of 3,000 splits: every left child a leaf.
    ModelParts chain = forest_parts();
    constexpr std::int32_t splits = 3000;
    std::vector<std::int32_t> feature;
    std::vector<std::int32_t> left;
    std::vector<std::int32_t> right;
    for (std::int32_t i = 0; i < splits; ++i) {
        feature.insert(feature.end(), {0, -1});
        left.insert(left.end(), {2 * i + 1, -1});
        right.insert(right.end(), {2 * i + 2, -1});
    }
    feature.push_back(-1);
    left.push_back(-1);
    right.push_back(-1);
    const std::size_t n = feature.size();
    std::vector<double> value;
    for (std::size_t i = 0; i < n; ++i) {
        value.insert(value.end(), {1.0, 0.0});
    }
    chain.tensors = {tensor<std::int64_t>("steps.0.tree_offsets", "I64", {2}, {0, static_cast<std::int64_t>(n)}),
                     tensor("steps.0.feature", "I32", {n}, feature), tensor("steps.0.left", "I32", {n}, left), tensor("steps.0.right", "I32", {n}, right),
                     tensor("steps.0.threshold", "F32", {n}, std::vector<float>(n)), tensor("steps.0.missing_left", "U8", {n}, std::vector<std::uint8_t>(n)),
                     tensor("steps.0.cover", "F64", {n}, std::vector<double>(n, 1.0)), tensor("steps.0.impurity", "F64", {n}, std::vector<double>(n)),
                     tensor("steps.0.value", "F64", {n, 2}, value)};
    CHECK(reason_of(chain).find("deeper than 1024") != std::string::npos);
}

TEST_CASE("model_estimators: extra trees are a forest") {
    ModelParts parts = forest_parts();
    parts.steps = R"("steps":[{"kind":"extra_trees_classifier"}])";
    CHECK(reason_of(parts) == "accepted");
    parts["steps.0.left"] = tensor<std::int32_t>("steps.0.left", "I32", {5}, {1, -1, 5, -1, -1});
    CHECK(reason_of(parts) != "accepted");
}

TEST_CASE("model_estimators: boosting whose arrays do not fit, lead out of bounds or are no numbers") {
    CHECK(reason_of(boosting_parts()) == "accepted");
    const auto bad = [](const std::string& name, const std::string& dtype, const std::vector<std::size_t>& shape, auto values, const std::string& because) {
        ModelParts parts = boosting_parts();
        parts["steps.0." + name] = tensor("steps.0." + name, dtype, shape, values);
        const std::string reason = reason_of(parts);
        CAPTURE(name);
        CAPTURE(reason);
        CHECK(reason != "accepted");
        CHECK(reason.find(because) != std::string::npos);
    };
    const auto ten = [](auto changed, std::size_t at, auto base) {
        base[at] = changed;
        return base;
    };
    const std::vector<std::int32_t> left = {1, -1, 3, -1, -1, 1, -1, 3, -1, -1};
    bad("left", "I32", {10}, ten(2, 2, left), "children");                // its own child
    bad("left", "I32", {10}, ten(0, 7, left), "children");                // back to the root
    bad("left", "I32", {10}, ten(5, 2, left), "children");                // into the next tree
    bad("left", "I32", {10}, ten(4, 2, left), "children");                // both children the same
    bad("feature", "I32", {10}, ten(3, 0, std::vector<std::int32_t>{0, -1, 2, -1, -1, 0, -1, 2, -1, -1}), "features");
    bad("feature", "I32", {9}, std::vector<std::int32_t>(9, -1), "shape");
    bad("threshold", "F32", {10}, std::vector<float>(10, NAN), "thresholds");
    bad("missing_left", "U8", {10}, std::vector<std::uint8_t>(10, 2), "0 or 1");
    bad("cover", "F64", {10}, std::vector<double>(10, -1.0), "covers");
    bad("gain", "F64", {10}, std::vector<double>(10, inf), "finite");
    bad("gain", "F32", {10}, std::vector<float>(10), "dtype");
    bad("value", "F64", {10, 1}, std::vector<double>(10, not_a_number), "finite");
    bad("value", "F64", {10}, std::vector<double>(10), "shape");
    bad("value", "F64", {10, 2}, std::vector<double>(20), "shape");
    bad("baseline", "F64", {1}, std::vector<double>{inf}, "finite");
    bad("baseline", "F64", {2}, std::vector<double>{0, 0}, "shape");
    bad("tree_offsets", "I64", {1}, std::vector<std::int64_t>{0}, "at least one tree");
    bad("tree_offsets", "I64", {0}, std::vector<std::int64_t>{}, "at least one tree");
    bad("tree_offsets", "I64", {3}, std::vector<std::int64_t>{0, std::numeric_limits<std::int64_t>::max(), 10}, "increase");
    bad("tree_offsets", "I64", {3}, std::vector<std::int64_t>{0, -5, 10}, "increase");
    for (const char* const width : {"", R"(,"leaf_width":0)", R"(,"leaf_width":2)", R"(,"leaf_width":-1)", R"(,"leaf_width":1.0)", R"(,"leaf_width":"1")"}) {
        ModelParts parts = boosting_parts();
        parts.steps = R"("steps":[{"kind":"gradient_boosting_classifier")" + std::string(width) + "}]";
        CHECK(reason_of(parts).find("leaf_width") != std::string::npos);
    }
    ModelParts three = boosting_parts();  // three classes have three trees a round
    three.classes = R"("classes":["calm","happy","sad"])";
    three["steps.0.baseline"] = tensor<double>("steps.0.baseline", "F64", {3}, {0, 0, 0});
    CHECK(reason_of(three).find("every round") != std::string::npos);
}
