#include "emotion/core/memory.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

TEST_CASE("a machine has some memory, and always the same") {
    CHECK(emotion::physical_memory() > (std::size_t{1} << 20));
    CHECK(emotion::physical_memory() == emotion::physical_memory());
}

TEST_CASE("products of sizes saturate instead of overflowing") {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    CHECK(emotion::saturating_bytes(3, 8) == 24);
    CHECK(emotion::saturating_bytes(0, 8) == 0);
    CHECK(emotion::saturating_bytes(8, 0) == 0);
    CHECK(emotion::saturating_bytes(most / 8, 8) == most / 8 * 8);
    CHECK(emotion::saturating_bytes(most / 8 + 1, 8) == most);
}

TEST_CASE("more than there is gets refused, naming parameter, caller and request") {
    CHECK_NOTHROW(emotion::check_memory(10, 8, "rows", "test", "the rows"));
    try {
        emotion::check_memory(std::numeric_limits<std::size_t>::max(), 8, "rows", "test", "the rows");
        FAIL("not refused");
    } catch (const emotion::InvalidInputError& error) {
        const std::string message = error.what();
        CHECK(message.find("rows of test must be such that the rows fit in this machine's memory") == 0);
        CHECK(message.find("of 8 bytes") != std::string::npos);
    }
}
