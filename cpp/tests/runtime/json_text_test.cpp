#include "emotion/runtime/json_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "emotion/core/errors.hpp"

using emotion::ModelFormatError;
using emotion::runtime::JsonLimits;
using emotion::runtime::JsonValue;
using emotion::runtime::parse_json;
using Kind = JsonValue::Kind;

TEST_CASE("json: every kind of value keeps its place and content") {
    const JsonValue root = parse_json(R"( {"a": [1, -2, 2.5, 18446744073709551615], "b": {"c": null, "d": true}, "é": "ü\n\u00e9"} )");
    REQUIRE(root.is(Kind::object));
    REQUIRE(root.find("a") != nullptr);
    const JsonValue& a = *root.find("a");
    REQUIRE(a.items.size() == 4);
    CHECK(a.items[0].integer == 1);
    CHECK(a.items[1].integer == -2);
    CHECK(a.items[1].number == -2.0);
    CHECK(a.items[2].is(Kind::number));
    CHECK(a.items[2].number == 2.5);
    CHECK(a.items[3].is(Kind::number));  // past int64: a number, not an integer
    CHECK(a.items[3].number == 18446744073709551615.0);
    CHECK(root.find("b")->find("c")->is(Kind::null));
    CHECK(root.find("b")->find("d")->boolean);
    CHECK(root.find("é")->string == "ü\né");
    CHECK(root.find("absent") == nullptr);
    CHECK(a.find("0") == nullptr);
}

TEST_CASE("json: what is not strict JSON is refused with a reason") {
    for (const char* text : {"", " ", "{", "[1,]", "{\"a\":1,}", "nan", "NaN", "[NaN]", "[Infinity]", "[1] 2", "{'a':1}", "[01]", "[1e]", "// x\n1", "\"\x01\"",
                             "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\\ud800\"", "[1e999]", "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"c\":2,\"a\":1}}"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_json(text), ModelFormatError);
    }
    CHECK_THROWS_WITH(parse_json("{\"a\":1,\"a\":2}"), "a key occurs twice in one object: a");
    CHECK_THROWS_WITH(parse_json("[1,]"), "it is not valid JSON at byte 4");
}

TEST_CASE("json: depth and number of values are limited, also for megabytes of brackets") {
    CHECK_NOTHROW(parse_json("[[[]]]", {.depth = 3, .values = 3}));
    CHECK_THROWS_WITH(parse_json("[[[]]]", {.depth = 2, .values = 100}), "it is nested deeper than 2 levels");
    CHECK_THROWS_WITH(parse_json("[1,2,3]", {.depth = 2, .values = 3}), "it holds more than 3 values");
    CHECK_THROWS_AS(parse_json(std::string(8U << 20, '[')), ModelFormatError);
    std::string wide = "[";
    for (int i = 0; i < 1'000'000; ++i) {
        wide += "[],";
    }
    CHECK_THROWS_AS(parse_json(wide + "[]]"), ModelFormatError);
}

TEST_CASE("json: an object of many keys is checked for duplicates in less than quadratic time") {
    std::string text = "{";
    for (int i = 0; i < 200'000; ++i) {
        text += "\"k" + std::to_string(i) + "\":0,";
    }
    CHECK(parse_json(text + "\"end\":0}").items.size() == 200'001);
    CHECK_THROWS_WITH(parse_json(text + "\"k7\":0}"), "a key occurs twice in one object: k7");
}
