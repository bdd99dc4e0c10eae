#include "plain_wav.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "wav_bytes.hpp"

using namespace emotion::audio;
using namespace wav_bytes;

namespace {

std::optional<PlainWav> parsed(const Bytes& file) {
    const Source source = Source::from_memory(file);
    return parse_plain_wav(InputBytes(source));
}

std::vector<float> samples(const Bytes& file, std::uint64_t first, std::size_t frames) {
    const Source source = Source::from_memory(file);
    const InputBytes input(source);
    const auto wav = parse_plain_wav(input);
    REQUIRE(wav);
    std::vector<float> out(frames * static_cast<std::size_t>(wav->channels), 99.0F);
    out.resize(read_plain_wav(input, *wav, first, out.data(), frames) * static_cast<std::size_t>(wav->channels));
    return out;
}

Bytes three_bytes(std::initializer_list<std::int32_t> values) {
    Bytes b;
    for (const std::int32_t v : values) {
        for (int i = 0; i < 3; ++i) {
            b.push_back(static_cast<std::byte>(static_cast<std::uint32_t>(v) >> (8 * i) & 0xFFU));
        }
    }
    return b;
}

template <class T>
Bytes as_bytes(std::initializer_list<T> values) {
    Bytes b;
    for (const T v : values) {
        put(b, v);
    }
    return b;
}

}  // namespace

TEST_CASE("every encoding by hand: the whole range, exactly") {
    const auto words = as_bytes<std::int16_t>({0, 1, -1, 32767, -32768, 16384});
    CHECK(samples(wav_of(1, 16, 1, 16000, words), 0, 9) == std::vector<float>{0.0F, 0x1p-15F, -0x1p-15F, 32767 * 0x1p-15F, -1.0F, 0.5F});
    CHECK(samples(wav_of(1, 16, 2, 16000, words), 1, 9) == std::vector<float>{-0x1p-15F, 32767 * 0x1p-15F, -1.0F, 0.5F});
    const auto triples = three_bytes({-8388608, 8388607, 1, -1, 0, 4194304});
    CHECK(samples(wav_of(1, 24, 1, 16000, triples), 0, 6) == std::vector<float>{-1.0F, 8388607 * 0x1p-23F, 0x1p-23F, -0x1p-23F, 0.0F, 0.5F});
    CHECK(samples(wav_of(1, 24, 3, 16000, triples), 1, 1) == std::vector<float>{-0x1p-23F, 0.0F, 0.5F});
    CHECK(samples(wav_of(3, 32, 1, 16000, as_bytes<float>({0.25F, -7.5F})), 1, 5) == std::vector<float>{-7.5F});
}

TEST_CASE("fillers, notes and peaks around the samples change nothing") {
    const auto data = as_bytes<std::int16_t>({1000, -2000});
    const auto file = wav_of(1, 16, 1, 8000, data, {{"FLLR", zeros(100)}, {"LIST", zeros(20, "INFO")}, {"fact", zeros(4)}}, {{"PEAK", zeros(16)}, {"junk", zeros(0)}});
    CHECK(samples(file, 0, 2) == samples(wav_of(1, 16, 1, 8000, data), 0, 2));
    CHECK(parsed(file)->frames == 2);
}

TEST_CASE("anything out of the ordinary is left to libsndfile") {
    const auto data = as_bytes<std::int16_t>({1, 2, 3, 4});
    const auto good = wav_of(1, 16, 2, 8000, data);
    REQUIRE(parsed(good));
    const auto with = [&](std::size_t at, int value) {
        Bytes changed = good;
        changed.at(at) = static_cast<std::byte>(value);
        return parsed(changed).has_value();
    };
    CHECK_FALSE(with(3, 'X'));    // RIFX
    CHECK_FALSE(with(4, 1));      // the size of the whole
    CHECK_FALSE(with(16, 18));    // a longer format
    CHECK_FALSE(with(20, 0xFE));  // another encoding
    CHECK_FALSE(with(22, 0));     // no channel
    CHECK_FALSE(with(22, 1));     // the block size of two channels
    CHECK_FALSE(with(27, 0x80));  // a rate beyond 2^31
    CHECK_FALSE(with(28, 1));     // another byte rate
    CHECK_FALSE(with(34, 8));     // 8 bits
    CHECK_FALSE(with(40, 6));     // no whole frames
    CHECK_FALSE(with(40, 12));    // more than there is
    CHECK_FALSE(with(40, 0));
    for (std::size_t n = 1; n < good.size(); ++n) {
        CHECK_FALSE(parsed({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)}));
    }
    CHECK_FALSE(parsed(wav_of(1, 16, 2, 8000, data, {}, {{"data", data}})));
    CHECK_FALSE(parsed(wav_of(1, 16, 2, 8000, data, {{"smpl", zeros(36)}})));
    CHECK_FALSE(parsed(wav_of(1, 16, 2, 8000, data, {{"LIST", zeros(8, "adtl")}})));
    CHECK_FALSE(parsed(wav_of(1, 16, 2, 8000, data, std::vector<Chunk>(64, {"JUNK", zeros(2)}))));
    CHECK_FALSE(parsed(wav_of(1, 16, 2, 8000, {})));
}
