#include "input_bytes.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "emotion/core/errors.hpp"

using namespace emotion::audio;
namespace fs = std::filesystem;

TEST_CASE("bytes of memory and of a file read alike, and never beyond their end") {
    const std::string text = "0123456789";
    const fs::path path = fs::temp_directory_path() / ("emotion_input_bytes_" + std::to_string(::getpid()));
    std::ofstream(path) << text;
    const Source file = Source::from_path(path.string());
    const Source memory = Source::from_memory(std::as_bytes(std::span(text.data(), text.size())));
    for (const Source& source : {file, memory}) {
        const InputBytes input(source);
        CHECK(input.size() == 10);
        std::array<char, 16> buffer{};
        CHECK(input.read(0, buffer.data(), 16) == 10);
        CHECK(std::string(buffer.data(), 10) == text);
        CHECK(input.read(7, buffer.data(), 2) == 2);
        CHECK(buffer[0] == '7');
        CHECK(input.read(9, buffer.data(), 5) == 1);
        CHECK(input.read(10, buffer.data(), 5) == 0);
        CHECK(input.read(~std::uint64_t{0}, buffer.data(), 5) == 0);
        CHECK((input.memory() == nullptr) == !source.from_bytes);
    }
    {
        const InputBytes input(file);
        fs::resize_file(path, 4);  // shorter than when it was opened
        std::array<char, 16> buffer{};
        CHECK(input.read(0, buffer.data(), 10) == 4);
    }
    fs::remove(path);
    CHECK_THROWS_AS(InputBytes{file}, emotion::MediaDecodeError);
    CHECK_THROWS_AS(InputBytes{Source::from_memory({})}, emotion::MediaDecodeError);
}
