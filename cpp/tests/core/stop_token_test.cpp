#include "emotion/core/stop_token.hpp"

#include <doctest/doctest.h>

TEST_CASE("check throws after a request, not before") {
    emotion::StopToken token;
    CHECK_NOTHROW(token.check());
    token.advance();
    token.advance(4);
    CHECK(token.done() == 5);
    token.request_stop();
    CHECK_THROWS_AS(token.check(), emotion::Cancelled);
}
