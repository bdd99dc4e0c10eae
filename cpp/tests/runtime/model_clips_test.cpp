// The half of Model that takes clips, against the audio room and the half that takes rows.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/model.hpp"
#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::MatrixView;
using emotion::Parallel;
using emotion::StopToken;
namespace audio = emotion::audio;

namespace {

constexpr int rate_hz = 16'000;

std::vector<float> tone(double frequency_hz, double level, std::size_t samples) {
    std::vector<float> result(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        result[i] = static_cast<float>(level * std::sin(2 * std::numbers::pi * frequency_hz * static_cast<double>(i) / rate_hz));
    }
    return result;
}

// A logistic model over the classic columns, with coefficients that differ from column to column.
Model classic_model(std::optional<QualityRule> quality = {}) {
    ModelContents contents;
    contents.quality = quality;
    contents.classes = {"calm", "happy"};
    contents.feature_names = audio::feature_names(audio::FeatureSet::classic);
    contents.extractor = ExtractorSpec{"classic", rate_hz, audio::algorithm_version};
    const std::size_t columns = contents.feature_names.size();
    emotion::linear::LogisticModel logistic;
    logistic.n_classes = 2;
    logistic.n_features = columns;
    for (std::size_t c = 0; c < columns; ++c) {
        logistic.coef.push_back(1e-5 * (static_cast<double>(c % 7) - 3));
    }
    logistic.intercept = {0.1};
    contents.classifier.pipeline.n_features_in = columns;
    contents.classifier.pipeline.estimator = logistic;
    contents.min_duration_s = 0.5;
    contents.max_duration_s = 1.0;
    return Model(std::move(contents));
}

}  // namespace

TEST_CASE("model_clips: samples are predicted as their row of features") {
    const Model model = classic_model();
    Parallel parallel(1);
    StopToken stop;
    const std::vector<float> samples = tone(220, 0.3, 12'000);
    const ClipPredictions clip = model.predict_samples(samples, rate_hz, 4, parallel, stop);
    REQUIRE(clip.status.at(0).status == "ok");
    const std::vector<float> row = audio::functionals(samples, rate_hz, audio::FeatureSet::classic);
    const Predictions expected = model.predict({row.data(), 1, row.size()}, 4, parallel, stop);
    CHECK(clip.predictions.probability.values == expected.probability.values);
    CHECK(clip.predictions.label == expected.label);
    CHECK(clip.predictions.top_column.values == expected.top_column.values);
    CHECK(clip.predictions.top_value.values == expected.top_value.values);
    CHECK(clip.predictions.top_contribution.values == expected.top_contribution.values);
    CHECK(clip.warnings.at(0).empty());
}

TEST_CASE("model_clips: failed clips keep their place, and the bits do not depend on threads") {
    const Model model = classic_model();
    StopToken stop;
    const std::vector<std::byte> junk(100, std::byte{7});
    const std::vector<audio::Source> sources = {audio::Source::from_memory(junk), audio::Source::from_path("/no/such/clip.wav")};
    Parallel one(1);
    const ClipPredictions a = model.predict_clips(sources, 3, one, stop);
    CHECK(a.status.at(1).status == "not_found");
    for (std::size_t r = 0; r < 2; ++r) {
        CHECK(a.status[r].status != "ok");
        CHECK(a.predictions.label[r] == -1);
        CHECK(a.predictions.abstained[r] == 1);
        CHECK(std::isnan(a.predictions.confidence[r]));
        CHECK(a.predictions.top_column(r, 0) == -1);
    }
    for (const int n_threads : {2, 7}) {
        Parallel parallel(n_threads);
        const std::vector<float> samples = tone(330, 0.2, 9'000);
        CHECK(model.predict_samples(samples, rate_hz, 3, parallel, stop).predictions.probability.values ==
              model.predict_samples(samples, rate_hz, 3, one, stop).predictions.probability.values);
    }
    CHECK(model.predict_clips({}, 3, one, stop).status.empty());
}

TEST_CASE("model_clips: warnings and bad samples") {
    const Model model = classic_model();
    Parallel parallel(1);
    StopToken stop;
    const auto warning = [&](const std::vector<float>& samples) {
        const auto clip = model.predict_samples(samples, rate_hz, 0, parallel, stop);
        std::string all = clip.status.at(0).status;
        for (const std::string& text : clip.warnings.at(0)) {
            all += "|" + text;
        }
        return all;
    };
    CHECK(warning(tone(220, 0.3, 12'000)) == "ok");
    CHECK(warning(tone(220, 0.3, 40'000)).find("longer_than_training: the clip lasts 2.50 s") != std::string::npos);
    CHECK(warning(tone(220, 0.3, 3'000)).find("shorter_than_training") != std::string::npos);
    CHECK(warning(tone(220, 0.001, 12'000)).find("quiet: ") != std::string::npos);
    CHECK(warning(std::vector<float>(12'000)).rfind("silent", 0) == 0);
    CHECK(warning(std::vector<float>(12'000, std::numeric_limits<float>::quiet_NaN())).rfind("non_finite", 0) == 0);
    CHECK_THROWS_AS((void)model.predict_samples({}, rate_hz, 0, parallel, stop), emotion::InvalidInputError);
    CHECK_THROWS_AS((void)model.predict_samples(tone(220, 0.3, 9'000), 0, 0, parallel, stop), emotion::InvalidInputError);
    CHECK_THROWS_AS((void)model.predict_samples(tone(220, 0.3, 9'000), 768'001, 0, parallel, stop), emotion::InvalidInputError);
}

TEST_CASE("model_clips: clips that are too poor are flagged or dropped, as the model says") {
    Parallel parallel(1);
    StopToken stop;
    const std::vector<float> samples = tone(220, 0.3, 12'000);  // steady: no speech
    const auto plain = classic_model().predict_samples(samples, rate_hz, 0, parallel, stop);
    CHECK(plain.quality.at(0).empty());
    CHECK_FALSE(plain.status.at(0).info.quality.has_value());
    for (const bool drops : {false, true}) {
        const auto clip = classic_model(QualityRule{{}, drops}).predict_samples(samples, rate_hz, 0, parallel, stop);
        CHECK(clip.quality.at(0) == "no_speech");
        CHECK(clip.warnings.at(0).back() == "no_speech: speech of 0 s, below 0.2 s");
        CHECK(clip.predictions.abstained[0] == (drops ? 1 : 0));
        CHECK(clip.predictions.probability.values == plain.predictions.probability.values);
    }
    QualityRule lenient{{}, true};
    lenient.limits.least_speech_s = lenient.limits.least_speech_ratio = 0;
    lenient.limits.least_snr_db = -30;
    CHECK(classic_model(lenient).predict_samples(samples, rate_hz, 0, parallel, stop).quality.at(0).empty());
}
