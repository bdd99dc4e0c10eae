#include "emotion/runtime/model.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::InvalidInputError;
using emotion::Matrix;
using emotion::MatrixView;
using emotion::Parallel;
using emotion::StopToken;
using emotion::runtime::test::ModelParts;
using emotion::runtime::test::tensor;

namespace {

Model model_of(const ModelParts& parts) { return Model(parse_model_file(parts.build(), "m")); }

// Two trees behind a selection of the columns 2 and 0 of three.
ModelParts forest_parts() {
    ModelParts parts;
    parts.steps = R"("steps":[{"kind":"standard_scaler","with_mean":true,"with_std":true},{"kind":"select_k_best"},{"kind":"random_forest_classifier"}])";
    parts.rest = R"("calibration":null,"threshold":null)";
    parts.tensors = {
        tensor<double>("steps.0.mean", "F64", {3}, {1, 0, -1}),
        tensor<double>("steps.0.scale", "F64", {3}, {2, 1, 0.5}),
        tensor<std::int32_t>("steps.1.columns", "I32", {2}, {0, 2}),
        tensor<std::int64_t>("steps.2.tree_offsets", "I64", {3}, {0, 5, 8}),
        tensor<std::int32_t>("steps.2.feature", "I32", {8}, {0, -1, 1, -1, -1, 1, -1, -1}),
        tensor<float>("steps.2.threshold", "F32", {8}, {0.0F, 0, 0.5F, 0, 0, -0.25F, 0, 0}),
        tensor<std::int32_t>("steps.2.left", "I32", {8}, {1, -1, 3, -1, -1, 1, -1, -1}),
        tensor<std::int32_t>("steps.2.right", "I32", {8}, {2, -1, 4, -1, -1, 2, -1, -1}),
        tensor<std::uint8_t>("steps.2.missing_left", "U8", {8}, {1, 0, 0, 0, 0, 0, 0, 0}),
        tensor<double>("steps.2.cover", "F64", {8}, {8, 4, 4, 2, 2, 8, 6, 2}),
        tensor<double>("steps.2.impurity", "F64", {8}, {0.5, 0, 0.5, 0, 0, 0.4, 0.4, 0}),
        tensor<double>("steps.2.value", "F64", {8, 2}, {0.75, 0.25, 1, 0, 0.5, 0.5, 1, 0, 0, 1, 0.5, 0.5, 0.75, 0.25, 0, 1}),
    };
    return parts;
}

// Boosting behind a selection of the columns 2 and 0 of three: two rounds of one tree an output (n_classes 2 or 3), or of one tree for all
// outputs. A leaf holds exactly 1.
ModelParts boosting_parts(std::size_t n_classes, bool wide) {
    const std::size_t outputs = n_classes == 2 ? 1 : n_classes;
    const std::size_t width = wide ? outputs : 1;
    const std::size_t n_trees = 2 * outputs / width;
    ModelParts parts;
    parts.classes = n_classes == 2 ? R"("classes":["calm","happy"])" : R"("classes":["calm","happy","sad"])";
    parts.steps = R"("steps":[{"kind":"select_k_best"},{"kind":"gradient_boosting_classifier","leaf_width":)" + std::to_string(width) + "}]";
    parts.rest = R"("calibration":null,"threshold":null)";
    std::vector<std::int64_t> offsets = {0};
    std::vector<std::int32_t> feature, left, right;
    std::vector<float> threshold;
    std::vector<std::uint8_t> missing_left;
    std::vector<double> cover, value, baseline;
    for (std::size_t t = 0; t < n_trees; ++t) {
        offsets.push_back(offsets.back() + 5);
        feature.insert(feature.end(), {t % 2 == 0 ? 0 : 1, -1, t % 2 == 0 ? 1 : 0, -1, -1});
        threshold.insert(threshold.end(), {0.25F * static_cast<float>(t), 0, -0.5F, 0, 0});
        left.insert(left.end(), {1, -1, 3, -1, -1});
        right.insert(right.end(), {2, -1, 4, -1, -1});
        missing_left.insert(missing_left.end(), {1, 0, 0, 0, 0});
        cover.insert(cover.end(), {8, 3, 5, 1, 4});
    }
    for (std::size_t i = 0; i < feature.size() * width; ++i) {
        value.push_back(i % 4 == 1 ? 1.0 : 0.37 * static_cast<double>(i % 11) - 1.5);
    }
    for (std::size_t k = 0; k < outputs; ++k) {
        baseline.push_back(0.125 * static_cast<double>(k) - 0.3);
    }
    const std::size_t n = feature.size();
    parts.tensors = {tensor<std::int32_t>("steps.0.columns", "I32", {2}, {0, 2}), tensor("steps.1.baseline", "F64", {outputs}, baseline),
                     tensor("steps.1.tree_offsets", "I64", {n_trees + 1}, offsets), tensor("steps.1.feature", "I32", {n}, feature),
                     tensor("steps.1.threshold", "F32", {n}, threshold), tensor("steps.1.left", "I32", {n}, left),
                     tensor("steps.1.right", "I32", {n}, right), tensor("steps.1.missing_left", "U8", {n}, missing_left),
                     tensor("steps.1.cover", "F64", {n}, cover), tensor("steps.1.gain", "F64", {n}, std::vector<double>(n)),
                     tensor("steps.1.value", "F64", {n, width}, value)};
    return parts;
}

Matrix<float> random_rows(std::size_t rows, std::size_t columns) {
    emotion::RandomStream random(1, emotion::Purpose::test, rows);
    Matrix<float> x(rows, columns);
    for (float& value : x.values) {
        value = static_cast<float>(3 * random.normal());
    }
    return x;
}

}  // namespace

