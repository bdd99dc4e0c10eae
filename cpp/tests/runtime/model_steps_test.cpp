// Seen through parse_model_file, the only caller of model_steps.hpp.
#include "emotion/runtime/model_steps.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <functional>
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

TEST_CASE("model_steps: the arrays of linear models and scalers, and the background") {
    CHECK(refused([](auto& p) { p["steps.0.scale"] = tensor<double>("steps.0.scale", "F64", {3}, {1, 0, 1}); }, "greater than 0"));
    CHECK(refused([](auto& p) { p["steps.0.scale"] = tensor<double>("steps.0.scale", "F64", {3}, {1, inf, 1}); }, "steps.0.scale"));
    CHECK(refused([](auto& p) { p["steps.0.mean"] = tensor<double>("steps.0.mean", "F64", {3}, {1, not_a_number, 1}); }, "not finite"));
    CHECK(refused([](auto& p) { p["steps.0.mean"] = tensor<float>("steps.0.mean", "F32", {3}, {1, 1, 1}); }, "must be of dtype F64, not F32"));
    CHECK(refused([](auto& p) { p["steps.0.mean"].shape = {1, 3}; }, "shape"));
    CHECK(refused([](auto& p) { p["steps.0.mean"].name = "steps.0.meen"; }, "lacks the tensor steps.0.mean"));
    CHECK(refused([](auto& p) { p["steps.1.coef"].shape = {3, 1}; }, "shape"));
    CHECK(refused([](auto& p) { p["steps.1.intercept"] = tensor<double>("steps.1.intercept", "F64", {1}, {not_a_number}); }, "not finite"));
    CHECK(refused([](auto& p) { p["background"] = tensor<float>("background", "F32", {2, 2}, {0, 0, 0, 0}); }, "shape"));
    CHECK(refused([](auto& p) { p["background"] = tensor<float>("background", "F32", {1, 3}, {0, NAN, 0}); }, "not finite"));
    CHECK(refused([](auto& p) { p["background"] = tensor<float>("background", "F32", {1001, 3}, std::vector<float>(3003)); }, "more than 1000 rows"));
}

TEST_CASE("model_steps: the list of steps") {
    CHECK(refused([](auto& p) { p.steps = R"("steps":[])"; }, "steps"));
    CHECK(refused([](auto& p) { p.steps = R"("steps":[{"kind":"pickle"}])"; }, "does not know: pickle"));
    CHECK(refused([](auto& p) { p.steps = R"("steps":["standard_scaler"])"; }, "lacks the text kind"));
    CHECK(refused([](auto& p) { p.steps = R"("steps":[{"kind":"standard_scaler","with_mean":true,"with_std":true}])"; }, "do not end with"));
    CHECK(refused([](auto& p) { p.steps = R"("steps":[{"kind":"standard_scaler","with_mean":1,"with_std":true},{"kind":"logistic_regression"}])"; },
                  "switch with_mean"));
    const std::string select = R"("steps":[{"kind":"select_k_best"},{"kind":"logistic_regression"}])";
    for (const auto& columns : std::vector<std::vector<std::int32_t>>{{0, 3}, {-1, 1}, {1, 1}, {2, 1}, {}, {0, 1, 2, 0}}) {
        CHECK(refused([&](auto& p) { p.steps = select; p["steps.0.columns"] = tensor<std::int32_t>("steps.0.columns", "I32", {columns.size()}, columns); },
                      ""));
    }
    const std::string impute = R"("steps":[{"kind":"simple_imputer"},{"kind":"logistic_regression"}])";
    CHECK(refused([&](auto& p) { p.steps = impute; p["steps.0.statistics"] = tensor<double>("steps.0.statistics", "F64", {3}, {not_a_number, not_a_number, not_a_number}); },
                  "leaves no column"));
    CHECK(refused([&](auto& p) { p.steps = impute; p["steps.0.statistics"] = tensor<double>("steps.0.statistics", "F64", {3}, {0, not_a_number, 0}); },
                  "steps.1.coef has a shape"));  // two columns are left, three coefficients are given
}

