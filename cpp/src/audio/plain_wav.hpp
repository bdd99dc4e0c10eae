// WAV files without surprises, read without libsndfile: the corpora of the field are such files, and their samples need one conversion only.
//
// Plain is: RIFF/WAVE whose sizes all agree with the file's; one `fmt ` chunk of 16 bytes first, PCM of 16 or 24 bits or float of 32, with the block
// size and the byte rate that follow from it; then one `data` chunk of whole frames; around it only chunks that cannot change a sample (fillers, notes,
// peaks), of even size. Anything else is libsndfile's to judge. What is accepted has libsndfile's samples, bit for bit (tested by differential
// fuzzing): 16 bits / 2^15, 24 bits / 2^23, both exact in float32. Nothing of the header is believed beyond the bytes that are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "input_bytes.hpp"

namespace emotion::audio {

struct PlainWav {
    enum class Encoding { pcm16, pcm24, float32 };
    Encoding encoding = Encoding::pcm16;
    int sample_rate_hz = 0;  // 1 to 2^31 - 1
    int channels = 0;        // 1 to 1024
    std::uint64_t data = 0;  // position of the first frame
    std::uint64_t frames = 0;

    [[nodiscard]] std::size_t bytes_per_frame() const noexcept { return static_cast<std::size_t>(channels) * bytes_per_sample(); }
    [[nodiscard]] std::size_t bytes_per_sample() const noexcept { return encoding == Encoding::pcm16 ? 2 : encoding == Encoding::pcm24 ? 3 : 4; }
    [[nodiscard]] const char* subtype() const noexcept {
        return encoding == Encoding::pcm16 ? "PCM_16" : encoding == Encoding::pcm24 ? "PCM_24" : "FLOAT";
    }
};

// Nothing where the file is not plain.
[[nodiscard]] std::optional<PlainWav> parse_plain_wav(const InputBytes& input);

// Converts up to `frames` frames from frame `first` on; returns how many there were. first <= wav.frames.
std::size_t read_plain_wav(const InputBytes& input, const PlainWav& wav, std::uint64_t first, float* target, std::size_t frames);

}  // namespace emotion::audio
