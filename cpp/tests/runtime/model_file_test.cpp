#include "emotion/runtime/model_file.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/sha256.hpp"
#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::ModelFormatError;
using emotion::runtime::test::ModelParts;
using emotion::runtime::test::reason_of;
using emotion::runtime::test::refused;
using emotion::runtime::test::tensor;

TEST_CASE("model_file: a valid file gives back what was written") {
    const std::vector<std::byte> bytes = ModelParts{}.build();
    const ModelContents model = parse_model_file(bytes, "m.emotion");
    CHECK(model.classes == std::vector<std::string>{"calm", "happy"});
    CHECK_FALSE(model.integer_classes);
    CHECK(model.feature_names == std::vector<std::string>{"a", "b", "c"});
    CHECK_FALSE(model.extractor.has_value());
    CHECK(model.threshold == 0.6);
    CHECK(model.classifier.calibration.kind == CalibrationKind::temperature);
    CHECK(model.classifier.calibration.temperature == 2.0);
    CHECK(model.background.rows == 0);
    CHECK(model.classifier.pipeline.n_features_in == 3);
    CHECK(model.classifier.pipeline.n_features_out() == 3);
    CHECK(std::get<emotion::linear::LogisticModel>(model.classifier.pipeline.estimator).coef == std::vector<double>{1, -1, 0.5});
    CHECK(model.sha256.size() == 64);
    CHECK(model.metadata_json.find(model.sha256) != std::string::npos);
}

TEST_CASE("model_file: the checksum is SHA-256 of the file with its digits as zeros") {
    const ModelParts parts;
    CHECK(parse_model_file(parts.build(), "m").sha256 == emotion::sha256_hex(parts.unsigned_bytes()));
}

TEST_CASE("model_file: digits that stand in the header twice leave open which of them the checksum leaves out") {
    ModelParts parts;
    parts.rest += R"(,"again":")" + parts.sha256 + "\"";
    CHECK_THROWS_WITH_AS((void)parse_model_file(parts.unsigned_bytes(), "m"), doctest::Contains("exactly once"), ModelFormatError);
    parts = ModelParts{};
    parts.sha256 = std::string(64, 'A');
    CHECK_THROWS_WITH_AS((void)parse_model_file(parts.unsigned_bytes(), "m"), doctest::Contains("lower-case hexadecimal"), ModelFormatError);
    parts.sha256 = std::string(63, '0');
    CHECK_THROWS_AS((void)parse_model_file(parts.unsigned_bytes(), "m"), ModelFormatError);
}

TEST_CASE("model_file: no bit may change and no byte may be cut") {
    const std::vector<std::byte> bytes = ModelParts{}.build();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        CAPTURE(i);
        auto changed = bytes;
        changed[i] ^= std::byte{1};
        CHECK_THROWS_AS((void)parse_model_file(changed, "m"), ModelFormatError);
        CHECK_THROWS_AS((void)parse_model_file(std::span(bytes).first(i), "m"), ModelFormatError);
    }
}

TEST_CASE("model_file: forward rule") {
    ModelParts later;
    later.head = R"("format":"emotion-native-model","version":[1,7],"requires":[],"unheard_of":{"x":[1]})";
    later.tensors.push_back(tensor<std::uint8_t>("unheard_of", "U8", {1}, {1}));
    CHECK(reason_of(later) == "accepted");
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":[2,0],"requires":[])"; }, "format version 2.0"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":[2,0],"requires":[])"; }, "; upgrade emotion-native"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":[1,0],"requires":["boosting"])"; }, "needs the feature 'boosting'"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":[0,9],"requires":[])"; }, "version"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":"1.0","requires":[])"; }, "version"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","requires":[])"; }, "lacks the key version"));
    CHECK(refused([](auto& p) { p.head = R"("format":"emotion-native-model","version":[1,0])"; }, "lacks the key requires"));
    CHECK(refused([](auto& p) { p.head = R"("format":"other","version":[1,0],"requires":[])"; }, "format"));
}

