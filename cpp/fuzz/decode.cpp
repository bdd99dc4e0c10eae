// Sound files from strangers: whatever the bytes, decoding ends with samples or a typed error, within small limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "emotion/audio/decode.hpp"
#include "emotion/core/errors.hpp"

// libsndfile 1.2 forgets the codec's tables when it gives up on a damaged OGG file. Nothing else may leak.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\nleak:libvorbis\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace emotion::audio;
    const Source source = Source::from_memory({reinterpret_cast<const std::byte*>(data), size});
    DecodeOptions options;
    options.limits.max_seconds = 20.0;
    options.limits.max_frames = 100'000;
    const emotion::StopToken stop;
    try {
        const DecodedAudio whole = decode(source, options, stop);
        if (whole.samples.size() != whole.levels.frames || whole.levels.frames > options.limits.max_frames) {
            std::abort();  // a limit or the bookkeeping failed
        }
    } catch (const emotion::MediaDecodeError&) {
    }
    try {
        options.start_s = 0.01;
        options.end_s = 0.02;
        const DecodedAudio part = decode_channels(source, options, stop);
        if (part.samples.size() != part.levels.frames * static_cast<std::size_t>(part.header.channels)) {
            std::abort();
        }
    } catch (const emotion::MediaDecodeError&) {
    }
    return 0;
}
