#include "emotion/runtime/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "emotion/core/errors.hpp"

namespace emotion::runtime {
namespace {

using Kind = JsonValue::Kind;

// Receives the events of nlohmann's parser, which keeps no recursion of its own, and builds the tree. A false return ends the parse.
class Builder {
public:
    Builder(JsonValue& root, const JsonLimits& limits) : root_(root), limits_(limits) {}

    [[nodiscard]] const std::string& error() const { return error_; }

    bool null() { return add(Kind::null) != nullptr; }
    bool boolean(bool value) {
        JsonValue* const v = add(Kind::boolean);
        return v != nullptr && (v->boolean = value, true);
    }
    bool number_integer(std::int64_t value) {
        JsonValue* const v = add(Kind::integer);
        return v != nullptr && (v->integer = value, v->number = static_cast<double>(value), true);
    }
    bool number_unsigned(std::uint64_t value) {
        if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return number_integer(static_cast<std::int64_t>(value));
        }
        return number_float(static_cast<double>(value), {});
    }
    bool number_float(double value, const std::string&) {
        if (!std::isfinite(value)) {
            return fail("a number is out of range");
        }
        JsonValue* const v = add(Kind::number);
        return v != nullptr && (v->number = value, true);
    }
    bool string(std::string& value) {
        JsonValue* const v = add(Kind::string);
        return v != nullptr && (v->string = std::move(value), true);
    }
    bool binary(nlohmann::json::binary_t&) { return fail("it holds binary data"); }
    bool start_object(std::size_t) { return open(Kind::object); }
    bool start_array(std::size_t) { return open(Kind::array); }
    bool key(std::string& value) {
        open_.back()->keys.push_back(std::move(value));
        return true;
    }
    bool end_object() {
        const std::vector<std::string>& keys = open_.back()->keys;
        std::vector<std::string_view> sorted(keys.begin(), keys.end());
        std::sort(sorted.begin(), sorted.end());
        const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
        if (twice != sorted.end()) {
            return fail("a key occurs twice in one object: " + std::string(twice->substr(0, 64)));
        }
        open_.pop_back();
        return true;
    }
    bool end_array() {
        open_.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
        return fail("it is not valid JSON at byte " + std::to_string(position));
    }

private:
    bool fail(std::string reason) {
        error_ = std::move(reason);
        return false;
    }
    JsonValue* add(Kind kind) {
        if (++n_values_ > limits_.values) {
            fail("it holds more than " + std::to_string(limits_.values) + " values");
            return nullptr;
        }
        JsonValue* value = &root_;
        if (!open_.empty()) {
            // Pointers to open containers stay valid: a container grows only while none of its items is open.
            value = &open_.back()->items.emplace_back();
        }
        value->kind = kind;
        return value;
    }
    bool open(Kind kind) {
        if (open_.size() >= limits_.depth) {
            return fail("it is nested deeper than " + std::to_string(limits_.depth) + " levels");
        }
        JsonValue* const value = add(kind);
        if (value == nullptr) {
            return false;
        }
        open_.push_back(value);
        return true;
    }

    JsonValue& root_;
    const JsonLimits& limits_;
    std::vector<JsonValue*> open_;
    std::size_t n_values_ = 0;
    std::string error_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
    const auto at = std::find(keys.begin(), keys.end(), key);
    return at == keys.end() ? nullptr : &items[static_cast<std::size_t>(at - keys.begin())];
}

JsonValue parse_json(std::string_view text, const JsonLimits& limits) {
    JsonValue root;
    Builder builder(root, limits);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
        throw ModelFormatError(builder.error());
    }
    return root;
}

}  // namespace emotion::runtime
