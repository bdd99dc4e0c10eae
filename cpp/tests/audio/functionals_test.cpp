#include "emotion/audio/functionals.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::audio;

namespace {

std::vector<float> noise(std::size_t n) {
    RandomStream random(7, Purpose::test, n);
    std::vector<float> x(n);
    for (float& v : x) {
        v = static_cast<float>(0.1 * random.normal());
    }
    return x;
}

float value(const std::vector<float>& vector, const std::string& name) {
    const auto& names = feature_names(FeatureSet::classic);
    const auto found = std::ranges::find(names, name);
    REQUIRE(found != names.end());
    return vector[static_cast<std::size_t>(found - names.begin())];
}

}  // namespace

TEST_CASE("the classic set has 1116 distinct names in the documented order") {
    const auto& names = feature_names(FeatureSet::classic);
    CHECK(names.size() == 1116);
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == 1116);
    CHECK(names.front() == "mfcc_01_mean");
    CHECK(names[160] == "mfcc_delta_01_mean");
    CHECK(names[1091] == "rms_max");
    CHECK(names[1092] == "tonnetz_1_mean");
    CHECK(names.back() == "tonnetz_6_max");
    CHECK_THROWS_AS((void)feature_set_of("modern", "f"), InvalidInputError);
}

TEST_CASE("any length from one sample on, any rate, silence, constants and large values give finite vectors") {
    for (const std::size_t n : {1UL, 2UL, 511UL, 512UL, 2047UL, 4095UL, 4096UL, 16000UL}) {
        for (const int rate : {100, 8000, 12800, 16000, 48000, 768000}) {
            for (const float level : {0.0F, 1e-20F, 0.5F, 1e9F}) {
                const auto v = functionals(std::vector<float>(n, level), rate, FeatureSet::classic);
                REQUIRE(v.size() == 1116);
                REQUIRE(std::ranges::all_of(v, [](float x) { return std::isfinite(x); }));
            }
        }
    }
}

TEST_CASE("silence has the documented values") {
    const auto v = functionals(std::vector<float>(16000, 0.0F), 16000, FeatureSet::classic);
    CHECK(value(v, "log_mel_001_mean") == doctest::Approx(-100.0));
    CHECK(value(v, "mfcc_01_mean") == doctest::Approx(-100.0 * std::sqrt(128.0)));
    CHECK(std::abs(value(v, "mfcc_02_max")) < 1e-3);
    CHECK(value(v, "chroma_01_max") == 0.0F);
    CHECK(value(v, "spectral_contrast_7_mean") == 0.0F);
    CHECK(value(v, "spectral_centroid_mean") == 0.0F);
    CHECK(value(v, "spectral_flatness_mean") == doctest::Approx(1.0).epsilon(1e-5));
    CHECK(value(v, "zero_crossing_rate_max") == 0.0F);
    CHECK(value(v, "rms_max") == 0.0F);
    CHECK(value(v, "tonnetz_2_max") == 0.0F);
    CHECK(value(v, "tonnetz_6_min") == 0.0F);
}

TEST_CASE("a clip beyond the kept spectra has the bits of the same frames computed at once") {
    // 2100 frames are transformed a second time for chroma; repeating a period keeps mean and extremes nearly equal to those of 2000 frames.
    const auto period = noise(512 * 50);
    std::vector<float> shorter, longer;
    for (int i = 0; i < 42; ++i) {
        longer.insert(longer.end(), period.begin(), period.end());
        if (i < 40) {
            shorter.insert(shorter.end(), period.begin(), period.end());
        }
    }
    const auto a = functionals(shorter, 16000, FeatureSet::classic);
    const auto b = functionals(longer, 16000, FeatureSet::classic);
    for (const char* name :
         {"chroma_01_min", "chroma_05_max", "chroma_12_max", "rms_max", "spectral_contrast_3_min", "tonnetz_1_min", "tonnetz_6_max"}) {
        CHECK(value(a, name) == value(b, name));
    }
    CHECK(value(a, "chroma_04_mean") == doctest::Approx(value(b, "chroma_04_mean")).epsilon(1e-3));
}

TEST_CASE("bad samples and rates are refused") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS((void)functionals({}, 16000, FeatureSet::classic), InvalidInputError);
    for (const float bad : {nan, infinity, -infinity, 2e9F}) {
        std::vector<float> x(5000, 0.1F);
        x[4321] = bad;
        CHECK_THROWS_AS((void)functionals(x, 16000, FeatureSet::classic), InvalidInputError);
    }
    for (const int rate : {0, -1, 99, 768001}) {
        CHECK_THROWS_AS((void)functionals(std::vector<float>(100, 0.1F), rate, FeatureSet::classic), InvalidInputError);
    }
}

TEST_CASE("a batch equals single calls bit for bit, for any number of threads, and a bad row does not stop the others") {
    std::vector<Source> sources;
    for (const auto& entry : std::filesystem::directory_iterator(EMOTION_DECODE_CORPUS)) {
        sources.push_back(Source::from_path(entry.path().string()));
    }
    std::ranges::sort(sources, {}, &Source::path);
    sources.insert(sources.begin() + 3, Source::from_path("/nonexistent/clip.wav"));
    const std::size_t columns = feature_names(FeatureSet::classic).size();
    std::vector<Matrix<float>> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        StopToken stop;
        Matrix<float> out(sources.size(), columns);
        const auto rows = extract_batch(sources, {}, {}, {}, out.view(), parallel, stop);
        CHECK(stop.done() == sources.size());
        CHECK(rows[3].status == "not_found");
        CHECK(std::isnan(out(3, 0)));
        for (std::size_t i = 0; i < sources.size(); ++i) {
            CAPTURE(sources[i].path);
            if (rows[i].status == "ok") {
                ExtractInfo info;
                const auto single = extract(sources[i], {}, info);
                CHECK(std::ranges::equal(single, out.row(i)));
            } else {
                CHECK(std::ranges::all_of(out.row(i), [](float v) { return std::isnan(v); }));
            }
        }
        results.push_back(std::move(out));
    }
    const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    CHECK(std::ranges::equal(results[0].values, results[1].values, same));
    CHECK(std::ranges::equal(results[0].values, results[2].values, same));
}

TEST_CASE("times that are none are refused before a batch begins") {
    const std::vector<Source> sources(2, Source::from_path("/nonexistent/clip.wav"));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    Parallel parallel(1);
    Matrix<float> out(sources.size(), 1092);
    const auto batch = [&](double start, double end) {
        StopToken stop;
        const std::vector<double> starts{nan, start}, ends{nan, end};
        const auto rows = extract_batch(sources, starts, ends, {}, out.view(), parallel, stop);
        return rows[1].status;
    };
    CHECK(batch(0.1, 0.2) == "not_found");
    CHECK_THROWS_AS((void)batch(-1.0, nan), InvalidInputError);
    CHECK_THROWS_AS((void)batch(std::numeric_limits<double>::infinity(), nan), InvalidInputError);
    CHECK_THROWS_AS((void)batch(0.3, 0.1), InvalidInputError);
}

TEST_CASE("a stop request ends a batch") {
    const std::vector<Source> sources(50, Source::from_path("/nonexistent/clip.wav"));
    Parallel parallel(2);
    StopToken stop;
    stop.request_stop();
    Matrix<float> out(sources.size(), 1116);
    CHECK_THROWS_AS((void)extract_batch(sources, {}, {}, {}, out.view(), parallel, stop), Cancelled);
}