namespace {

// A vote of the scaler and the logistic model with another logistic model, its temperature inside.
ModelParts vote_parts() {
    ModelParts parts;
    parts.head = R"("format":"emotion-native-model","version":[1,1],"requires":["vote"])";
    parts.steps = R"("steps":[{"kind":"voting_classifier","voting":"soft","members":[)"
                  R"({"steps":[{"kind":"standard_scaler","with_mean":true,"with_std":true},{"kind":"logistic_regression"}],"calibration":{"kind":"temperature"}},)"
                  R"({"steps":[{"kind":"logistic_regression"}],"calibration":null}]}])";
    parts.rest = R"("calibration":null,"threshold":null)";
    const std::string first = "steps.0.members.0.";
    parts.tensors = {
        tensor<double>("steps.0.weights", "F64", {2}, {1, 3}),
        tensor<double>(first + "steps.0.mean", "F64", {3}, {0, 1, 2}),
        tensor<double>(first + "steps.0.scale", "F64", {3}, {1, 2, 4}),
        tensor<double>(first + "steps.1.coef", "F64", {1, 3}, {1, -1, 0.5}),
        tensor<double>(first + "steps.1.intercept", "F64", {1}, {0.25}),
        tensor<double>(first + "calibration.temperature", "F64", {1}, {2}),
        tensor<double>("steps.0.members.1.steps.0.coef", "F64", {1, 3}, {0, 0.5, 1}),
        tensor<double>("steps.0.members.1.steps.0.intercept", "F64", {1}, {0}),
    };
    return parts;
}

bool refused_vote(const std::function<void(ModelParts&)>& change, const std::string& because) {
    ModelParts parts = vote_parts();
    change(parts);
    const std::string reason = reason_of(parts);
    CAPTURE(reason);
    CHECK(reason.find(because) != std::string::npos);
    return reason.find(because) != std::string::npos;
}

}  // namespace

TEST_CASE("model_steps: votes") {
    const ModelContents model = parse_model_file(vote_parts().build(), "m.emotion");
    CHECK(model.classifier.is_vote());
    CHECK(model.classifier.weights == std::vector<double>{1, 3});
    CHECK(model.classifier.members[0].calibration.temperature == 2);
    CHECK(model.classifier.members[0].pipeline.steps.size() == 1);
    CHECK(model.classifier.members[1].calibration.kind == CalibrationKind::none);
    CHECK(model.classifier.pipeline.n_features_out() == 3);
    for (const auto& weights : std::vector<std::vector<double>>{{0, 0}, {1, -1}, {1, inf}, {1, not_a_number}, {1e308, 1e308}}) {
        CHECK(refused_vote([&](auto& p) { p["steps.0.weights"] = tensor<double>("steps.0.weights", "F64", {2}, weights); }, "steps.0.weights"));
    }
    CHECK(refused_vote([](auto& p) { p["steps.0.weights"] = tensor<double>("steps.0.weights", "F64", {3}, {1, 1, 1}); }, "shape"));
    CHECK(refused_vote([](auto& p) { p.steps.replace(p.steps.find("soft"), 4, "loud"); }, "neither soft nor hard"));
    CHECK(refused_vote([](auto& p) { p.steps = R"("steps":[{"kind":"voting_classifier","voting":"soft","members":[]}])"; }, "list of 1 to 64"));
    CHECK(refused_vote([](auto& p) { p.steps = R"("steps":[{"kind":"voting_classifier","voting":"soft"}])"; }, "lacks the key members"));
    CHECK(refused_vote([](auto& p) { p.steps = R"("steps":[{"kind":"voting_classifier","voting":"soft","members":[1,2]}])"; }, "lacks the key steps"));
    CHECK(refused_vote([](auto& p) { p["steps.0.members.1.steps.0.coef"].shape = {3, 1}; }, "shape"));
    CHECK(refused_vote([](auto& p) { p.head = R"("format":"emotion-native-model","version":[1,1],"requires":["vote","lottery"])"; }, "'lottery'"));
    CHECK(refused_vote([](auto& p) { p.head = R"("format":"emotion-native-model","version":[1,1],"requires":[["vote"]])"; }, "does not know"));
}

