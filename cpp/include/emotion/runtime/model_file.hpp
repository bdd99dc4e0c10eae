// The model file: a fitted pipeline as arrays, with labels, calibration, threshold and provenance. Data, never code.
//
// Layout: safetensors (tensor_file.hpp) with one metadata string `emotion_native` that holds a JSON object; docs/formats/model-file.md lists
// its keys, the forward rule and the limits. A file is accepted only if its checksum holds and every array, count and index is consistent:
// whatever is accepted can be predicted with inside its arrays, in time and memory proportional to the file. Deterministic; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emotion/audio/quality.hpp"
#include "emotion/calibration/out_of_distribution.hpp"
#include "emotion/core/views.hpp"
#include "emotion/runtime/fitted_classifier.hpp"

namespace emotion::runtime {

inline constexpr int model_format_major = 1;
inline constexpr int model_format_minor = 2;

struct ModelLimits {
    std::size_t classes = 1000;
    std::size_t features = 100'000;
    std::size_t features_times_classes = 10'000'000;  // bounds the memory of one explanation
    std::size_t background_rows = 1000;
    std::size_t tree_depth = 1024;                    // bounds recursion and scratch memory of explanations
    std::size_t vote_members = 64;                   // and of stacks
    std::size_t vote_levels = 3;                      // votes, stacks and one classifier a label inside each other
};

// How the input columns are made from audio.
struct ExtractorSpec {
    std::string feature_set;
    int sample_rate_hz = 0;
    int algorithm_version = 0;
};

// Clips whose quality breaks a limit are answered with a warning, or where the model `drops` them get no answer.
struct QualityRule {
    audio::QualityLimits limits;
    bool drops = false;
};

// Rows farther from the training rows than `threshold` get no answer; over the columns that the first `steps` steps leave.
struct DistributionCheck {
    calibration::ColumnRanges ranges;
    double threshold = 0;
    std::size_t steps = 0;
};

// Prediction sets hold the classes whose score (emotion_native/_prediction_sets.py) is at most their quantile.
struct PredictionSets {
    std::string score;              // "lac" or "aps"
    bool allow_empty = false;
    std::vector<double> quantiles;  // one a class, from 0 up, infinite where each class belongs to every set
};

// A row has each label whose probability, or margin, is above the label's threshold; it may have none.
struct LabelSets {
    bool by_margin = false;
    std::vector<double> thresholds;  // one a class
};

struct ModelContents {
    std::string sha256;         // of the file; names the model in every prediction
    std::string metadata_json;  // the whole JSON object, for readers of its optional keys
    std::vector<std::string> classes;  // integers as their decimal digits
    bool integer_classes = false;
    std::vector<std::string> feature_names;
    std::optional<ExtractorSpec> extractor;
    FittedClassifier classifier;
    std::optional<double> threshold;              // abstain below this confidence; 0 to 1, or 2
    std::optional<DistributionCheck> out_of_distribution;
    std::optional<PredictionSets> sets;
    std::optional<LabelSets> label_sets;          // of models whose classes are labels that a row may have beside each other
    std::optional<QualityRule> quality;
    Matrix<float> background;                     // training rows for explanations; may have no rows
    std::optional<double> min_duration_s;         // range of the training clips, where the file tells
    std::optional<double> max_duration_s;
};

enum class Checksum {
    verify,
    ignore,  // for fuzzing and tests alone: lets altered bytes reach the checks behind the checksum
};

// Throws ModelFormatError naming `source`, the reason and the remedy.
ModelContents parse_model_file(std::span<const std::byte> bytes, const std::string& source, Checksum checksum = Checksum::verify);
ModelContents load_model_file(const std::string& path);

// SHA-256 of the file's bytes with the 64 digits of its own checksum read as zeros; `digits` views those digits inside `bytes`.
std::string model_checksum(std::span<const std::byte> bytes, std::span<const std::byte> digits);

}  // namespace emotion::runtime
