#include "emotion/audio/frame_plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "emotion/audio/stft.hpp"
#include "emotion/audio/temporal.hpp"
#include "emotion/core/errors.hpp"
#include "noise.hpp"

using namespace emotion;
using namespace emotion::audio;
using emotion::audio::test::normal_noise;

namespace {

std::vector<float> noise(std::size_t n) { return normal_noise(n, 3); }

std::vector<FrameDescriptor> all_descriptors() {
    std::vector<FrameDescriptor> all;
    for (const char* name : frame_descriptor_names) {
        all.push_back(frame_descriptor_of(name, "test"));
    }
    return all;
}

MelFilterbank bank(std::size_t n_fft) { return MelFilterbank({.sample_rate_hz = 16'000, .n_fft = n_fft, .n_mels = 24}); }

// The frames of a whole signal, through the plan.
Matrix<float> frames_of(const FramePlan& plan, const std::vector<float>& x) {
    std::vector<float> padded(plan.lead(), 0.0F);
    padded.insert(padded.end(), x.begin(), x.end());
    const std::size_t n = plan.frames(x.size());
    padded.resize(padded.size() + plan.n_fft() + 8 * plan.hop_length() + plan.reach(), 0.0F);
    Matrix<float> out(plan.names().size(), n);
    for (std::size_t first = 0; first < n; first += 8) {
        plan.compute(padded.data() + first * plan.hop_length(), first, std::min<std::size_t>(8, n - first), x.size(), out.view(), first);
    }
    return out;
}

std::size_t row_of(const FramePlan& plan, const std::string& name) {
    const auto at = std::find(plan.names().begin(), plan.names().end(), name);
    REQUIRE(at != plan.names().end());
    return static_cast<std::size_t>(at - plan.names().begin());
}

void check_rows(const FramePlan& plan, const Matrix<float>& ours, const std::string& first, const std::vector<float>& expected) {
    const std::size_t row = row_of(plan, first);
    REQUIRE(expected.size() % ours.cols == 0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        REQUIRE(ours.values[row * ours.cols + i] == expected[i]);
    }
}

}  // namespace

TEST_CASE("every frame has the bits of the functions for whole signals") {
    for (const bool center : {true, false}) {
        const std::vector<std::pair<std::size_t, std::size_t>> framings{{1024, 256}, {1024, 1024}, {1024, 300}, {1023, 93}, {1024, 1500}};
        for (const auto& [n_fft, hop] : framings) {
            const auto x = noise(9'000);
            const auto window = hann_window(n_fft);
            const FramePlan plan({.descriptors = all_descriptors(),
                                  .window = window,
                                  .hop_length = hop,
                                  .center = center,
                                  .mel = bank(n_fft),
                                  .n_mfcc = 13,
                                  .tuning = 0.2});
            const Matrix<float> ours = frames_of(plan, x);

            const Stft stft(window, hop, center);
            Matrix<float> power(stft.bins(), stft.frames(x.size()));
            REQUIRE(power.cols == ours.cols);
            stft.power(x, power.view(), StopToken{});
            Matrix<float> magnitude = power;
            for (float& v : magnitude.values) {
                v = std::sqrt(v);
            }
            std::vector<float> frequency;
            for (const double f : fft_frequencies(16'000, n_fft)) {
                frequency.push_back(static_cast<float>(f));
            }
            Matrix<float> mel(24, ours.cols);
            bank(n_fft).apply(power.view(), mel.view());
            check_rows(plan, ours, "mel_001", mel.values);
            power_to_db(mel.values, 1e-10F, -1.0F);
            check_rows(plan, ours, "log_mel_001", mel.values);
            Matrix<float> cepstrum(13, ours.cols);
            multiply(dct_matrix(13, 24, 2, DctNorm::ortho)->view(), mel.view(), cepstrum.view());
            check_rows(plan, ours, "mfcc_01", cepstrum.values);
            Matrix<float> chroma(12, ours.cols);
            multiply(chroma_filterbank({.sample_rate_hz = 16'000, .n_fft = n_fft, .tuning = 0.2}).view(), power.view(), chroma.view());
            normalize_columns(chroma.view());
            check_rows(plan, ours, "chroma_01", chroma.values);
            Matrix<float> centroids(tonnetz_rows, ours.cols);
            tonnetz(chroma.view(), centroids.view());
            check_rows(plan, ours, "tonnetz_1", centroids.values);
            std::vector<float> centroid(ours.cols), one(ours.cols);
            spectral_centroid(magnitude.view(), frequency, centroid);
            check_rows(plan, ours, "spectral_centroid", centroid);
            spectral_bandwidth(magnitude.view(), frequency, centroid, true, one);
            check_rows(plan, ours, "spectral_bandwidth", one);
            spectral_rolloff(magnitude.view(), frequency, 0.85F, one);
            check_rows(plan, ours, "spectral_rolloff", one);
            spectral_flatness(power.view(), 1e-10F, one);
            check_rows(plan, ours, "spectral_flatness", one);
            Matrix<float> peak(7, ours.cols), valley(7, ours.cols);
            contrast_extremes(magnitude.view(), contrast_bands(16'000, n_fft, 200.0, 6, 0.02), peak.view(), valley.view());
            for (std::size_t i = 0; i < peak.values.size(); ++i) {
                peak.values[i] -= valley.values[i];
            }
            check_rows(plan, ours, "spectral_contrast_1", peak.values);
            zero_crossing_rate(x, n_fft, hop, center, 1e-10F, one);
            check_rows(plan, ours, "zero_crossing_rate", one);
            rms(std::span<const float>(x), n_fft, hop, center, one);
            check_rows(plan, ours, "rms", one);
        }
    }
}

TEST_CASE("tonnetz has the same bits without chroma_stft beside it, in either order") {
    const auto x = noise(5'000);
    const auto rows = [&](std::vector<FrameDescriptor> descriptors) {
        const FramePlan plan({.descriptors = std::move(descriptors), .window = hann_window(1024), .hop_length = 256, .tuning = -0.3});
        const Matrix<float> all = frames_of(plan, x);
        const auto first = all.values.begin() + static_cast<std::ptrdiff_t>(row_of(plan, "tonnetz_1") * all.cols);
        return std::vector<float>(first, first + static_cast<std::ptrdiff_t>(tonnetz_rows * all.cols));
    };
    const auto alone = rows({FrameDescriptor::tonnetz});
    CHECK(rows({FrameDescriptor::tonnetz, FrameDescriptor::chroma_stft}) == alone);
    CHECK(rows({FrameDescriptor::chroma_stft, FrameDescriptor::tonnetz}) == alone);
}

TEST_CASE("frames settle with their last sample") {
    const auto plan = [](std::size_t n_fft, std::size_t hop, bool center) {
        return FramePlan({.descriptors = {FrameDescriptor::rms}, .window = std::vector<float>(n_fft, 1.0F), .hop_length = hop, .center = center});
    };
    CHECK(plan(64, 16, true).settled(31) == 0);
    CHECK(plan(64, 16, true).settled(32) == 1);
    CHECK(plan(64, 16, true).settled(48) == 2);
    CHECK(plan(64, 16, false).settled(63) == 0);
    CHECK(plan(64, 16, false).settled(64) == 1);
    CHECK(plan(64, 16, true).frames(0) == 0);
    CHECK(plan(64, 16, true).frames(1) == 1);
    CHECK(plan(64, 16, true).frames(64) == 5);
    CHECK(plan(64, 16, false).frames(63) == 0);
    for (const std::size_t n_fft : {1UL, 5UL, 64UL}) {
        for (const std::size_t hop : {1UL, 7UL, 100UL}) {
            for (std::size_t n = 1; n < 300; ++n) {
                const FramePlan one = plan(n_fft, hop, true);
                REQUIRE(one.settled(n) <= one.frames(n));
                REQUIRE(one.frames(n) <= 1 + n / hop);
            }
        }
    }
}

TEST_CASE("wrong options are refused") {
    const std::vector<float> window(64, 1.0F);
    CHECK_THROWS_AS(FramePlan({.descriptors = {}, .window = window}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::rms, FrameDescriptor::rms}, .window = window}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::rms}, .window = {}}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::rms}, .window = window, .hop_length = 0}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::mfcc}, .window = window}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::mfcc}, .window = window, .mel = bank(128)}), InvalidInputError);
    CHECK_THROWS_AS(FramePlan({.descriptors = {FrameDescriptor::spectral_contrast}, .sample_rate_hz = 8'000, .window = window}), InvalidInputError);
    CHECK_THROWS_WITH_AS((void)frame_descriptor_of("pitch", "FeatureStream"),
                         doctest::Contains("descriptors of FeatureStream must be names among melspectrogram, log_mel"), InvalidInputError);
}