namespace {

// A stack of two logistic models, the first by its margin, under a logistic model of their two columns and the three of the input.
ModelParts stack_parts() {
    ModelParts parts;
    parts.head = R"("format":"emotion-native-model","version":[1,2],"requires":["stack"])";
    parts.steps = R"("steps":[{"kind":"stacking_classifier","passthrough":true,"members":[)"
                  R"({"method":"decision_function","steps":[{"kind":"logistic_regression"}],"calibration":null},)"
                  R"({"method":"predict_proba","steps":[{"kind":"logistic_regression"}],"calibration":null}],)"
                  R"("final":{"steps":[{"kind":"logistic_regression"}],"calibration":{"kind":"temperature"}}}])";
    parts.rest = R"("calibration":null,"threshold":null)";
    parts.tensors = {
        tensor<double>("steps.0.members.0.steps.0.coef", "F64", {1, 3}, {1, -1, 0.5}), tensor<double>("steps.0.members.0.steps.0.intercept", "F64", {1}, {0}),
        tensor<double>("steps.0.members.1.steps.0.coef", "F64", {1, 3}, {0, 0.5, 1}),  tensor<double>("steps.0.members.1.steps.0.intercept", "F64", {1}, {1}),
        tensor<double>("steps.0.final.steps.0.coef", "F64", {1, 5}, {1, 2, 0, 0, 1}),  tensor<double>("steps.0.final.steps.0.intercept", "F64", {1}, {0}),
        tensor<double>("steps.0.final.calibration.temperature", "F64", {1}, {2}),
    };
    return parts;
}

// Three labels: a logistic model, a constant and another.
ModelParts label_parts() {
    ModelParts parts;
    parts.head = R"("format":"emotion-native-model","version":[1,2],"requires":["label_sets"])";
    parts.classes = R"("classes":["calm","happy","sad"])";
    parts.steps = R"("steps":[{"kind":"one_vs_rest_members","members":[{"steps":[{"kind":"logistic_regression"}],"calibration":null},{"constant":true},)"
                  R"({"steps":[{"kind":"logistic_regression"}],"calibration":null}]}])";
    parts.rest = R"("calibration":null,"threshold":null,"label_sets":{"rule":"margin"})";
    parts.tensors = {
        tensor<double>("steps.0.members.0.steps.0.coef", "F64", {1, 3}, {1, -1, 0.5}), tensor<double>("steps.0.members.0.steps.0.intercept", "F64", {1}, {0}),
        tensor<double>("steps.0.members.2.steps.0.coef", "F64", {1, 3}, {0, 0.5, 1}),  tensor<double>("steps.0.members.2.steps.0.intercept", "F64", {1}, {1}),
        tensor<double>("label_sets.thresholds", "F64", {3}, {0, 0, 0.25}),
    };
    return parts;
}

bool refused_parts(ModelParts parts, const std::function<void(ModelParts&)>& change, const std::string& because) {
    change(parts);
    const std::string reason = reason_of(parts);
    CAPTURE(reason);
    CHECK(reason.find(because) != std::string::npos);
    return reason.find(because) != std::string::npos;
}

void put(std::string& text, const std::string& old, const std::string& with) { text.replace(text.find(old), old.size(), with); }

}  // namespace

TEST_CASE("model_steps: stacks") {
    const ModelContents model = parse_model_file(stack_parts().build(), "m.emotion");
    CHECK(model.classifier.joint == Joint::stack);
    CHECK(model.classifier.says_margin == std::vector<bool>{true, false});
    CHECK(model.classifier.stacked_columns() == 5);
    CHECK(model.classifier.last.front().calibration.temperature == 2);
    const auto refused_stack = [](const std::function<void(ModelParts&)>& change, const std::string& because) { return refused_parts(stack_parts(), change, because); };
    CHECK(refused_stack([](auto& p) { put(p.steps, "predict_proba", "predict"); }, "neither predict_proba nor decision_function"));
    CHECK(refused_stack([](auto& p) { put(p.steps, R"("method":"predict_proba",)", ""); }, "lacks the text method"));
    CHECK(refused_stack([](auto& p) { put(p.steps, "\"passthrough\":true", "\"passthrough\":false"); }, "shape"));  // two columns less
    CHECK(refused_stack([](auto& p) { put(p.steps, "\"passthrough\":true", "\"passthrough\":1"); }, "lacks the switch passthrough"));
    CHECK(refused_stack([](auto& p) { put(p.steps, "\"final\"", "\"last\""); }, "lacks the key final"));
    CHECK(refused_stack([](auto& p) { p["steps.0.final.steps.0.coef"] = tensor<double>("steps.0.final.steps.0.coef", "F64", {1, 5}, {1, 2, inf, 0, 1}); }, "finite"));
    CHECK(refused_stack([](auto& p) { put(p.steps, R"("calibration":null},{"method":"predict_proba")", R"("calibration":{"kind":"temperature"}},{"method":"predict_proba")");
                                      p.tensors.push_back(tensor<double>("steps.0.members.0.calibration.temperature", "F64", {1}, {2})); }, "no margins"));
    CHECK(refused_stack([](auto& p) { p.rest += R"(,"label_sets":{"rule":"margin"})"; }, "not of one classifier a label"));
}