TEST_CASE("model_file: the description") {
    CHECK(refused([](auto& p) { p.classes = R"("classes":["calm","calm"])"; }, "a class occurs twice"));
    CHECK(refused([](auto& p) { p.classes = R"("classes":["calm"])"; }, "2 to 1000"));
    CHECK(refused([](auto& p) { p.classes = R"("classes":["calm",""])"; }, "a class is not a text"));
    CHECK(refused([](auto& p) { p.classes = R"("classes":["calm",1])"; }, "all texts or all whole numbers"));
    CHECK(refused([](auto& p) { p.classes = R"("classes":["calm","a\u0000"])"; }, "control characters"));
    CHECK(refused([](auto& p) { p.classes = R"("klasses":["calm","happy"])"; }, "lacks the key classes"));
    CHECK(refused([](auto& p) { p.names = R"("feature_names":["a","b"])"; }, "shape"));
    CHECK(refused([](auto& p) { p.names = R"("feature_names":["a","b","b"])"; }, "a feature name occurs twice"));
    CHECK(refused([](auto& p) { p.names = R"("feature_names":[])"; }, "feature names"));
    CHECK(refused([](auto& p) { p.extractor = R"("extractor":{"feature_set":"classic"})"; }, "lacks the key sample_rate_hz"));
    for (const char* rate : {"0", "99", "768001", "16000.5"}) {
        const std::string extractor = std::string(R"("extractor":{"feature_set":"classic","algorithm_version":2,"sample_rate_hz":)") + rate + "}";
        CHECK(refused([&](auto& p) { p.extractor = extractor; }, "sample_rate_hz is not a whole number from 100 to 768000"));
    }
    CHECK(refused([](auto& p) { p.extractor = R"("extractor":7)"; }, "feature_set"));
    CHECK(refused([](auto& p) { p.rest = R"("calibration":null,"threshold":1.5)"; }, "threshold"));
    CHECK(refused([](auto& p) { p.rest = R"("calibration":null,"threshold":"x")"; }, "threshold"));
    CHECK(refused([](auto& p) { p.rest = R"("calibration":null)"; }, "lacks the key threshold"));
    CHECK(refused([](auto& p) { p.rest = R"("calibration":{"kind":"spline"},"threshold":null)"; }, "spline"));
    CHECK(refused([](auto& p) { p.rest = R"("calibration":{"kind":"sigmoid"},"threshold":null)"; }, "lacks the tensor calibration.a"));
    CHECK(refused([](auto& p) { p.rest += R"(,"training_clips":{"duration_s":[3,1]})"; }, "durations"));
    CHECK(refused([](auto& p) { p.rest += R"(,"quality":7)"; }, "its quality lacks the key action"));
    CHECK(refused([](auto& p) { p.rest += R"(,"quality":{"action":"hide"})"; }, "neither flag nor drop"));
    CHECK(refused([](auto& p) { p.rest += R"(,"quality":{"action":"drop","least_duration_s":1})"; }, "lacks the key least_peak_dbfs"));
    CHECK(refused([](auto& p) { p.rest += R"(,"quality":{"action":"drop","least_duration_s":"x"})"; }, "least_duration_s is not a finite number"));
    CHECK(refused([](auto& p) { p.rest += R"(,"out_of_distribution":{"threshold":2.5})"; }, "lacks the tensor out_of_distribution.center"));
    CHECK(refused([](auto& p) { p.rest += R"(,"out_of_distribution":{"threshold":-1})"; }, "out_of_distribution"));
    CHECK(refused([](auto& p) { p.rest += R"(,"out_of_distribution":7)"; }, "out_of_distribution"));
    CHECK(refused([](auto& p) {
        p.rest += R"(,"out_of_distribution":{"threshold":2.5})";
        p.tensors.push_back(tensor<double>("out_of_distribution.center", "F64", {3}, {0, 0, 0}));
        p.tensors.push_back(tensor<double>("out_of_distribution.scale", "F64", {3}, {1, 0, 1}));
    }, "greater than 0"));
    CHECK(refused([](auto& p) { p.rest += R"(,"threshold":0.5)"; }, "a key occurs twice"));
    CHECK(refused([](auto& p) { p.rest += R"(,"x":[1,)"; }, "not valid JSON"));
    ModelParts silent;
    silent.rest = R"("calibration":null,"threshold":2)";
    CHECK(parse_model_file(silent.unsigned_bytes(), "m", Checksum::ignore).threshold == 2.0);
    ModelParts judging;
    judging.rest += R"(,"quality":{"action":"drop","least_duration_s":1,"least_peak_dbfs":-60,"least_speech_s":0.5,"least_speech_ratio":0.25,)"
                    R"("most_clipped_ratio":0.125,"least_snr_db":3})";
    const auto rule = parse_model_file(judging.build(), "m").quality;
    REQUIRE(rule.has_value());
    CHECK(rule->drops);
    CHECK(rule->limits.least_speech_ratio == 0.25);
    CHECK(rule->limits.most_clipped_ratio == 0.125);
    CHECK(rule->limits.least_snr_db == 3);
    CHECK_FALSE(parse_model_file(ModelParts{}.build(), "m").quality.has_value());
    ModelParts integers;
    integers.classes = R"("classes":[-1,3])";
    CHECK(parse_model_file(integers.build(), "m").integer_classes);
    CHECK(parse_model_file(integers.build(), "m").classes == std::vector<std::string>{"-1", "3"});
}

TEST_CASE("model_file: messages name the file and the remedy and are plain ASCII") {
    try {
        (void)load_model_file("/no/such\xff/model.emotion");
        FAIL("accepted");
    } catch (const ModelFormatError& error) {
        CHECK(std::string(error.what()) == "/no/such\\xff/model.emotion cannot be loaded as a model: it cannot be opened: No such file or directory; "
                                           "give the path of a file that save_model wrote");
    }
    const auto bytes = emotion::runtime::test::container(R"({"__metadata__":{"emotion_native":"{\"\u00e9\":1,\"\u00e9\":2}"}})");
    try {
        (void)parse_model_file(bytes, "m");
        FAIL("accepted");
    } catch (const ModelFormatError& error) {
        CHECK(std::string(error.what()) == "m cannot be loaded as a model: its description cannot be read: a key occurs twice in one object: "
                                           "\\xc3\\xa9; copy the file again from its source, or save the model again with save_model");
    }
}
