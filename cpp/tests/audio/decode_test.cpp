#include "emotion/audio/decode.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::audio;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), p, p + sizeof value);
}
void put_text(Bytes& bytes, const char* text) {
    const auto* p = reinterpret_cast<const std::byte*>(text);
    bytes.insert(bytes.end(), p, p + std::strlen(text));
}

// A WAV file; format 1 is int16, 3 is float32. data_size lies when it is given.
template <class T>
Bytes wav(const std::vector<T>& interleaved, int channels, int rate, std::uint32_t data_size = 0) {
    const auto size = data_size != 0 ? data_size : static_cast<std::uint32_t>(interleaved.size() * sizeof(T));
    Bytes b;
    put_text(b, "RIFF");
    put<std::uint32_t>(b, size > 0xFFFFFF00U ? size : 36 + size);
    put_text(b, "WAVEfmt ");
    put<std::uint32_t>(b, 16);
    put<std::uint16_t>(b, sizeof(T) == 2 ? 1 : 3);
    put<std::uint16_t>(b, static_cast<std::uint16_t>(channels));
    put<std::uint32_t>(b, static_cast<std::uint32_t>(rate));
    put<std::uint32_t>(b, static_cast<std::uint32_t>(rate * channels * static_cast<int>(sizeof(T))));
    put<std::uint16_t>(b, static_cast<std::uint16_t>(channels * static_cast<int>(sizeof(T))));
    put<std::uint16_t>(b, 8 * sizeof(T));
    put_text(b, "data");
    put<std::uint32_t>(b, size);
    for (const T v : interleaved) {
        put(b, v);
    }
    return b;
}

DecodedAudio decode_bytes(const Bytes& bytes, DecodeOptions options = {}) { return decode(Source::from_memory(bytes), options, StopToken{}); }

template <class F>
std::string reason_of(F&& f) {
    try {
        f();
    } catch (const MediaDecodeError& error) {
        return error.reason();
    }
    return "ok";
}
std::string reason_of_path(const fs::path& path) {
    return reason_of([&] { (void)decode(Source::from_path(path.string()), {}, StopToken{}); });
}