TEST_CASE("model_steps: sets of labels") {
    const ModelContents model = parse_model_file(label_parts().build(), "m.emotion");
    CHECK(model.classifier.joint == Joint::labels);
    CHECK_FALSE(model.classifier.scaled);
    CHECK(model.classifier.members[1].constant == true);
    REQUIRE(model.label_sets.has_value());
    CHECK(model.label_sets->by_margin);
    CHECK(model.label_sets->thresholds == std::vector<double>{0, 0, 0.25});
    const auto refused_labels = [](const std::function<void(ModelParts&)>& change, const std::string& because) { return refused_parts(label_parts(), change, because); };
    for (const double value : {inf, -inf, not_a_number}) {
        CHECK(refused_labels([&](auto& p) { p["label_sets.thresholds"] = tensor<double>("label_sets.thresholds", "F64", {3}, {0, value, 0}); }, "finite"));
    }
    CHECK(refused_labels([](auto& p) { p["label_sets.thresholds"] = tensor<double>("label_sets.thresholds", "F64", {2}, {0, 0}); }, "shape"));
    CHECK(refused_labels([](auto& p) { put(p.rest, "margin", "luck"); }, "neither margin nor probability"));
    CHECK(refused_labels([](auto& p) { put(p.rest, "null,\"threshold\":null", "null,\"threshold\":0.5"); }, "beside a threshold"));
    CHECK(refused_labels([](auto& p) { put(p.rest, R"("calibration":null)", R"("calibration":{"kind":"temperature"})");
                                       p.tensors.push_back(tensor<double>("calibration.temperature", "F64", {1}, {2})); }, "calibrated together"));
    CHECK(refused_labels([](auto& p) { put(p.rest, R"(,"label_sets":{"rule":"margin"})", ""); }, "lacks the text rule"));
    CHECK(refused_labels([](auto& p) { put(p.rest, R"(,"label_sets":{"rule":"margin"})", "");
                                       put(p.steps, R"("members")", R"("rule":"probability","members")"); }, "constant label"));
    CHECK(refused_labels([](auto& p) { put(p.steps, R"("calibration":null)", R"("calibration":{"kind":"temperature"})");
                                       p.tensors.push_back(tensor<double>("steps.0.members.0.calibration.temperature", "F64", {1}, {2})); }, "go by margins"));
    CHECK(refused_labels([](auto& p) { put(p.steps, R"({"constant":true},)", ""); }, "2 classifiers for 3 labels"));
    CHECK(refused_labels([](auto& p) { put(p.steps, R"({"constant":true})", R"({"constant":1})"); }, "constant label"));
    CHECK(refused_labels([](auto& p) { put(p.classes, R"("sad")", R"("sad","bored")"); }, "3 classifiers for 4 labels"));
    CHECK(refused_labels([](auto& p) { p.steps = R"("steps":[{"kind":"logistic_regression"}])";
                                       p.tensors.push_back(tensor<double>("steps.0.coef", "F64", {3, 3}, std::vector<double>(9, 1.0)));
                                       p.tensors.push_back(tensor<double>("steps.0.intercept", "F64", {3}, {0, 0, 0})); }, "not of one classifier a label"));
}

TEST_CASE("model_steps: coefficients of labels") {
    ModelParts parts = label_parts();
    parts.steps = R"("steps":[{"kind":"one_vs_rest_classifier"}])";
    parts.tensors = {tensor<double>("steps.0.coef", "F64", {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), tensor<double>("steps.0.intercept", "F64", {3}, {0, 1, 2}),
                     tensor<double>("label_sets.thresholds", "F64", {3}, {0, 0, 0})};
    const ModelContents model = parse_model_file(parts.build(), "m.emotion");
    REQUIRE(model.classifier.members.size() == 3);
    const auto& second = std::get<emotion::linear::LogisticModel>(model.classifier.members[1].pipeline.estimator);
    CHECK(second.coef == std::vector<double>{4, 5, 6});
    CHECK(second.intercept == std::vector<double>{1});
    parts["steps.0.intercept"] = tensor<double>("steps.0.intercept", "F64", {3}, {0, not_a_number, 2});
    CHECK(reason_of(parts).find("finite") != std::string::npos);
}
