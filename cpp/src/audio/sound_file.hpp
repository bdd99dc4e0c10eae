// An open sound file: header checked against the limits, frames in order. Plain WAV files are read here, all others by libsndfile through virtual input
// over our own descriptor (docs/adr/0010). Not safe to share between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "emotion/audio/decode.hpp"
#include "input_bytes.hpp"
#include "plain_wav.hpp"

namespace emotion::audio {

class SoundFile {
public:
    // MediaDecodeError with reason not_found, no_permission, unsupported_format or corrupt. `use_plain_reader` false leaves all to libsndfile (for tests).
    SoundFile(const Source& source, const DecodeLimits& limits, bool use_plain_reader = true);
    ~SoundFile();
    SoundFile(const SoundFile&) = delete;
    SoundFile& operator=(const SoundFile&) = delete;

    [[nodiscard]] const AudioHeader& header() const noexcept { return header_; }
    // Whether the header's frames are there: only then may memory be reserved for them.
    [[nodiscard]] bool frames_are_known() const noexcept { return plain_.has_value(); }
    // Whether `seek` reaches exactly the asked frame whatever came before: formats with frames of fixed size, and FLAC.
    [[nodiscard]] bool exact_seek() const noexcept { return header_.format != "OGG" && header_.format != "MP3"; }

    // False where seeking failed. frame < header().frames.
    bool seek(std::uint64_t frame);
    // Interleaved; fewer frames than asked for at the end, or where decoding failed.
    std::size_t read(float* target, std::size_t frames);
    // Whether the decoder reported an error.
    [[nodiscard]] bool failed() const;

private:
    struct Decoder;
    void open_decoder(const Source& source);
    void check_header(const Source& source, const DecodeLimits& limits);

    InputBytes input_;
    std::optional<PlainWav> plain_;
    std::unique_ptr<Decoder> decoder_;
    std::uint64_t next_ = 0;  // frame of a plain file
    AudioHeader header_;
};

}  // namespace emotion::audio
