#include "plain_wav.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "emotion/core/clones.hpp"
#include "scratch.hpp"

namespace emotion::audio {
namespace {

static_assert(std::endian::native == std::endian::little);

using Word16 = std::int16_t __attribute__((aligned(1), may_alias));
using Word32 = std::int32_t __attribute__((aligned(1), may_alias));

EMOTION_CLONES void from_pcm16(const std::byte* bytes, std::size_t n, float* out) {
    const auto* const x = reinterpret_cast<const Word16*>(bytes);
    for (std::size_t i = 0; i < n; ++i) {
        out[i] = static_cast<float>(x[i]) * 0x1p-15F;
    }
}

// Each sample is read with the byte before it, which is shifted out. The first byte of all has none before it.
EMOTION_CLONES void from_pcm24(const std::byte* bytes, std::size_t n, float* out) {
    for (std::size_t i = 1; i < n; ++i) {
        const std::int32_t word = *reinterpret_cast<const Word32*>(bytes + 3 * i - 1);
        out[i] = static_cast<float>(word >> 8) * 0x1p-23F;
    }
    if (n > 0) {
        const auto low = static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8;
        out[0] = static_cast<float>(static_cast<std::int32_t>(low << 8 | static_cast<std::uint32_t>(bytes[2]) << 24) >> 8) * 0x1p-23F;
    }
}

void convert(const std::byte* bytes, PlainWav::Encoding encoding, std::size_t n, float* out) {
    if (encoding == PlainWav::Encoding::pcm16) {
        from_pcm16(bytes, n, out);
    } else if (encoding == PlainWav::Encoding::pcm24) {
        from_pcm24(bytes, n, out);
    } else {
        std::memcpy(out, bytes, n * sizeof(float));
    }
}

template <class T>
T number(const std::byte* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

std::string_view letters(const std::byte* p) { return {reinterpret_cast<const char*>(p), 4}; }

// Chunks that hold no samples and tell nothing about them.
bool harmless(std::string_view name, std::uint64_t size, int channels) {
    if (name == "fact") {
        return size == 4;
    }
    if (name == "PEAK") {
        return size == 8 + 8 * static_cast<std::uint64_t>(channels);
    }
    return name == "FLLR" || name == "JUNK" || name == "junk" || name == "PAD ";
}

// LIST chunks hold text about the clip (INFO) or things that are libsndfile's to judge.
bool information(const InputBytes& input, std::string_view name, std::uint64_t position, std::uint64_t size) {
    std::array<std::byte, 4> kind{};
    return name == "LIST" && size >= 4 && input.read(position + 8, kind.data(), 4) == 4 && letters(kind.data()) == "INFO";
}

bool parse_format(const std::byte* p, PlainWav& wav) {
    const auto tag = number<std::uint16_t>(p), channels = number<std::uint16_t>(p + 2), align = number<std::uint16_t>(p + 12);
    const auto rate = number<std::uint32_t>(p + 4), byte_rate = number<std::uint32_t>(p + 8);
    const auto bits = number<std::uint16_t>(p + 14);
    if (tag == 1 && (bits == 16 || bits == 24)) {
        wav.encoding = bits == 16 ? PlainWav::Encoding::pcm16 : PlainWav::Encoding::pcm24;
    } else if (tag == 3 && bits == 32) {
        wav.encoding = PlainWav::Encoding::float32;
    } else {
        return false;
    }
    if (channels < 1 || channels > 1024 || rate < 1 || rate > 0x7FFFFFFFU) {
        return false;
    }
    wav.channels = channels;
    wav.sample_rate_hz = static_cast<int>(rate);
    return align == wav.bytes_per_frame() && byte_rate == std::uint64_t{rate} * align;
}

constexpr std::size_t head_size = 36;  // RIFF, its size, WAVE; `fmt `, its size, 16 bytes

}  // namespace

std::optional<PlainWav> parse_plain_wav(const InputBytes& input) {
    std::array<std::byte, head_size> head{};
    const std::byte* const p = head.data();
    PlainWav wav;
    if (input.read(0, head.data(), head_size) != head_size || letters(p) != "RIFF" || letters(p + 8) != "WAVE" || letters(p + 12) != "fmt " ||
        number<std::uint32_t>(p + 16) != 16 || number<std::uint32_t>(p + 4) + std::uint64_t{8} != input.size() || !parse_format(p + 20, wav)) {
        return std::nullopt;
    }
    std::uint64_t position = head_size;
    for (int chunks = 0; position < input.size(); ++chunks) {
        std::array<std::byte, 8> chunk{};
        if (chunks == 64 || input.read(position, chunk.data(), 8) != 8) {
            return std::nullopt;
        }
        const std::string_view name = letters(chunk.data());
        const std::uint64_t size = number<std::uint32_t>(chunk.data() + 4);
        if (size % 2 != 0 || size > input.size() - position - 8) {
            return std::nullopt;
        }
        if (name == "data" && wav.data == 0 && size > 0 && size % wav.bytes_per_frame() == 0) {
            wav.data = position + 8;
            wav.frames = size / wav.bytes_per_frame();
        } else if (!harmless(name, size, wav.channels) && !information(input, name, position, size)) {
            return std::nullopt;
        }
        position += 8 + size;
    }
    return wav.data == 0 ? std::nullopt : std::optional(wav);
}

std::size_t read_plain_wav(const InputBytes& input, const PlainWav& wav, std::uint64_t first, float* target, std::size_t frames) {
    frames = static_cast<std::size_t>(std::min<std::uint64_t>(frames, wav.frames - first));
    const std::uint64_t position = wav.data + first * wav.bytes_per_frame();
    const auto channels = static_cast<std::size_t>(wav.channels);
    if (const std::byte* const memory = input.memory()) {
        convert(memory + position, wav.encoding, frames * channels, target);
        return frames;
    }
    const std::size_t bytes = frames * wav.bytes_per_frame();
    Scratch raw((bytes + 3) / 4);
    auto* const buffer = reinterpret_cast<std::byte*>(raw.data());
    const std::size_t got = input.read(position, buffer, bytes) / wav.bytes_per_frame();
    convert(buffer, wav.encoding, got * channels, target);
    return got;
}

}  // namespace emotion::audio
