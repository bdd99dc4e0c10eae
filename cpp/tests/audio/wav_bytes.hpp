// WAV files made by hand, for the tests of decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace wav_bytes {

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), p, p + sizeof value);
}
inline void put_text(Bytes& bytes, std::string_view text) {
    const auto* p = reinterpret_cast<const std::byte*>(text.data());
    bytes.insert(bytes.end(), p, p + text.size());
}
inline void put_chunk(Bytes& bytes, std::string_view name, const Bytes& content) {
    put_text(bytes, name);
    put(bytes, static_cast<std::uint32_t>(content.size()));
    bytes.insert(bytes.end(), content.begin(), content.end());
}

struct Chunk {
    std::string_view name;
    Bytes content;
};

// tag 1: whole numbers of `bits`; tag 3: floats of 32 bits. All sizes are right.
inline Bytes wav_of(int tag, int bits, int channels, int rate, const Bytes& data, const std::vector<Chunk>& before = {}, const std::vector<Chunk>& after = {}) {
    Bytes format;
    const auto align = static_cast<std::uint32_t>(channels * bits / 8);
    put(format, static_cast<std::uint16_t>(tag));
    put(format, static_cast<std::uint16_t>(channels));
    put(format, static_cast<std::uint32_t>(rate));
    put(format, static_cast<std::uint32_t>(rate) * align);
    put(format, static_cast<std::uint16_t>(align));
    put(format, static_cast<std::uint16_t>(bits));
    Bytes body;
    put_text(body, "WAVE");
    put_chunk(body, "fmt ", format);
    for (const Chunk& chunk : before) {
        put_chunk(body, chunk.name, chunk.content);
    }
    put_chunk(body, "data", data);
    for (const Chunk& chunk : after) {
        put_chunk(body, chunk.name, chunk.content);
    }
    Bytes file;
    put_chunk(file, "RIFF", body);
    return file;
}

inline Bytes zeros(std::size_t n, std::string_view begin = "") {
    Bytes content;
    put_text(content, begin);
    content.resize(n);
    return content;
}

}  // namespace wav_bytes
