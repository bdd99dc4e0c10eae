#include "emotion/core/sha256.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace emotion;

namespace {
std::string hash(const std::string& text) { return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))); }
}  // namespace

TEST_CASE("the examples of FIPS 180-4 and NIST's vectors") {
    CHECK(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hash(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("pieces give the same digest as the whole") {
    const std::string text(1000, 'x');
    for (const std::size_t piece : {1UL, 63UL, 64UL, 65UL, 129UL}) {
        Sha256 h;
        for (std::size_t i = 0; i < text.size(); i += piece) {
            h.update(std::as_bytes(std::span(text.data() + i, std::min(piece, text.size() - i))));
        }
        CHECK(h.hex_digest() == hash(text));
    }
}
