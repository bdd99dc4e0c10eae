#include "sound_file.hpp"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace emotion::audio {
namespace {

// libsndfile's virtual input. Files go this way too, rather than through sf_open_fd: where opening fails, libsndfile closes the descriptor although
// it was told not to, and with several threads a second close would hit another thread's file.
struct VirtualInput {
    const InputBytes& bytes;
    sf_count_t position = 0;

    static VirtualInput& self(void* user) { return *static_cast<VirtualInput*>(user); }
    [[nodiscard]] sf_count_t size() const { return static_cast<sf_count_t>(bytes.size()); }
    static sf_count_t length(void* user) { return self(user).size(); }
    static sf_count_t tell(void* user) { return self(user).position; }
    static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
    static sf_count_t seek(sf_count_t offset, int whence, void* user) {
        VirtualInput& input = self(user);
        const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? input.position : input.size();
        if (offset < -base || offset > input.size() - base) {
            input.position = offset < -base ? 0 : input.size();
        } else {
            input.position = base + offset;
        }
        return input.position;
    }
    static sf_count_t read(void* target, sf_count_t count, void* user) {
        VirtualInput& input = self(user);
        const std::size_t wanted = count > 0 ? static_cast<std::size_t>(count) : 0;
        const auto n = static_cast<sf_count_t>(input.bytes.read(static_cast<std::uint64_t>(input.position), target, wanted));
        input.position += n;
        return n;
    }
};

constexpr std::size_t magic_size = 12;

// Formats that open as sound files; only used to tell a damaged file from one of another kind.
bool looks_like_audio(std::string_view head) {
    const auto at = [&](std::size_t i) { return i < head.size() ? static_cast<unsigned char>(head[i]) : 0U; };
    for (const std::string_view magic : {"RIFF", "RIFX", "RF64", "riff", "fLaC", "OggS", "ID3", "FORM", ".snd", "caff", "NIST"}) {
        if (head.starts_with(magic)) {
            return true;
        }
    }
    return at(0) == 0xFF && (at(1) & 0xE0U) == 0xE0U;
}

struct Name {
    int code;
    const char* name;
};
constexpr std::array<Name, 10> formats{{{SF_FORMAT_WAV, "WAV"}, {SF_FORMAT_WAVEX, "WAV"}, {SF_FORMAT_RF64, "RF64"}, {SF_FORMAT_W64, "W64"},
                                        {SF_FORMAT_AIFF, "AIFF"}, {SF_FORMAT_AU, "AU"}, {SF_FORMAT_CAF, "CAF"}, {SF_FORMAT_NIST, "NIST"},
                                        {SF_FORMAT_FLAC, "FLAC"}, {SF_FORMAT_OGG, "OGG"}}};
#ifndef SF_FORMAT_MPEG
constexpr int mpeg_format = 0x230000;  // libsndfile 1.1 and later
#else
constexpr int mpeg_format = SF_FORMAT_MPEG;
#endif
constexpr std::array<Name, 13> subtypes{{{SF_FORMAT_PCM_S8, "PCM_S8"}, {SF_FORMAT_PCM_16, "PCM_16"}, {SF_FORMAT_PCM_24, "PCM_24"},
                                         {SF_FORMAT_PCM_32, "PCM_32"}, {SF_FORMAT_PCM_U8, "PCM_U8"}, {SF_FORMAT_FLOAT, "FLOAT"},
                                         {SF_FORMAT_DOUBLE, "DOUBLE"}, {SF_FORMAT_ULAW, "ULAW"}, {SF_FORMAT_ALAW, "ALAW"},
                                         {SF_FORMAT_IMA_ADPCM, "IMA_ADPCM"}, {SF_FORMAT_MS_ADPCM, "MS_ADPCM"}, {SF_FORMAT_VORBIS, "VORBIS"},
                                         {SF_FORMAT_OPUS, "OPUS"}}};

std::string format_name(int format) {
    const int major = format & SF_FORMAT_TYPEMASK;
    if (major == mpeg_format) {
        return "MP3";
    }
    const auto* const found = std::ranges::find(formats, major, &Name::code);
    return found == formats.end() ? "" : found->name;
}

std::string subtype_name(int format) {
    const auto* const found = std::ranges::find(subtypes, format & SF_FORMAT_SUBMASK, &Name::code);
    if (found != subtypes.end()) {
        return found->name;
    }
    return (format & SF_FORMAT_TYPEMASK) == mpeg_format ? "MPEG" : "OTHER";
}

constexpr const char* not_a_sound_file = "is not a supported sound file (WAV, FLAC, OGG, MP3, AIFF, AU, CAF)";

}  // namespace

