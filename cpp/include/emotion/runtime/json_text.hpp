// Strict, bounded reading of JSON text that may be hostile.
//
// Refused: duplicate keys, nesting past a limit, more values than a limit, text that is not UTF-8, numbers outside double's range, anything
// after the value. Memory is bounded by the limits and the text's size; nothing recurses on the text's depth. Deterministic, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace emotion::runtime {

struct JsonLimits {
    std::size_t depth = 16;
    std::size_t values = 1U << 18;
};

struct JsonValue {
    enum class Kind { null, boolean, integer, number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::int64_t integer = 0;       // when kind is integer
    double number = 0;              // when kind is integer or number; finite
    std::string string;             // when kind is string; UTF-8
    std::vector<std::string> keys;  // of an object, as many as items, all different, in the order of the text
    std::vector<JsonValue> items;   // of an array or an object

    [[nodiscard]] bool is(Kind k) const { return kind == k; }
    [[nodiscard]] bool is_number() const { return kind == Kind::integer || kind == Kind::number; }
    // The value under a key of an object; nullptr where there is none or this is no object.
    [[nodiscard]] const JsonValue* find(std::string_view key) const;
};

// Throws ModelFormatError with the reason alone ("it is nested deeper than 16 levels"): the caller adds which text of which file.
JsonValue parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace emotion::runtime
