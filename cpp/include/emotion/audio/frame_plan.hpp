// The descriptors of single frames, eight frames at a time, from one transform: what a stream gives while the signal is still coming.
//
// Only descriptors that a frame's own samples decide are here; each value equals, bit for bit, that of the function of the same name for the whole
// signal (stft.hpp, mel.hpp, chroma.hpp, spectral.hpp, temporal.hpp). What refers to the loudest frame of a clip is taken without that reference:
// log_mel and mfcc have no floor but amin = 1e-10, spectral_contrast is the linear one; chroma_stft and tonnetz have a given tuning.
// Frame t begins at padded sample t * hop: the signal has n_fft / 2 zeros in front when centred, none otherwise.
// Complexity O(n_fft log n_fft) a frame. Immutable, safe to share. Samples must be finite and within 1e9. Deterministic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emotion/audio/chroma.hpp"
#include "emotion/audio/fft.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/core/views.hpp"

namespace emotion::audio {

enum class FrameDescriptor : std::uint8_t {
    melspectrogram,  // power, one row a band
    log_mel,         // dB
    mfcc,
    chroma_stft,
    tonnetz,  // of chroma_stft
    spectral_centroid,
    spectral_bandwidth,
    spectral_rolloff,  // 85 %
    spectral_flatness,
    spectral_contrast,  // linear: seven bands from 200 Hz, 2 % of the bins
    zero_crossing_rate,
    rms,
};
inline constexpr std::array<const char*, 12> frame_descriptor_names{
    "melspectrogram",     "log_mel",          "mfcc",              "chroma_stft",       "tonnetz",            "spectral_centroid",
    "spectral_bandwidth", "spectral_rolloff", "spectral_flatness", "spectral_contrast", "zero_crossing_rate", "rms"};

// InvalidInputError naming `caller` for another name.
[[nodiscard]] FrameDescriptor frame_descriptor_of(std::string_view name, std::string_view caller);

struct FrameOptions {
    std::vector<FrameDescriptor> descriptors = {};  // the rows, in this order; none twice
    double sample_rate_hz = 16'000;
    std::vector<float> window = {};  // n_fft values
    std::size_t hop_length = 512;
    bool center = true;
    std::optional<MelFilterbank> mel = std::nullopt;  // needed by melspectrogram, log_mel and mfcc; of n_fft / 2 + 1 bins
    std::size_t n_mfcc = 20;
    double tuning = 0.0;  // of chroma_stft and tonnetz, in fractions of a bin
};

class FramePlan {
public:
    // InvalidInputError for no descriptors or one twice, a window or hop outside 1 … 2^20, a filterbank of other bins, or bands of spectral_contrast
    // that do not fit below half the rate.
    explicit FramePlan(FrameOptions options);

    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }  // one a row
    [[nodiscard]] std::size_t n_fft() const noexcept { return options_.window.size(); }
    [[nodiscard]] std::size_t hop_length() const noexcept { return options_.hop_length; }
    [[nodiscard]] std::size_t lead() const noexcept { return options_.center ? n_fft() / 2 : 0; }  // zeros in front of the signal
    // Samples that compute() reads from the first frame's begin on.
    [[nodiscard]] std::size_t reach() const noexcept { return n_fft() + (RealFft::batch - 1) * options_.hop_length; }
    // Frames that n samples decide, whatever follows them; and those of a signal that ends after n samples.
    [[nodiscard]] std::size_t settled(std::size_t n) const noexcept;
    [[nodiscard]] std::size_t frames(std::size_t n) const noexcept;

    // Columns `column` … of out (names().size() rows): the frames first … first + count - 1, count <= 8, of a signal of which `total` samples are
    // known.
    // signal: padded samples from first * hop_length on, reach() of them readable and finite; those after the signal's end must be zero.
    void compute(const float* signal, std::size_t first, std::size_t count, std::size_t total, MatrixView<float> out, std::size_t column) const;

private:
    struct Spectrum;
    void add_names(FrameDescriptor descriptor);
    void put(FrameDescriptor descriptor, Spectrum& spectrum, float* values) const;  // a lane block of the descriptor's rows
    float temporal(FrameDescriptor descriptor, const float* frame, std::size_t t, std::size_t total) const;

    FrameOptions options_;
    std::shared_ptr<const RealFft> fft_;
    bool transformed_ = false;  // whether a descriptor needs the spectrum
    std::vector<std::string> names_;
    std::vector<std::size_t> rows_;  // of each descriptor
    std::vector<float> frequencies_;
    std::vector<ContrastBand> bands_;
    std::shared_ptr<const Matrix<float>> dct_;
    Matrix<float> chroma_;
};

}  // namespace emotion::audio
