// Builds model files in memory for tests: valid by default, and wrong wherever a test asks for it.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/model_file.hpp"

namespace emotion::runtime::test {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double inf = std::numeric_limits<double>::infinity();

struct RawTensor {
    std::string name;
    std::string dtype;
    std::vector<std::size_t> shape;
    std::vector<std::byte> bytes;
};

template <class T>
RawTensor tensor(std::string name, std::string dtype, std::vector<std::size_t> shape, const std::vector<T>& values) {
    RawTensor result{std::move(name), std::move(dtype), std::move(shape), {}};
    const auto bytes = std::as_bytes(std::span(values));
    result.bytes.assign(bytes.begin(), bytes.end());
    return result;
}

inline std::vector<std::byte> to_bytes(const std::string& text) {
    const auto view = std::as_bytes(std::span(text.data(), text.size()));
    return {view.begin(), view.end()};
}

// The 8-byte length, the header, the buffer.
inline std::vector<std::byte> container(const std::string& header, const std::string& buffer = "") {
    std::string text(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
        text[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFF);
    }
    return to_bytes(text + header + buffer);
}

inline std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result.push_back('\\');
        }
        result.push_back(c);
    }
    return result + "\"";
}

// The parts of a two-class logistic model behind a scaler, over three columns. Tests change them before build().
struct ModelParts {
    std::string sha256 = std::string(64, '0');
    std::string head = R"("format":"emotion-native-model","version":[1,0],"requires":[])";
    std::string classes = R"("classes":["calm","happy"])";
    std::string names = R"("feature_names":["a","b","c"])";
    std::string extractor = R"("extractor":null)";
    std::string steps = R"("steps":[{"kind":"standard_scaler","with_mean":true,"with_std":true},{"kind":"logistic_regression"}])";
    std::string rest = R"("calibration":{"kind":"temperature"},"threshold":0.6)";
    std::vector<RawTensor> tensors = {
        tensor<double>("steps.0.mean", "F64", {3}, {0, 1, 2}),       tensor<double>("steps.0.scale", "F64", {3}, {1, 2, 4}),
        tensor<double>("steps.1.coef", "F64", {1, 3}, {1, -1, 0.5}), tensor<double>("steps.1.intercept", "F64", {1}, {0.25}),
        tensor<double>("calibration.temperature", "F64", {1}, {2}),
    };

    [[nodiscard]] RawTensor& operator[](const std::string& name) {
        for (RawTensor& t : tensors) {
            if (t.name == name) {
                return t;
            }
        }
        tensors.push_back({name, "U8", {0}, {}});
        return tensors.back();
    }

    [[nodiscard]] std::string description() const {
        return "{" + head + ",\"sha256\":\"" + sha256 + "\"," + classes + "," + names + "," + extractor + "," + steps + "," + rest + "}";
    }

    [[nodiscard]] std::vector<std::byte> unsigned_bytes() const {
        std::string header = "{\"__metadata__\":{\"emotion_native\":" + quoted(description()) + "}";
        std::string buffer;
        for (const RawTensor& t : tensors) {
            header += "," + quoted(t.name) + ":{\"dtype\":" + quoted(t.dtype) + ",\"shape\":[";
            for (std::size_t i = 0; i < t.shape.size(); ++i) {
                header += (i ? "," : "") + std::to_string(t.shape[i]);
            }
            header += "],\"data_offsets\":[" + std::to_string(buffer.size()) + "," + std::to_string(buffer.size() + t.bytes.size()) + "]}";
            buffer.append(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
        }
        return container(header + "}", buffer);
    }

    // With a true checksum.
    [[nodiscard]] std::vector<std::byte> build() const {
        std::vector<std::byte> bytes = unsigned_bytes();
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::size_t at = text.find(sha256);
        const std::string digest = model_checksum(bytes, std::span<const std::byte>(bytes).subspan(at, 64));
        std::memcpy(bytes.data() + at, digest.data(), 64);
        return bytes;
    }
};

// What the reader says of the model, or "accepted".
inline std::string reason_of(const ModelParts& parts) {
    try {
        (void)parse_model_file(parts.build(), "m.emotion");
    } catch (const ModelFormatError& error) {
        return error.what();
    }
    return "accepted";
}

// Checks that the changed model is refused for this reason, in the one form of the message.
inline bool refused(const std::function<void(ModelParts&)>& change, const std::string& because) {
    ModelParts parts;
    change(parts);
    const std::string reason = reason_of(parts);
    CAPTURE(because);
    CAPTURE(reason);
    const bool ok = reason.find(because) != std::string::npos && reason.rfind("m.emotion cannot be loaded as a model: ", 0) == 0;
    CHECK(ok);
    return ok;
}

}  // namespace emotion::runtime::test
