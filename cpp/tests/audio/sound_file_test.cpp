#include "sound_file.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "wav_bytes.hpp"

using namespace emotion::audio;
using namespace wav_bytes;

namespace {

struct Reading {
    std::string reason;
    AudioHeader header;
    std::vector<float> samples;
    bool plain = false, failed = false;
};

Reading read_all(const Bytes& file, bool use_plain_reader) {
    const Source source = Source::from_memory(file);
    Reading reading;
    try {
        SoundFile sound(source, {}, use_plain_reader);
        reading.header = sound.header();
        reading.plain = sound.frames_are_known();
        const auto channels = static_cast<std::size_t>(reading.header.channels);
        std::vector<float> part(97 * channels);
        while (const std::size_t n = sound.read(part.data(), 97)) {
            reading.samples.insert(reading.samples.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n * channels));
        }
        reading.failed = sound.failed();
    } catch (const emotion::MediaDecodeError& error) {
        reading.reason = error.reason();
    }
    return reading;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Whether both readers say the same of the file; *plain counts what the plain reader took.
bool alike(const Bytes& file, std::size_t& plain) {
    const Reading ours = read_all(file, true);
    plain += ours.plain ? 1 : 0;
    const Reading theirs = read_all(file, false);
    return ours.reason == theirs.reason && ours.failed == theirs.failed && ours.header.sample_rate_hz == theirs.header.sample_rate_hz &&
           ours.header.channels == theirs.header.channels && ours.header.frames == theirs.header.frames && ours.header.format == theirs.header.format &&
           ours.header.subtype == theirs.header.subtype && same_bits(ours.samples, theirs.samples);
}

std::vector<Bytes> seeds() {
    emotion::RandomStream random(1, emotion::Purpose::test, 0);
    std::vector<Bytes> files;
    struct Kind {
        int tag, bits, channels;
    };
    for (const auto [tag, bits, channels] : {Kind{1, 16, 1}, Kind{1, 16, 2}, Kind{1, 24, 1}, Kind{1, 24, 3}, Kind{3, 32, 1}, Kind{3, 32, 2}}) {
        Bytes data(static_cast<std::size_t>(bits / 8 * channels * 210));
        for (std::byte& b : data) {
            b = static_cast<std::byte>(random.below(256));
        }
        files.push_back(wav_of(tag, bits, channels, 44100, data));
        files.push_back(wav_of(tag, bits, channels, 8000, data, {{"FLLR", zeros(30)}, {"fact", zeros(4)}, {"LIST", zeros(12, "INFOISFT")}},
                               {{"PEAK", zeros(8 + 8 * static_cast<std::size_t>(channels))}, {"LIST", zeros(30, "INFO")}, {"PAD ", zeros(2)}}));
    }
    return files;
}

}  // namespace

TEST_CASE("plain files have libsndfile's samples, bit for bit") {
    std::size_t plain = 0;
    const auto files = seeds();
    for (const Bytes& file : files) {
        CHECK(alike(file, plain));
    }
    CHECK(plain == files.size());
}

TEST_CASE("damaged headers: the plain reader leaves them to libsndfile, or finds what libsndfile finds") {
    emotion::RandomStream random(2, emotion::Purpose::test, 0);
    std::size_t plain = 0, wrong = 0, tried = 0;
    for (const Bytes& seed : seeds()) {
        for (int i = 0; i < 1500; ++i) {
            Bytes file = seed;
            for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
                const std::size_t at = random.below(4) == 0 ? random.below(file.size()) : random.below(std::min<std::size_t>(file.size(), 130));
                const auto kind = random.below(5);
                const std::byte extremes[] = {std::byte{0}, std::byte{0xFF}, std::byte{0x7F}, std::byte{0x80}, std::byte{1}, std::byte{2}};
                if (kind < 2) {
                    file[at] = static_cast<std::byte>(random.below(256));
                } else if (kind == 2) {
                    file[at] = extremes[random.below(6)];
                } else if (kind == 3) {
                    file.resize(at + 1);
                } else {
                    file.insert(file.end(), random.below(9), std::byte{'a'});
                }
            }
            ++tried;
            const bool same = alike(file, plain);
            wrong += same ? 0 : 1;
            if (!same) {
                const Reading a = read_all(file, true), b = read_all(file, false);
                CAPTURE(a.reason); CAPTURE(b.reason); CAPTURE(a.header.frames); CAPTURE(b.header.frames); CAPTURE(a.samples.size()); CAPTURE(b.samples.size());
                CAPTURE(a.header.channels); CAPTURE(b.header.channels); CAPTURE(a.header.subtype); CAPTURE(b.header.subtype); CAPTURE(a.header.sample_rate_hz);
                CHECK(same);
            }
        }
    }
    CHECK(wrong == 0);
    CHECK(plain > tried / 20);  // damage of samples and notes stays plain
}

TEST_CASE("seeking and reading in parts give the same frames as reading on") {
    for (const Bytes& file : seeds()) {
        const Source source = Source::from_memory(file);
        for (const bool plain : {true, false}) {
            SoundFile sound(source, {}, plain);
            const auto channels = static_cast<std::size_t>(sound.header().channels);
            std::vector<float> all(300 * channels), part(300 * channels);
            REQUIRE(sound.read(all.data(), 300) == 210);
            REQUIRE(sound.exact_seek());
            REQUIRE(sound.seek(199));
            REQUIRE(sound.read(part.data(), 300) == 11);
            CHECK(std::memcmp(part.data(), all.data() + 199 * channels, 11 * channels * sizeof(float)) == 0);
            CHECK(sound.read(part.data(), 300) == 0);
            CHECK_FALSE(sound.failed());
        }
    }
}
