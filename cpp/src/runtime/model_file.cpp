#include "emotion/runtime/model_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/sha256.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/model_rules.hpp"
#include "emotion/runtime/model_steps.hpp"
#include "emotion/runtime/tensor_file.hpp"

namespace emotion::runtime {
namespace {

using Kind = JsonValue::Kind;

constexpr std::size_t digest_digits = 64;
constexpr double never_answers = 2;  // a threshold that no confidence reaches
constexpr std::size_t max_text_bytes = 256;  // of a label, a feature name, a feature set
constexpr std::array<std::string_view, 4> known_features = {"vote", "out_of_distribution_steps", "stack", "label_sets"};
constexpr const char* copy_again = "copy the file again from its source, or save the model again with save_model";
constexpr const char* upgrade = "upgrade emotion-native, or save the model again with this version";

// A reason with a remedy of its own; every other reason has the remedy `copy_again`.
struct Refusal {
    std::string reason;
    std::string remedy;
};

[[noreturn]] void refuse(std::string reason, std::string remedy = copy_again) { throw Refusal{std::move(reason), std::move(remedy)}; }

// Plain ASCII, at most 400 characters: reasons quote hostile bytes, and file names need not be UTF-8.
std::string printable(std::string_view text) {
    constexpr std::size_t max_length = 400;
    constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (const char c : text.substr(0, max_length)) {
        if (c >= ' ' && c <= '~') {
            result.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return result + (text.size() > max_length ? "..." : "");
}

// `source` is shown as it is: it is a file name that the caller made printable.
[[noreturn]] void fail(const std::string& source, const std::string& reason, const std::string& remedy) {
    throw ModelFormatError(source + " cannot be loaded as a model: " + printable(reason) + "; " + remedy);
}

const JsonValue& required(const JsonValue& object, const char* key, const char* where = "its description") {
    const JsonValue* const value = object.find(key);
    if (value == nullptr) {
        refuse(std::string(where) + " lacks the key " + key);
    }
    return *value;
}

void check_version(const JsonValue& root) {
    if (const JsonValue& format = required(root, "format"); format.string != "emotion-native-model") {
        refuse("its format is not emotion-native-model");
    }
    const JsonValue& version = required(root, "version");
    if (!version.is(Kind::array) || version.items.size() != 2 || !version.items[0].is(Kind::integer) || !version.items[1].is(Kind::integer) ||
        version.items[0].integer < 1 || version.items[1].integer < 0) {
        refuse("its format version is not a pair of whole numbers");
    }
    if (version.items[0].integer > model_format_major) {
        refuse("it has format version " + std::to_string(version.items[0].integer) + "." + std::to_string(version.items[1].integer) +
                   ", this version reads up to " + std::to_string(model_format_major) + ".x",
               upgrade);
    }
    const JsonValue& requires_list = required(root, "requires");
    if (!requires_list.is(Kind::array)) {
        refuse("its list of required features is not a list");
    }
    for (const JsonValue& feature : requires_list.items) {
        if (feature.is(Kind::string) && std::find(known_features.begin(), known_features.end(), feature.string) != known_features.end()) {
            continue;
        }
        refuse("it needs the feature '" + feature.string.substr(0, 64) + "', which this version does not know", upgrade);
    }
}

// A text that people will read: 1 to 256 bytes without control characters.
void check_text(const std::string& text, const char* what) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    if (text.empty() || text.size() > max_text_bytes || std::any_of(text.begin(), text.end(), is_control)) {
        refuse(std::string(what) + " is not a text of 1 to " + std::to_string(max_text_bytes) + " bytes without control characters");
    }
}

void check_unique(const std::vector<std::string>& texts, const char* what) {
    std::vector<std::string_view> sorted(texts.begin(), texts.end());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
        refuse(std::string(what) + " occurs twice");
    }
}

void read_classes(const JsonValue& list, const ModelLimits& limits, ModelContents& model) {
    if (!list.is(Kind::array) || list.items.size() < 2 || list.items.size() > limits.classes) {
        refuse("its classes are not a list of 2 to " + std::to_string(limits.classes));
    }
    model.integer_classes = list.items.front().is(Kind::integer);
    for (const JsonValue& item : list.items) {
        if (!item.is(model.integer_classes ? Kind::integer : Kind::string)) {
            refuse("its classes are not all texts or all whole numbers");
        }
        model.classes.push_back(model.integer_classes ? std::to_string(item.integer) : item.string);
        check_text(model.classes.back(), "a class");
    }
    check_unique(model.classes, "a class");
}

void read_feature_names(const JsonValue& list, const ModelLimits& limits, ModelContents& model) {
    if (!list.is(Kind::array) || list.items.empty() || list.items.size() > limits.features ||
        list.items.size() * model.classes.size() > limits.features_times_classes) {
        refuse("its feature names are not a list of 1 to " + std::to_string(limits.features) + ", or there are too many for its classes");
    }
    for (const JsonValue& item : list.items) {
        check_text(item.string, "a feature name");
        model.feature_names.push_back(item.string);
    }
    check_unique(model.feature_names, "a feature name");
}

int small_integer(const JsonValue& object, const char* key, int low, int high) {
    const JsonValue& value = required(object, key, "its extractor");
    if (!value.is(Kind::integer) || value.integer < low || value.integer > high) {
        refuse("its extractor's " + std::string(key) + " is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<int>(value.integer);
}

void read_extractor(const JsonValue& value, ModelContents& model) {
    if (value.is(Kind::null)) {
        return;
    }
    ExtractorSpec spec;
    spec.feature_set = required(value, "feature_set", "its extractor").string;
    check_text(spec.feature_set, "its extractor's feature_set");
    spec.sample_rate_hz = small_integer(value, "sample_rate_hz", audio::lowest_feature_rate_hz, audio::highest_rate_hz);
    spec.algorithm_version = small_integer(value, "algorithm_version", 0, 1'000'000);
    model.extractor = std::move(spec);
}

void read_threshold(const JsonValue& value, ModelContents& model) {
    if (value.is(Kind::null)) {
        return;
    }
    if (!value.is_number() || !((value.number >= 0 && value.number <= 1) || value.number == never_answers)) {
        refuse("its threshold is not a number from 0 to 1, or 2");
    }
    model.threshold = value.number;
}

// An optional key: {"duration_s": [shortest, longest]}.
void read_training_clips(const JsonValue* value, ModelContents& model) {
    const JsonValue* const range = value == nullptr ? nullptr : value->find("duration_s");
    if (range == nullptr) {
        return;
    }
    if (!range->is(Kind::array) || range->items.size() != 2 || !range->items[0].is_number() || !range->items[1].is_number() ||
        !(range->items[0].number >= 0 && range->items[0].number <= range->items[1].number)) {
        refuse("its range of training clips' durations is not a pair of ascending numbers");
    }
    model.min_duration_s = range->items[0].number;
    model.max_duration_s = range->items[1].number;
}

// An optional key: {"action": "flag" or "drop", and each limit}.
void read_quality(const JsonValue* value, ModelContents& model) {
    if (value == nullptr || value->is(Kind::null)) {
        return;
    }
    const auto limit = [&](const char* key) {
        const JsonValue& found = required(*value, key, "its quality");
        if (!found.is_number() || !std::isfinite(found.number)) {
            refuse("its quality's " + std::string(key) + " is not a finite number");
        }
        return found.number;
    };
    const std::string& action = required(*value, "action", "its quality").string;
    if (action != "flag" && action != "drop") {
        refuse("its quality's action is neither flag nor drop");
    }
    QualityRule rule;
    rule.drops = action == "drop";
    rule.limits = {limit("least_duration_s"),   limit("least_peak_dbfs"),    limit("least_speech_s"),
                   limit("least_speech_ratio"), limit("most_clipped_ratio"), limit("least_snr_db")};
    model.quality = rule;
}

// The digest's digits must occur once in the header, so that there is no doubt which bytes the checksum leaves out.
void verify_checksum(std::span<const std::byte> bytes, std::string_view header, const std::string& stated) {
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (stated.size() != digest_digits || !std::all_of(stated.begin(), stated.end(), is_hex)) {
        refuse("its checksum is not 64 lower-case hexadecimal digits");
    }
    const std::size_t at = header.find(stated);
    if (at == std::string_view::npos || header.find(stated, at + 1) != std::string_view::npos) {
        refuse("its checksum does not occur exactly once in its header");
    }
    const auto begin = static_cast<std::size_t>(header.data() - reinterpret_cast<const char*>(bytes.data())) + at;
    if (model_checksum(bytes, bytes.subspan(begin, digest_digits)) != stated) {
        refuse("its checksum does not fit its content: the file was altered or damaged");
    }
}

JsonValue parse_description(const std::string& text) {
    try {
        return parse_json(text);
    } catch (const ModelFormatError& error) {
        refuse("its description cannot be read: " + std::string(error.what()));
    }
}

ModelContents parse_contents(std::span<const std::byte> bytes, Checksum checksum) {
    constexpr ModelLimits limits;
    const TensorFile file = parse_tensor_file(bytes);
    const auto text = file.metadata.find("emotion_native");
    if (text == file.metadata.end()) {
        refuse("it has no description of an emotion-native model", "give a file that save_model wrote");
    }
    const JsonValue root = parse_description(text->second);
    if (!root.is(Kind::object)) {
        refuse("its description is not a JSON object");
    }
    check_version(root);  // first: a later format may state its checksum otherwise
    ModelContents model;
    model.sha256 = required(root, "sha256").string;
    if (checksum == Checksum::verify) {
        verify_checksum(bytes, file.header, model.sha256);
    }
    model.metadata_json = text->second;
    read_classes(required(root, "classes"), limits, model);
    read_feature_names(required(root, "feature_names"), limits, model);
    read_extractor(required(root, "extractor"), model);
    const JsonValue* const label_sets = root.find("label_sets");
    const bool many = label_sets != nullptr && !label_sets->is(Kind::null);
    model.classifier = read_classifier(file, root, model.feature_names.size(), model.classes.size(), limits, many);
    read_threshold(required(root, "threshold"), model);
    model.out_of_distribution = read_distribution_check(file, root.find("out_of_distribution"), model.classifier.pipeline);
    model.sets = read_prediction_sets(file, root.find("prediction_sets"), model.classes.size());
    if (many) {
        model.label_sets = read_label_sets(file, model.classifier, *label_sets);
        if (model.threshold || model.sets) {
            refuse("it has label_sets beside a threshold or prediction_sets, which are of one class a row");
        }
    }
    read_training_clips(root.find("training_clips"), model);
    read_quality(root.find("quality"), model);
    model.background = read_background(file, model.feature_names.size(), limits);
    return model;
}

}  // namespace

std::string model_checksum(std::span<const std::byte> bytes, std::span<const std::byte> digits) {
    const auto before = static_cast<std::size_t>(digits.data() - bytes.data());
    std::array<std::byte, digest_digits> zeros;
    zeros.fill(std::byte{'0'});
    Sha256 hash;
    hash.update(bytes.first(before));
    hash.update(zeros);
    hash.update(bytes.subspan(before + digits.size()));
    return hash.hex_digest();
}

ModelContents parse_model_file(std::span<const std::byte> bytes, const std::string& source, Checksum checksum) {
    try {
        return parse_contents(bytes, checksum);
    } catch (const Refusal& refusal) {
        fail(source, refusal.reason, refusal.remedy);
    } catch (const ModelFormatError& error) {
        fail(source, error.what(), copy_again);
    }
}

ModelContents load_model_file(const std::string& path) {
    std::vector<std::byte> bytes;
    try {
        bytes = read_tensor_file(path);
    } catch (const ModelFormatError& error) {
        fail(printable(path), error.what(), "give the path of a file that save_model wrote");
    }
    return parse_model_file(bytes, printable(path));
}

}  // namespace emotion::runtime