struct Folder {
    fs::path path = fs::temp_directory_path() / ("emotion_decode_" + std::to_string(::getpid()));
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("int16 samples are divided by 32768 and channels are averaged") {
    const auto decoded = decode_bytes(wav<std::int16_t>({16384, -16384, 32767, 32767, -32768, 0}, 2, 8000));
    CHECK(decoded.header.format == "WAV");
    CHECK(decoded.header.subtype == "PCM_16");
    CHECK(decoded.header.channels == 2);
    REQUIRE(decoded.samples.size() == 3);
    CHECK(decoded.samples[0] == 0.0F);
    CHECK(decoded.samples[1] == 32767.0F / 32768.0F);
    CHECK(decoded.samples[2] == -0.5F);
    CHECK(decoded.levels.peak == 1.0);
    CHECK(decoded.levels.clipped_ratio == doctest::Approx(3.0 / 6.0));
    CHECK(decoded.levels.duration_s == doctest::Approx(3.0 / 8000));
}

TEST_CASE("start and end select frames") {
    std::vector<std::int16_t> ramp(1000);
    for (std::size_t i = 0; i < ramp.size(); ++i) {
        ramp[i] = static_cast<std::int16_t>(i);
    }
    const auto file = wav(ramp, 1, 100);
    const auto part = decode_bytes(file, {.start_s = 0.29, .end_s = 1.15, .limits = {}});
    REQUIRE(part.samples.size() == 86);
    CHECK(part.samples[0] == 29.0F / 32768.0F);
    CHECK(decode_bytes(file, {.start_s = 9.5, .end_s = 100.0, .limits = {}}).samples.size() == 50);
    CHECK(reason_of([&] { (void)decode_bytes(file, {.start_s = 10.0, .limits = {}}); }) == "too_short");
    CHECK_THROWS_AS((void)decode_bytes(file, {.start_s = -1.0, .limits = {}}), InvalidInputError);
    CHECK_THROWS_AS((void)decode_bytes(file, {.start_s = 2.0, .end_s = 2.0, .limits = {}}), InvalidInputError);
    CHECK_THROWS_AS((void)decode_bytes(file, {.start_s = std::nan(""), .limits = {}}), InvalidInputError);
}

TEST_CASE("NaN, infinity and silence are reported") {
    CHECK(decode_bytes(wav<float>({0.1F, std::nanf(""), 0.2F}, 1, 8000)).levels.non_finite);
    CHECK(decode_bytes(wav<float>({0.1F, INFINITY}, 1, 8000)).levels.non_finite);
    const auto quiet = decode_bytes(wav<std::int16_t>({1, -2, 3, 0}, 1, 8000)).levels;
    CHECK(quiet.silent);
    CHECK_FALSE(quiet.non_finite);
    CHECK_FALSE(decode_bytes(wav<std::int16_t>({100, 0}, 1, 8000)).levels.silent);
    CHECK(decode_bytes(wav<std::int16_t>({0, 0}, 1, 8000)).levels.rms_dbfs == -INFINITY);
}

TEST_CASE("a header's frame count is a claim: memory follows what was decoded") {
    for (const std::uint32_t claim : {0xFFFFFFF0U, 0x7FFFFFF0U}) {
        const auto decoded = decode_bytes(wav<std::int16_t>({1000, 2000, 3000}, 1, 8000, claim));
        CHECK(decoded.levels.frames == 3);
        CHECK(decoded.samples.capacity() < 100000);
    }
}

TEST_CASE("limits: seconds, frames, channels and rates") {
    const std::vector<std::int16_t> x(8000, 1000);
    const auto file = wav(x, 1, 8000);
    CHECK(reason_of([&] { (void)decode_bytes(file, {.limits = {.max_seconds = 0.5}}); }) == "too_long");
    CHECK(reason_of([&] { (void)decode_bytes(file, {.limits = {.max_frames = 7999}}); }) == "too_long");
    CHECK(reason_of([&] { (void)decode_bytes(file, {.limits = {.max_frames = 8000}}); }) == "ok");
    CHECK(reason_of([&] { (void)decode_bytes(file, {.end_s = 0.5, .limits = {.max_seconds = 0.5}}); }) == "ok");
    CHECK(reason_of([&] { (void)decode_bytes(file, {.end_s = 0.6, .limits = {.max_seconds = 0.5}}); }) == "too_long");
    CHECK(reason_of([&] { (void)decode_bytes(wav(x, 100, 8000)); }) == "unsupported_format");
    CHECK(reason_of([&] { (void)decode_bytes(wav(x, 1, 768001)); }) == "unsupported_format");
    CHECK(decode_bytes(wav(std::vector<std::int16_t>(100, 5000), 1, 768000)).samples.size() == 100);
    CHECK(decode_bytes(wav(std::vector<std::int16_t>(100, 5000), 1, 1)).levels.duration_s == 100.0);
}

TEST_CASE("every failure has its reason, and nothing hangs") {
    const Folder folder;
    CHECK(reason_of_path(folder.path / "missing.wav") == "not_found");
    CHECK(reason_of_path("") == "not_found");
    CHECK(reason_of_path(folder.path) == "unsupported_format");
    CHECK(reason_of_path("/dev/zero") == "unsupported_format");
    const fs::path fifo = folder.path / "pipe.wav";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(reason_of_path(fifo) == "unsupported_format");
    std::ofstream(folder.path / "empty.wav").close();
    CHECK(reason_of_path(folder.path / "empty.wav") == "corrupt");
    std::ofstream(folder.path / "text.wav") << "this is not a sound file, only a long line of text";
    CHECK(reason_of_path(folder.path / "text.wav") == "unsupported_format");
    std::ofstream(folder.path / "cut.wav") << "RIFF";
    CHECK(reason_of_path(folder.path / "cut.wav") == "corrupt");
    if (::geteuid() != 0) {  // root reads everything
        fs::permissions(folder.path / "cut.wav", fs::perms::none);
        CHECK(reason_of_path(folder.path / "cut.wav") == "no_permission");
    }
    CHECK(reason_of([] { (void)decode_bytes({}); }) == "corrupt");
    CHECK(reason_of([] { (void)decode_bytes(wav<std::int16_t>({}, 1, 8000)); }) == "too_short");
}

TEST_CASE("every format of the corpus decodes, from a path and from bytes alike") {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(EMOTION_DECODE_CORPUS)) {
        CAPTURE(entry.path().string());
        std::ifstream stream(entry.path(), std::ios::binary);
        const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
        const auto from_path = decode(Source::from_path(entry.path().string()), {}, StopToken{});
        const auto from_bytes = decode(Source::from_memory(std::as_bytes(std::span(text.data(), text.size()))), {}, StopToken{});
        CHECK(from_path.samples == from_bytes.samples);
        const auto [header, levels] = audio_levels(Source::from_path(entry.path().string()), {}, StopToken{});
        CHECK(levels.frames == from_path.samples.size());
        CHECK(levels.peak == from_path.levels.peak);
        CHECK(header.format == probe_audio(Source::from_path(entry.path().string())).format);
        if (entry.path().filename().string().starts_with("tone")) {
            CHECK(levels.peak == doctest::Approx(0.5).epsilon(0.15));  // lossy codecs overshoot
        }
        ++files;
    }
    CHECK(files >= 12);
}

TEST_CASE("a truncated FLAC file is corrupt, not short") {
    std::ifstream stream(fs::path(EMOTION_DECODE_CORPUS) / "tone.flac", std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    text.resize(text.size() / 2);
    CHECK(reason_of([&] { (void)decode(Source::from_memory(std::as_bytes(std::span(text.data(), text.size()))), {}, StopToken{}); }) == "corrupt");
}

TEST_CASE("channels can be kept") {
    const auto both = decode_channels(Source::from_memory(wav<std::int16_t>({16384, -16384, 0, 8192}, 2, 8000)), {}, StopToken{});
    CHECK(both.samples == std::vector<float>{0.5F, -0.5F, 0.0F, 0.25F});
}
