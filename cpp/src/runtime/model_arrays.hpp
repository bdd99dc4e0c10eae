// What the readers of a model file share: arrays of a given dtype and shape, keys of a given kind, and the refusal that names them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/tensor_file.hpp"

namespace emotion::runtime {

using Kind = JsonValue::Kind;

[[noreturn]] inline void refuse(const std::string& reason) { throw ModelFormatError(reason); }

template <class T>
constexpr DType dtype_of() {
    if constexpr (std::is_same_v<T, double>) {
        return DType::f64;
    } else if constexpr (std::is_same_v<T, float>) {
        return DType::f32;
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        return DType::i64;
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return DType::i32;
    } else {
        static_assert(std::is_same_v<T, std::uint8_t>);
        return DType::u8;
    }
}

inline constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

// A copy of a tensor of exactly this dtype and shape; `any` leaves an extent open.
template <class T>
std::vector<T> read_array(const TensorFile& file, const std::string& name, const std::vector<std::size_t>& shape) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) {
        refuse("it lacks the tensor " + name);
    }
    const Tensor& tensor = found->second;
    if (tensor.dtype != dtype_of<T>()) {
        refuse("tensor " + name + " must be of dtype " + std::string(dtype_name(dtype_of<T>())) + ", not " + std::string(dtype_name(tensor.dtype)));
    }
    bool fits = tensor.shape.size() == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
        fits = shape[i] == any || shape[i] == tensor.shape[i];
    }
    if (!fits) {
        refuse("tensor " + name + " has a shape that does not fit the rest of the model");
    }
    std::vector<T> values(tensor.bytes.size() / sizeof(T));
    if (!values.empty()) {
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    }
    return values;
}

template <class T, class Accept>
void require_all(const std::vector<T>& values, const std::string& name, const char* rule, Accept accept) {
    if (!std::all_of(values.begin(), values.end(), accept)) {
        refuse("tensor " + name + " holds values that are not " + rule);
    }
}

inline bool is_finite(double value) { return std::isfinite(value); }

inline std::string text_of(const JsonValue& object, const char* key, const char* where) {
    const JsonValue* const value = object.find(key);
    if (value == nullptr || !value->is(Kind::string)) {
        refuse(std::string(where) + " lacks the text " + key);
    }
    return value->string;
}

inline bool flag_of(const JsonValue& step, const char* key) {
    const JsonValue* const value = step.find(key);
    if (value == nullptr || !value->is(Kind::boolean)) {
        refuse(std::string("a part of it lacks the switch ") + key);
    }
    return value->boolean;
}

}  // namespace emotion::runtime