TEST_CASE("model: rows unlike the training rows get no answer, however confident") {
    ModelParts parts;
    parts.rest += R"(,"out_of_distribution":{"threshold":2})";
    parts.tensors.push_back(tensor<double>("out_of_distribution.center", "F64", {3}, {0, 0, 0}));
    parts.tensors.push_back(tensor<double>("out_of_distribution.scale", "F64", {3}, {1, 1, 1}));
    const Model model = model_of(parts);
    Parallel parallel(1);
    StopToken stop;
    const std::vector<float> x = {6, 0, 0, 6.5F, 0, 0, 0, 1, 2};  // distances 2, 6.5 / 3 and 1; the last row's margin is 0.25
    const Predictions p = model.predict({x.data(), 3, 3}, 0, parallel, stop);
    CHECK(p.out_of_distribution == std::vector<std::uint8_t>{0, 1, 0});
    CHECK(p.abstained == std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("model: a logistic model worked by hand") {
    ModelParts parts;  // scaler mean 0,1,2 scale 1,2,4; coef 1,-1,0.5; intercept 0.25; temperature 2; threshold 0.6
    const Model model = model_of(parts);
    Parallel parallel(1);
    StopToken stop;
    const std::vector<float> x = {2, 3, -2};  // z = 2, 1, -1: margin 2 - 1 - 0.5 + 0.25 = 0.75
    const Predictions p = model.predict({x.data(), 1, 3}, 3, parallel, stop);
    const double happy = 1 / (1 + std::exp(-0.75 / 2));  // both log-probabilities halved
    CHECK(p.probability(0, 1) == doctest::Approx(happy).epsilon(1e-14));
    CHECK(p.label[0] == 1);
    CHECK(p.confidence[0] == p.probability(0, 1));
    CHECK(p.abstained[0] == 1);  // 0.593 < 0.6
    // Without background the baseline is z = 0, the training mean: contributions coef * z.
    CHECK(p.top_column.values == std::vector<std::int32_t>{0, 1, 2});
    CHECK(p.top_contribution.values == std::vector<double>{2, -1, -0.5});
    CHECK(p.top_value.values == x);

    // With a background of z mean (1, 0, 0): contributions 1, -1, -0.5; the smaller column first among equals.
    parts["background"] = tensor<float>("background", "F32", {2, 3}, {0, 1, 2, 2, 1, 2});
    const Predictions against = model_of(parts).predict({x.data(), 1, 3}, 2, parallel, stop);
    CHECK(against.top_column.values == std::vector<std::int32_t>{0, 1});
    CHECK(against.top_contribution.values == std::vector<double>{1, -1});

    // The other class of two: the same with the other sign.
    const std::vector<float> low = {-2, 3, -2};
    const Predictions calm = model.predict({low.data(), 1, 3}, 1, parallel, stop);
    CHECK(calm.label[0] == 0);
    CHECK(calm.top_contribution.values == std::vector<double>{2});
    CHECK(calm.abstained[0] == 0);
}

TEST_CASE("model: boosting predicts the softmax of its margins, and its explanations add up to them") {
    for (const auto& [n_classes, wide] : std::vector<std::pair<std::size_t, bool>>{{2, false}, {3, false}, {3, true}}) {
        CAPTURE(n_classes);
        CAPTURE(wide);
        const Model model = model_of(boosting_parts(n_classes, wide));
        CHECK(std::string(model.explained_output()) == "margin");
        const Matrix<float> x = random_rows(70, 3);
        Parallel parallel(2);
        StopToken stop;
        std::vector<double> values(70 * 3 * n_classes);
        std::vector<double> base(n_classes);
        Matrix<double> output(70, n_classes);
        model.explain(x.view(), values, base, parallel, stop);
        model.raw_output(x.view(), output.view(), parallel, stop);
        const Predictions p = model.predict(x.view(), 2, parallel, stop);
        for (std::size_t r = 0; r < 70; ++r) {
            double sum = 0;
            for (std::size_t k = 0; k < n_classes; ++k) {
                // The margins of two classes are -m and m; the logistic function of m is the softmax of -m/2 and m/2.
                sum += std::exp(n_classes == 2 ? output(r, k) / 2 : output(r, k));
            }
            for (std::size_t k = 0; k < n_classes; ++k) {
                CHECK(p.probability(r, k) == doctest::Approx(std::exp(n_classes == 2 ? output(r, k) / 2 : output(r, k)) / sum).epsilon(1e-12));
                double margin = base[k];
                for (std::size_t c = 0; c < 3; ++c) {
                    margin += values[(r * 3 + c) * n_classes + k];
                }
                CHECK(std::abs(margin - output(r, k)) < 1e-9);
                CHECK(values[(r * 3 + 1) * n_classes + k] == 0.0);  // column 1 was not selected
            }
            const auto best = static_cast<std::size_t>(p.label[r]);
            CHECK(p.top_contribution(r, 0) == values[(r * 3 + static_cast<std::size_t>(p.top_column(r, 0))) * n_classes + best]);
        }
    }
}

TEST_CASE("model: NaN is refused where the steps in Python refuse it, and goes down trees elsewhere") {
    Parallel parallel(1);
    StopToken stop;
    Matrix<float> x = random_rows(3, 3);
    x(1, 1) = std::numeric_limits<float>::quiet_NaN();  // a column that is not selected: SelectKBest refuses the row all the same
    CHECK_THROWS_WITH_AS((void)model_of(forest_parts()).predict(x.view(), 0, parallel, stop), doctest::Contains("NaN in row 1"), InvalidInputError);
    CHECK_THROWS_WITH_AS((void)model_of(ModelParts{}).predict(x.view(), 0, parallel, stop), doctest::Contains("NaN in row 1"), InvalidInputError);
    ModelParts alone = forest_parts();
    alone.steps = R"("steps":[{"kind":"random_forest_classifier"}])";
    for (auto& t : alone.tensors) {
        if (t.name.starts_with("steps.2.")) {
            t.name[6] = '0';
        }
    }
    CHECK(model_of(alone).predict(x.view(), 0, parallel, stop).label[1] >= 0);
}

TEST_CASE("model: explanations add up to the output, in input columns") {
    for (const ModelParts& parts : {ModelParts{}, forest_parts()}) {
        const Model model = model_of(parts);
        const Matrix<float> x = random_rows(100, 3);
        for (const int n_threads : {1, 2, 7}) {
            Parallel parallel(n_threads);
            StopToken stop;
            std::vector<double> values(100 * 3 * 2);
            std::vector<double> base(2);
            Matrix<double> output(100, 2);
            model.explain(x.view(), values, base, parallel, stop);
            model.raw_output(x.view(), output.view(), parallel, stop);
            for (std::size_t r = 0; r < 100; ++r) {
                for (std::size_t k = 0; k < 2; ++k) {
                    double sum = base[k];
                    for (std::size_t c = 0; c < 3; ++c) {
                        sum += values[(r * 3 + c) * 2 + k];
                    }
                    CHECK(sum == doctest::Approx(output(r, k)).epsilon(1e-9));
                }
            }
        }
    }
    const Model forest = model_of(forest_parts());
    Parallel parallel(1);
    StopToken stop;
    const Matrix<float> x = random_rows(10, 3);
    std::vector<double> values(10 * 3 * 2);
    std::vector<double> base(2);
    forest.explain(x.view(), values, base, parallel, stop);
    for (std::size_t r = 0; r < 10; ++r) {
        CHECK(values[(r * 3 + 1) * 2] == 0.0);  // column 1 was not selected
    }
    CHECK(std::string(forest.explained_output()) == "probability");
    CHECK(std::string(model_of(ModelParts{}).explained_output()) == "margin");
}

TEST_CASE("model: the bits do not depend on threads or on the company of other rows") {
    for (const ModelParts& parts : {ModelParts{}, forest_parts()}) {
        const Model model = model_of(parts);
        const Matrix<float> x = random_rows(301, 3);
        StopToken stop;
        Parallel one(1);
        Parallel seven(7);
        const Predictions a = model.predict(x.view(), 2, one, stop);
        const Predictions b = model.predict(x.view(), 2, seven, stop);
        CHECK(a.probability.values == b.probability.values);
        CHECK(a.top_contribution.values == b.top_contribution.values);
        CHECK(a.top_column.values == b.top_column.values);
        Matrix<double> plain(301, 2);
        model.contents().classifier.pipeline.predict_proba(x.view(), plain.view(), one, stop);
        for (std::size_t r = 0; r < 301; ++r) {
            const Predictions alone = model.predict({x.row(r).data(), 1, 3}, 2, one, stop);
            CHECK(alone.probability(0, 0) == a.probability(r, 0));
            CHECK(alone.top_contribution(0, 1) == a.top_contribution(r, 1));
            if (!model.contents().threshold) {
                CHECK(plain(r, 1) == a.probability(r, 1));  // the forest, uncalibrated: the pipeline's own bits
            }
        }
    }
}

TEST_CASE("model: threads that explain first at the same time build one plan") {
    const Matrix<float> x = random_rows(40, 3);
    const auto explain = [&](const Model& model) {
        Parallel parallel(1);
        StopToken stop;
        std::vector<double> values(40 * 3 * 2);
        std::vector<double> base(2);
        model.explain(x.view(), values, base, parallel, stop);
        return values;
    };
    const Model alone = model_of(forest_parts());
    const Model shared = model_of(forest_parts());
    std::vector<std::vector<double>> seen(8);
    std::vector<std::thread> threads;
    for (std::vector<double>& values : seen) {
        threads.emplace_back([&] { values = explain(shared); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const std::vector<double>& values : seen) {
        CHECK(values == explain(alone));
    }
}

TEST_CASE("model: bad input") {
    const Model model = model_of(ModelParts{});
    Parallel parallel(1);
    StopToken stop;
    std::vector<float> x = {0, std::numeric_limits<float>::quiet_NaN(), 0};
    CHECK_THROWS_AS((void)model.predict({x.data(), 1, 3}, 0, parallel, stop), InvalidInputError);
    CHECK_THROWS_AS((void)model.predict({x.data(), 1, 2}, 0, parallel, stop), InvalidInputError);
    CHECK(model.predict({x.data(), 0, 3}, 5, parallel, stop).label.empty());
    const std::vector<emotion::audio::Source> clip = {emotion::audio::Source::from_path("clip.wav")};
    CHECK_THROWS_WITH_AS((void)model.predict_clips(clip, 5, parallel, stop), doctest::Contains("saved without an extractor"), InvalidInputError);
    stop.request_stop();
    const Matrix<float> many = random_rows(1000, 3);
    CHECK_THROWS_AS((void)model.predict(many.view(), 0, parallel, stop), emotion::Cancelled);
}

TEST_CASE("model: a model of another extractor version, or with other columns than its extractor's, is refused") {
    const auto& names = emotion::audio::feature_names(emotion::audio::FeatureSet::classic);
    const auto contents = [&] {
        ModelContents result = parse_model_file(ModelParts{}.build(), "m");
        result.extractor = ExtractorSpec{"classic", 16'000, emotion::audio::algorithm_version};
        return result;
    };
    CHECK_THROWS_WITH_AS(Model{contents()}, doctest::Contains("feature names"), emotion::ModelFormatError);
    ModelContents unknown = contents();
    unknown.extractor->feature_set = "x";
    CHECK_THROWS_WITH_AS(Model{unknown}, doctest::Contains("feature set"), emotion::ModelFormatError);
    ModelContents later = contents();
    later.feature_names = names;
    later.extractor->algorithm_version += 1;
    CHECK_THROWS_WITH_AS(Model{later}, doctest::Contains("of the extractor"), emotion::ModelFormatError);
}

TEST_CASE("model: sets of labels beside the likeliest one") {
    ModelParts parts;
    parts.head = R"("format":"emotion-native-model","version":[1,2],"requires":["label_sets"])";
    parts.classes = R"("classes":["calm","happy","sad"])";
    parts.steps = R"("steps":[{"kind":"one_vs_rest_classifier"}])";
    parts.tensors = {tensor<double>("steps.0.coef", "F64", {3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}), tensor<double>("steps.0.intercept", "F64", {3}, {0, 0, 0}),
                     tensor<double>("label_sets.thresholds", "F64", {3}, {0, 0, 0})};
    Matrix<float> x(3, 3);
    x.values = {1, 2, -1, -3, -2, -1, 1e-30F, 0, 0};
    Parallel parallel(2);
    StopToken stop;
    for (const bool by_margin : {true, false}) {
        parts.rest = std::string(R"("calibration":null,"threshold":null,"label_sets":{"rule":")") + (by_margin ? "margin" : "probability") + "\"}";
        if (!by_margin) {
            parts["label_sets.thresholds"] = tensor<double>("label_sets.thresholds", "F64", {3}, {0.5, 0.5, 0.25});
        }
        const Model model = model_of(parts);
        const Predictions result = model.predict(std::as_const(x).view(), 2, parallel, stop);
        // A margin of 1e-30 is above 0, but its probability is a half; the third label of the second row has 0.27.
        const std::vector<std::uint8_t> expected = by_margin ? std::vector<std::uint8_t>{1, 1, 0, 0, 0, 0, 1, 0, 0} : std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 0, 0, 1};
        CHECK(result.has_label.values == expected);
        CHECK(result.label == std::vector<std::int32_t>{1, 2, 0});
        CHECK(result.confidence[0] == result.probability(0, 1));
        CHECK(result.abstained == std::vector<std::uint8_t>{0, 0, 0});
        CHECK(result.top_column(0, 0) == -1);
        CHECK(std::string(model.explained_output()) == "none");
        Matrix<double> values(9, 3);
        std::vector<double> base(3);
        CHECK_THROWS_AS(model.explain(std::as_const(x).view(), values.values, base, parallel, stop), InvalidInputError);
    }
    const Model single = model_of(ModelParts());
    CHECK(single.predict(std::as_const(x).view(), 0, parallel, stop).has_label.cols == 0);
}
