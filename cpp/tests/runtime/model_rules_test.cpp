// Seen through parse_model_file, which reads them with the steps.
#include "emotion/runtime/model_rules.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::runtime::test::inf;
using emotion::runtime::test::ModelParts;
using emotion::runtime::test::not_a_number;
using emotion::runtime::test::reason_of;
using emotion::runtime::test::refused;
using emotion::runtime::test::tensor;

TEST_CASE("model_rules: temperatures that are none") {
    CHECK(refused([](auto& p) { p["calibration.temperature"] = tensor<double>("calibration.temperature", "F64", {1}, {0}); }, "temperature"));
    CHECK(refused([](auto& p) { p["calibration.temperature"] = tensor<double>("calibration.temperature", "F64", {1}, {not_a_number}); }, "temperature"));
}

TEST_CASE("model_rules: prediction sets and the place of the detector") {
    const auto with = [](const std::string& rest, std::vector<double> quantiles, std::size_t columns = 3) {
        ModelParts parts;
        parts.rest = R"("calibration":{"kind":"temperature"},"threshold":null,)" + rest;
        parts.tensors.push_back(tensor("prediction_sets.quantiles", "F64", {quantiles.size()}, quantiles));
        parts.tensors.push_back(tensor("out_of_distribution.center", "F64", {columns}, std::vector<double>(columns)));
        parts.tensors.push_back(tensor("out_of_distribution.scale", "F64", {columns}, std::vector<double>(columns, 1.0)));
        return reason_of(parts);
    };
    const std::string sets = R"("prediction_sets":{"score":"aps","allow_empty_sets":false})";
    CHECK(with(sets, {0.5, inf}) == "accepted");
    CHECK(with(sets, {0.5, -0.1}).find("from 0 up") != std::string::npos);
    CHECK(with(sets, {0.5, not_a_number}).find("from 0 up") != std::string::npos);
    CHECK(with(sets, {0.5}).find("shape") != std::string::npos);
    CHECK(with(R"("prediction_sets":{"score":"sum","allow_empty_sets":false})", {0.5, 1}).find("neither lac nor aps") != std::string::npos);
    CHECK(with(R"("prediction_sets":{"score":"lac"})", {0.5, 1}).find("allow_empty_sets") != std::string::npos);
    CHECK(with(R"("out_of_distribution":{"threshold":1,"steps":1})", {}) == "accepted");
    CHECK(with(R"("out_of_distribution":{"threshold":1,"steps":1})", {}, 2).find("shape") != std::string::npos);
    CHECK(with(R"("out_of_distribution":{"threshold":1,"steps":2})", {}).find("from 0 to 1") != std::string::npos);
    CHECK(with(R"("out_of_distribution":{"threshold":1,"steps":-1})", {}).find("from 0 to 1") != std::string::npos);
}
