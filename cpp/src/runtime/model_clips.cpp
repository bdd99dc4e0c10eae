// The half of Model that takes clips; model.cpp holds what takes rows of features.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/runtime/model.hpp"

namespace emotion::runtime {
namespace {

// Clips more than twice as long as any training clip, or less than half as long, are worth a warning.
constexpr double duration_margin = 2.0;
constexpr double quiet_dbfs = -50.0;

std::string seconds_text(double seconds) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.2f s", seconds);
    return text.data();
}

// The samples as a float WAV file in memory, so that an array is treated in every respect like a clip that holds it.
std::vector<std::byte> wav_file(std::span<const float> samples, int sample_rate_hz) {
    constexpr std::uint16_t ieee_float = 3;
    constexpr std::uint16_t mono = 1;
    const auto rate = static_cast<std::uint32_t>(sample_rate_hz);
    const auto data_bytes = static_cast<std::uint32_t>(samples.size_bytes());
    std::vector<std::byte> file;
    file.reserve(64 + samples.size_bytes());
    const auto put = [&file](const auto& value) {
        const auto bytes = std::as_bytes(std::span(&value, 1));
        file.insert(file.end(), bytes.begin(), bytes.end());
    };
    const auto put_tag = [&file](const char (&tag)[5]) {
        const auto bytes = std::as_bytes(std::span(tag, 4));
        file.insert(file.end(), bytes.begin(), bytes.end());
    };
    put_tag("RIFF");
    put(std::uint32_t{36} + data_bytes);
    put_tag("WAVE");
    put_tag("fmt ");
    put(std::uint32_t{16});
    put(ieee_float);
    put(mono);
    put(rate);
    put(rate * std::uint32_t{4});
    put(std::uint16_t{4});
    put(std::uint16_t{32});
    put_tag("data");
    put(data_bytes);
    const auto bytes = std::as_bytes(samples);
    file.insert(file.end(), bytes.begin(), bytes.end());
    return file;
}

}  // namespace

audio::ExtractOptions Model::extract_options(const char* caller) const {
    if (!contents_.extractor) {
        throw InvalidInputError("source", caller, "rows of features, since the model was saved without an extractor (use predict_features)", "a clip");
    }
    audio::ExtractOptions options;
    options.set = audio::feature_set_of(contents_.extractor->feature_set, caller, "feature_set");
    options.sample_rate_hz = contents_.extractor->sample_rate_hz;
    options.quality = contents_.quality.has_value();
    return options;
}

std::vector<std::string> Model::clip_warnings(const audio::ExtractInfo& info) const {
    std::vector<std::string> warnings = info.warnings;
    const double duration = info.levels.duration_s;
    if (contents_.min_duration_s && duration > 0 && duration * duration_margin < *contents_.min_duration_s) {
        warnings.push_back("shorter_than_training: the clip lasts " + seconds_text(duration) + ", the training clips last at least " +
                           seconds_text(*contents_.min_duration_s));
    }
    if (contents_.max_duration_s && duration > *contents_.max_duration_s * duration_margin) {
        warnings.push_back("longer_than_training: the clip lasts " + seconds_text(duration) + ", the training clips last at most " +
                           seconds_text(*contents_.max_duration_s));
    }
    if (info.levels.rms_dbfs < quiet_dbfs) {
        const bool silence = std::isinf(info.levels.rms_dbfs);
        warnings.push_back(silence ? "quiet: the clip is digital silence"
                                   : "quiet: the clip's level is " + std::to_string(std::lround(-info.levels.rms_dbfs)) + " dB below full scale");
    }
    return warnings;
}

std::string Model::quality_reason(const audio::ExtractStatus& clip) const {
    const bool measured = contents_.quality && clip.status == "ok" && clip.info.quality;
    return measured ? audio::quality_reason(*clip.info.quality, contents_.quality->limits) : std::string{};
}

ClipPredictions Model::predict_clips(std::span<const audio::Source> sources, std::size_t top_features, Parallel& parallel, StopToken& stop) const {
    const audio::ExtractOptions options = extract_options("predict");
    ClipPredictions result;
    Matrix<float> features(sources.size(), n_features());
    result.status = audio::extract_batch(sources, {}, {}, options, features.view(), parallel, stop);
    std::vector<std::size_t> usable;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        if (result.status[i].status == "ok") {
            usable.push_back(i);
        }
        result.warnings.push_back(clip_warnings(result.status[i].info));
        result.quality.push_back(quality_reason(result.status[i]));
        if (!result.quality.back().empty()) {
            result.warnings.back().push_back(audio::quality_message(*result.status[i].info.quality, contents_.quality->limits));
        }
    }
    // Failed rows move out of the way, in place: usable[i] >= i.
    for (std::size_t i = 0; i < usable.size(); ++i) {
        std::copy_n(features.values.begin() + static_cast<std::ptrdiff_t>(usable[i] * features.cols), features.cols,
                    features.values.begin() + static_cast<std::ptrdiff_t>(i * features.cols));
    }
    const Predictions part = predict({features.values.data(), usable.size(), features.cols}, top_features, parallel, stop, "predict");
    result.predictions = Predictions(sources.size(), n_classes(), part.top_column.cols);
    Predictions& all = result.predictions;
    all.has_label = Matrix<std::uint8_t>(sources.size(), part.has_label.cols);
    for (std::size_t i = 0; i < usable.size(); ++i) {
        const std::size_t r = usable[i];
        std::ranges::copy(part.probability.row(i), all.probability.row(r).begin());
        all.label[r] = part.label[i];
        all.confidence[r] = part.confidence[i];
        all.abstained[r] = result.quality[r].empty() || !contents_.quality->drops ? part.abstained[i] : std::uint8_t{1};
        all.out_of_distribution[r] = part.out_of_distribution[i];
        std::ranges::copy(part.has_label.row(i), all.has_label.row(r).begin());
        std::ranges::copy(part.top_column.row(i), all.top_column.row(r).begin());
        std::ranges::copy(part.top_value.row(i), all.top_value.row(r).begin());
        std::ranges::copy(part.top_contribution.row(i), all.top_contribution.row(r).begin());
    }
    return result;
}

ClipPredictions Model::predict_samples(std::span<const float> samples, int sample_rate_hz, std::size_t top_features, Parallel& parallel,
                                       StopToken& stop) const {
    constexpr std::size_t max_samples = std::size_t{1} << 29;
    if (sample_rate_hz < audio::lowest_decoded_rate_hz || sample_rate_hz > audio::highest_rate_hz) {
        throw InvalidInputError("sample_rate_hz", "predict", "a whole number from 1 to " + std::to_string(audio::highest_rate_hz),
                                std::to_string(sample_rate_hz));
    }
    if (samples.empty() || samples.size() > max_samples) {
        throw InvalidInputError("source", "predict", "an array of 1 to " + std::to_string(max_samples) + " samples",
                                std::to_string(samples.size()) + " samples");
    }
    const std::vector<std::byte> file = wav_file(samples, sample_rate_hz);
    const std::array<audio::Source, 1> source = {audio::Source::from_memory(file)};
    return predict_clips(source, top_features, parallel, stop);
}

}  // namespace emotion::runtime