struct SoundFile::Decoder {
    struct Close {
        void operator()(SNDFILE* file) const { sf_close(file); }
    };
    VirtualInput input;
    std::unique_ptr<SNDFILE, Close> file;
};

SoundFile::SoundFile(const Source& source, const DecodeLimits& limits, bool use_plain_reader) : input_(source) {
    if (use_plain_reader) {
        plain_ = parse_plain_wav(input_);
    }
    if (plain_) {
        header_ = {plain_->sample_rate_hz, plain_->channels, static_cast<std::int64_t>(plain_->frames), "WAV", plain_->subtype()};
    } else {
        open_decoder(source);
    }
    check_header(source, limits);
}

SoundFile::~SoundFile() = default;

void SoundFile::open_decoder(const Source& source) {
    decoder_ = std::make_unique<Decoder>(Decoder{{input_}, nullptr});
    static SF_VIRTUAL_IO io{VirtualInput::length, VirtualInput::seek, VirtualInput::read, VirtualInput::write, VirtualInput::tell};
    SF_INFO info{};
    decoder_->file.reset(sf_open_virtual(&io, SFM_READ, &info, &decoder_->input));
    if (!decoder_->file) {
        std::array<char, magic_size> buffer{};
        if (looks_like_audio({buffer.data(), input_.read(0, buffer.data(), buffer.size())})) {
            fail_source("corrupt", source, "cannot be decoded: its header is damaged or cut short");
        }
        fail_source("unsupported_format", source, not_a_sound_file);
    }
    header_ = {info.samplerate, info.channels, std::max<sf_count_t>(info.frames, 0), format_name(info.format), subtype_name(info.format)};
}

void SoundFile::check_header(const Source& source, const DecodeLimits& limits) {
    if (header_.format.empty()) {
        fail_source("unsupported_format", source, not_a_sound_file);
    }
    if (header_.channels < 1 || header_.channels > limits.max_channels) {
        fail_source("unsupported_format", source,
                    "has " + std::to_string(header_.channels) + " channels; at most " + std::to_string(limits.max_channels) + " are supported");
    }
    if (header_.sample_rate_hz < limits.min_rate_hz || header_.sample_rate_hz > limits.max_rate_hz) {
        fail_source("unsupported_format", source, "has a sampling rate of " + std::to_string(header_.sample_rate_hz) + " Hz; supported are " +
                                                      std::to_string(limits.min_rate_hz) + " to " + std::to_string(limits.max_rate_hz));
    }
}

bool SoundFile::seek(std::uint64_t frame) {
    if (plain_) {
        next_ = frame;
        return true;
    }
    return sf_seek(decoder_->file.get(), static_cast<sf_count_t>(frame), SEEK_SET) == static_cast<sf_count_t>(frame);
}

std::size_t SoundFile::read(float* target, std::size_t frames) {
    if (plain_) {
        const std::size_t n = read_plain_wav(input_, *plain_, next_, target, frames);
        next_ += n;
        return n;
    }
    const sf_count_t n = sf_readf_float(decoder_->file.get(), target, static_cast<sf_count_t>(frames));
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

bool SoundFile::failed() const { return decoder_ && sf_error(decoder_->file.get()) != SF_ERR_NO_ERROR; }

}  // namespace emotion::audio
