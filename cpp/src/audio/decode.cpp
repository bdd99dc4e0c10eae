#include "emotion/audio/decode.hpp"

#include <fcntl.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>

#include "emotion/core/errors.hpp"

namespace emotion::audio {
namespace {

[[noreturn]] void fail(const char* reason, const Source& source, const std::string& text) {
    throw MediaDecodeError(reason, source.name() + " " + text);
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

// libsndfile's virtual input over bytes or over a descriptor. Every position stays within [0, size].
//
// Files go this way too, rather than through sf_open_fd: where opening fails, libsndfile closes the descriptor although it was told not to,
// and with several threads a second close would hit another thread's file.
struct InputFile {
    std::span<const std::byte> bytes;   // when descriptor < 0
    int descriptor = -1;
    sf_count_t size = 0;
    sf_count_t position = 0;

    static InputFile& self(void* user) { return *static_cast<InputFile*>(user); }
    static sf_count_t length(void* user) { return self(user).size; }
    static sf_count_t tell(void* user) { return self(user).position; }
    static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
    static sf_count_t seek(sf_count_t offset, int whence, void* user) {
        InputFile& file = self(user);
        const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.position : file.size;
        if (offset < -base || offset > file.size - base) {
            file.position = offset < -base ? 0 : file.size;
        } else {
            file.position = base + offset;
        }
        return file.position;
    }
    static sf_count_t read(void* target, sf_count_t count, void* user) {
        InputFile& file = self(user);
        sf_count_t n = std::clamp<sf_count_t>(count, 0, file.size - file.position);
        if (n > 0 && file.descriptor < 0) {
            std::memcpy(target, file.bytes.data() + file.position, static_cast<std::size_t>(n));
        } else if (n > 0) {
            n = file.read_descriptor(static_cast<char*>(target), n);
        }
        file.position += n;
        return n;
    }

private:
    // Reads until n bytes are there, or the file ends sooner than it did when it was opened.
    [[nodiscard]] sf_count_t read_descriptor(char* target, sf_count_t n) const {
        sf_count_t done = 0;
        while (done < n) {
            const ssize_t got = ::pread(descriptor, target + done, static_cast<std::size_t>(n - done), static_cast<off_t>(position + done));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                break;
            }
            done += got;
        }
        return done;
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

// An open sound file whose header passed the limits.
class OpenFile {
public:
    OpenFile(const Source& source, const DecodeLimits& limits) : source_(source) {
        if (source.from_bytes) {
            input_.bytes = source.bytes;
            input_.size = static_cast<sf_count_t>(source.bytes.size());
        } else {
            open_descriptor();
        }
        if (input_.size == 0) {
            fail("corrupt", source_, "is empty (0 bytes)");
        }
        std::array<char, magic_size> buffer{};
        const std::string_view head(buffer.data(), static_cast<std::size_t>(InputFile::read(buffer.data(), buffer.size(), &input_)));
        input_.position = 0;
        static SF_VIRTUAL_IO io{InputFile::length, InputFile::seek, InputFile::read, InputFile::write, InputFile::tell};
        SF_INFO info{};
        file_.reset(sf_open_virtual(&io, SFM_READ, &info, &input_));
        if (!file_) {
            if (looks_like_audio(head)) {
                fail("corrupt", source_, "cannot be decoded: its header is damaged or cut short");
            }
            fail("unsupported_format", source_, "is not a supported sound file (WAV, FLAC, OGG, MP3, AIFF, AU, CAF)");
        }
        check_header(info, limits);
    }

    [[nodiscard]] SNDFILE* get() const { return file_.get(); }
    [[nodiscard]] const AudioHeader& header() const { return header_; }
    // Whether sf_seek reaches exactly the asked frame whatever came before: formats with frames of fixed size, and FLAC.
    [[nodiscard]] bool exact_seek() const { return header_.format != "OGG" && header_.format != "MP3"; }

private:
    struct Close {
        void operator()(SNDFILE* file) const { sf_close(file); }
    };

    void open_descriptor() {
        if (source_.path.empty() || source_.path.find('\0') != std::string::npos) {
            fail("not_found", source_, "is not a valid path");
        }
        // O_NONBLOCK: opening a pipe without a writer must not wait.
        descriptor_ = std::make_unique<Descriptor>(::open(source_.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (descriptor_->get() < 0) {
            const int code = errno;
            if (code == EACCES || code == EPERM) {
                fail("no_permission", source_, "cannot be read: permission denied");
            }
            if (code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO) {
                fail("corrupt", source_, std::string("cannot be opened: ") + std::strerror(code));
            }
            fail("not_found", source_, "does not exist");
        }
        struct stat status {};
        if (::fstat(descriptor_->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
            fail("unsupported_format", source_, S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
        }
        input_.descriptor = descriptor_->get();
        input_.size = static_cast<sf_count_t>(status.st_size);
    }

    void check_header(const SF_INFO& info, const DecodeLimits& limits) {
        header_ = {info.samplerate, info.channels, std::max<sf_count_t>(info.frames, 0), format_name(info.format), subtype_name(info.format)};
        if (header_.format.empty()) {
            fail("unsupported_format", source_, "is not a supported sound file (WAV, FLAC, OGG, MP3, AIFF, AU, CAF)");
        }
        if (info.channels < 1 || info.channels > limits.max_channels) {
            fail("unsupported_format", source_,
                 "has " + std::to_string(info.channels) + " channels; at most " + std::to_string(limits.max_channels) + " are supported");
        }
        if (info.samplerate < limits.min_rate_hz || info.samplerate > limits.max_rate_hz) {
            fail("unsupported_format", source_, "has a sampling rate of " + std::to_string(info.samplerate) + " Hz; supported are " +
                                                    std::to_string(limits.min_rate_hz) + " to " + std::to_string(limits.max_rate_hz));
        }
    }

    const Source& source_;
    std::unique_ptr<Descriptor> descriptor_;
    InputFile input_;
    std::unique_ptr<SNDFILE, Close> file_;
    AudioHeader header_;
};

// Sums over the samples in a fixed order: eight running sums, added at the end.
class LevelMeter {
public:
    void add(std::span<const float> x) {
        std::size_t i = 0;
        for (; i + 8 <= x.size(); i += 8) {
            for (std::size_t l = 0; l < 8; ++l) {
                one(x[i + l], l);
            }
        }
        for (; i < x.size(); ++i) {
            one(x[i], i % 8);
        }
        count_ += x.size();
    }
    void finish(AudioLevels& levels) const {
        double square = 0;
        float peak = 0;
        std::uint64_t clipped = 0;
        for (std::size_t l = 0; l < 8; ++l) {
            square += square_[l];
            peak = std::max(peak, peak_[l]);
            clipped += clipped_[l];
        }
        levels.non_finite = !std::isfinite(square);  // a NaN or an infinity anywhere stays in its sum
        if (levels.non_finite) {
            levels.peak = levels.rms_dbfs = std::numeric_limits<double>::quiet_NaN();
            return;
        }
        levels.peak = peak;
        levels.rms_dbfs = count_ == 0 ? -std::numeric_limits<double>::infinity() : 10.0 * std::log10(square / static_cast<double>(count_));
        levels.clipped_ratio = count_ == 0 ? 0.0 : static_cast<double>(clipped) / static_cast<double>(count_);
        levels.silent = levels.peak < silence_peak;
    }

private:
    void one(float v, std::size_t l) {
        const float magnitude = std::fabs(v);
        square_[l] += static_cast<double>(v) * static_cast<double>(v);
        peak_[l] = magnitude > peak_[l] ? magnitude : peak_[l];
        clipped_[l] += magnitude >= 0.999F ? 1U : 0U;
    }
    std::array<double, 8> square_{};
    std::array<float, 8> peak_{};
    std::array<std::uint64_t, 8> clipped_{};
    std::uint64_t count_ = 0;
};

enum class Keep { mono, channels, nothing };

void append(std::span<const float> interleaved, std::size_t channels, Keep keep, std::vector<float>& samples) {
    if (keep == Keep::nothing) {
        return;
    }
    if (keep == Keep::channels || channels == 1) {
        samples.insert(samples.end(), interleaved.begin(), interleaved.end());
        return;
    }
    const std::size_t frames = interleaved.size() / channels;
    const std::size_t before = samples.size();
    samples.resize(before + frames);
    for (std::size_t t = 0; t < frames; ++t) {
        float sum = 0;
        for (std::size_t c = 0; c < channels; ++c) {
            sum += interleaved[t * channels + c];
        }
        samples[before + t] = sum / static_cast<float>(channels);
    }
}

// First frame, and the number of frames (at most `limit` + 1, so that the caller can see that the limit is passed).
struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

Range frame_range(const DecodeOptions& options, int rate) {
    if (!(options.start_s >= 0) || std::isinf(options.start_s)) {
        throw InvalidInputError("start", "decode", "a number of seconds >= 0", std::to_string(options.start_s));
    }
    if (!std::isnan(options.end_s) && !(options.end_s > options.start_s)) {
        throw InvalidInputError("end", "decode", "greater than start (" + std::to_string(options.start_s) + ")", std::to_string(options.end_s));
    }
    constexpr double unit = 1e-6;  // of a frame: 0.29 s at 100 Hz is frame 29
    constexpr double last = 9e15;
    const auto to_frame = [&](double s) { return static_cast<std::uint64_t>(std::min(last, std::floor(s * rate + unit))); };
    const std::uint64_t first = to_frame(options.start_s);
    const auto limit = static_cast<std::uint64_t>(
        std::min(static_cast<double>(options.limits.max_frames), std::max(0.0, std::floor(options.limits.max_seconds * rate))));
    const std::uint64_t count = std::isnan(options.end_s) ? limit + 1 : std::min(limit + 1, to_frame(options.end_s) - first);
    return {first, count};
}

void skip(OpenFile& file, const Source& source, std::uint64_t frames, std::vector<float>& buffer, const StopToken& stop) {
    if (frames == 0) {
        return;
    }
    const auto beyond = [&] { fail("too_short", source, "ends before the part that was asked for"); };
    if (file.exact_seek()) {
        if (frames >= static_cast<std::uint64_t>(file.header().frames)) {
            beyond();
        }
        if (sf_seek(file.get(), static_cast<sf_count_t>(frames), SEEK_SET) != static_cast<sf_count_t>(frames)) {
            fail("corrupt", source, "cannot be decoded: seeking failed");
        }
        return;
    }
    const std::size_t chunk = buffer.size() / static_cast<std::size_t>(file.header().channels);
    while (frames > 0) {
        stop.check();
        const auto n = sf_readf_float(file.get(), buffer.data(), static_cast<sf_count_t>(std::min<std::uint64_t>(chunk, frames)));
        if (n <= 0) {
            beyond();
        }
        frames -= static_cast<std::uint64_t>(n);
    }
}

DecodedAudio run(const Source& source, const DecodeOptions& options, Keep keep, const StopToken& stop) {
    OpenFile file(source, options.limits);
    DecodedAudio result;
    result.header = file.header();
    const int rate = result.header.sample_rate_hz;
    const auto channels = static_cast<std::size_t>(result.header.channels);
    const Range range = frame_range(options, rate);
    const std::size_t chunk = std::max<std::size_t>(1, 65536 / channels);
    std::vector<float> buffer(chunk * channels);
    skip(file, source, range.first, buffer, stop);

    LevelMeter meter;
    const auto limit_seconds = options.limits.max_seconds;
    const bool limited = std::isnan(options.end_s) || range.count > options.limits.max_frames ||
                         static_cast<double>(range.count) > limit_seconds * rate;
    while (result.levels.frames < range.count) {
        stop.check();
        const auto wanted = static_cast<sf_count_t>(std::min<std::uint64_t>(chunk, range.count - result.levels.frames));
        const sf_count_t n = sf_readf_float(file.get(), buffer.data(), wanted);
        if (n <= 0) {
            break;
        }
        const std::span<const float> part(buffer.data(), static_cast<std::size_t>(n) * channels);
        meter.add(part);
        append(part, channels, keep, result.samples);
        result.levels.frames += static_cast<std::uint64_t>(n);
    }
    if (limited && result.levels.frames == range.count) {
        fail("too_long", source, "is longer than the limit of " + std::to_string(options.limits.max_seconds) + " seconds or " +
                                     std::to_string(options.limits.max_frames) + " frames");
    }
    const bool ended_early = result.levels.frames < range.count;
    if (sf_error(file.get()) != SF_ERR_NO_ERROR) {
        fail("corrupt", source, "cannot be decoded: the decoder failed after " + std::to_string(result.levels.frames) + " frames");
    }
    if (ended_early && result.header.format == "FLAC" && range.first + result.levels.frames < static_cast<std::uint64_t>(result.header.frames)) {
        fail("corrupt", source, "is cut short: " + std::to_string(range.first + result.levels.frames) + " of the " +
                                    std::to_string(result.header.frames) + " frames that its header promises");
    }
    if (result.levels.frames == 0) {
        fail("too_short", source, "holds no audio in the part that was asked for");
    }
    result.levels.duration_s = static_cast<double>(result.levels.frames) / rate;
    meter.finish(result.levels);
    return result;
}

}  // namespace

AudioHeader probe_audio(const Source& source, const DecodeLimits& limits) { return OpenFile(source, limits).header(); }

DecodedAudio decode(const Source& source, const DecodeOptions& options, const StopToken& stop) { return run(source, options, Keep::mono, stop); }

DecodedAudio decode_channels(const Source& source, const DecodeOptions& options, const StopToken& stop) {
    return run(source, options, Keep::channels, stop);
}

std::pair<AudioHeader, AudioLevels> audio_quality(const Source& source, const DecodeOptions& options, const StopToken& stop) {
    DecodedAudio decoded = run(source, options, Keep::nothing, stop);
    return {std::move(decoded.header), decoded.levels};
}

}  // namespace emotion::audio
