#include "emotion/audio/egemaps.hpp"

#include <algorithm>
#include <cmath>

#include "contours.hpp"

namespace emotion::audio {
namespace {

constexpr double peak_share = 0.1;
constexpr double level_floor = 1e-12;  // -120 dB

// What is taken of a descriptor, and from which frames.
enum class Frames { all, voiced, unvoiced };
// mean; mean and variation of any sign; mean and variation of what is not negative; those and percentiles and slopes
enum class Take { mean, signed_variation, variation, contour };
struct Entry {
    const char* name;
    std::size_t row;
    Frames frames;
    Take take;
};

constexpr Entry entries[] = {
    {"F0semitoneFrom27.5Hz_sma3nz", row::f0, Frames::voiced, Take::contour},
    {"loudness_sma3", row::loudness, Frames::all, Take::contour},
    {"spectralFlux_sma3", row::flux, Frames::all, Take::variation},
    {"mfcc1_sma3", row::mfcc, Frames::all, Take::signed_variation},
    {"mfcc2_sma3", row::mfcc + 1, Frames::all, Take::signed_variation},
    {"mfcc3_sma3", row::mfcc + 2, Frames::all, Take::signed_variation},
    {"mfcc4_sma3", row::mfcc + 3, Frames::all, Take::signed_variation},
    {"jitterLocal_sma3nz", row::jitter, Frames::voiced, Take::variation},
    {"shimmerLocaldB_sma3nz", row::shimmer, Frames::voiced, Take::variation},
    {"HNRdBACF_sma3nz", row::hnr, Frames::voiced, Take::signed_variation},
    {"logRelF0-H1-H2_sma3nz", row::h1_h2, Frames::voiced, Take::signed_variation},
    {"logRelF0-H1-A3_sma3nz", row::h1_a3, Frames::voiced, Take::signed_variation},
    {"F1frequency_sma3nz", row::formant, Frames::voiced, Take::variation},
    {"F1bandwidth_sma3nz", row::formant + 1, Frames::voiced, Take::variation},
    {"F1amplitudeLogRelF0_sma3nz", row::formant + 2, Frames::voiced, Take::signed_variation},
    {"F2frequency_sma3nz", row::formant + 3, Frames::voiced, Take::variation},
    {"F2bandwidth_sma3nz", row::formant + 4, Frames::voiced, Take::variation},
    {"F2amplitudeLogRelF0_sma3nz", row::formant + 5, Frames::voiced, Take::signed_variation},
    {"F3frequency_sma3nz", row::formant + 6, Frames::voiced, Take::variation},
    {"F3bandwidth_sma3nz", row::formant + 7, Frames::voiced, Take::variation},
    {"F3amplitudeLogRelF0_sma3nz", row::formant + 8, Frames::voiced, Take::signed_variation},
    {"alphaRatioV_sma3nz", row::alpha_ratio, Frames::voiced, Take::signed_variation},
    {"hammarbergIndexV_sma3nz", row::hammarberg, Frames::voiced, Take::signed_variation},
    {"slopeV0-500_sma3nz", row::slope_low, Frames::voiced, Take::signed_variation},
    {"slopeV500-1500_sma3nz", row::slope_middle, Frames::voiced, Take::signed_variation},
    {"spectralFluxV_sma3nz", row::flux, Frames::voiced, Take::variation},
    {"mfcc1V_sma3nz", row::mfcc, Frames::voiced, Take::signed_variation},
    {"mfcc2V_sma3nz", row::mfcc + 1, Frames::voiced, Take::signed_variation},
    {"mfcc3V_sma3nz", row::mfcc + 2, Frames::voiced, Take::signed_variation},
    {"mfcc4V_sma3nz", row::mfcc + 3, Frames::voiced, Take::signed_variation},
    {"alphaRatioUV_sma3nz", row::alpha_ratio, Frames::unvoiced, Take::mean},
    {"hammarbergIndexUV_sma3nz", row::hammarberg, Frames::unvoiced, Take::mean},
    {"slopeUV0-500_sma3nz", row::slope_low, Frames::unvoiced, Take::mean},
    {"slopeUV500-1500_sma3nz", row::slope_middle, Frames::unvoiced, Take::mean},
    {"spectralFluxUV_sma3nz", row::flux, Frames::unvoiced, Take::mean},
};

std::vector<std::string> make_names() {
    std::vector<std::string> names;
    for (const Entry& entry : entries) {
        const std::string name = entry.name;
        names.push_back(name + "_amean");
        if (entry.take != Take::mean) {
            names.push_back(name + "_stddevNorm");
        }
        if (entry.take == Take::contour) {
            for (const char* functional : {"percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2", "meanRisingSlope", "stddevRisingSlope",
                                           "meanFallingSlope", "stddevFallingSlope"}) {
                names.push_back(name + "_" + functional);
            }
        }
    }
    for (const char* name : {"loudnessPeaksPerSec", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec",
                             "MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength", "equivalentSoundLevel_dBp"}) {
        names.emplace_back(name);
    }
    return names;
}

using Stretches = std::vector<std::pair<std::size_t, std::size_t>>;

Moments lengths_of(const Stretches& stretches) {
    std::vector<float> lengths;
    for (const auto& [first, last] : stretches) {
        lengths.push_back(static_cast<float>(static_cast<double>(last - first) * frame_period_s));
    }
    return moments_of(lengths);
}

}  // namespace

const std::vector<std::string>& egemaps_names() {
    static const std::vector<std::string> names = make_names();
    return names;
}

std::vector<float> egemaps(const Descriptors& descriptors) {
    const std::size_t frames = descriptors.rows.cols;
    const Stretches voiced = stretches_of(descriptors.voiced, true), unvoiced = stretches_of(descriptors.voiced, false);
    std::vector<float> out, values(frames);
    std::vector<unsigned char> counts(frames);
    out.reserve(egemaps_names().size());
    const auto put = [&](double value) { out.push_back(static_cast<float>(value)); };
    for (const Entry& entry : entries) {
        const std::vector<unsigned char>* const marks = descriptors.marks_of(entry.row);
        for (std::size_t t = 0; t < frames; ++t) {
            const bool wanted = entry.frames == Frames::all || (descriptors.voiced[t] != 0) == (entry.frames == Frames::voiced);
            counts[t] = wanted && (marks == nullptr || (*marks)[t] != 0) ? 1 : 0;
        }
        const Stretches stretches = stretches_of(counts, true);
        const std::span<const float> contour = descriptors.rows.row(entry.row);
        auto end = values.begin();
        for (const auto& [first, last] : stretches) {
            end = std::copy(contour.begin() + static_cast<std::ptrdiff_t>(first), contour.begin() + static_cast<std::ptrdiff_t>(last), end);
        }
        const std::span<float> used(values.begin(), end);
        const Moments moments = moments_of(used);
        put(moments.mean);
        if (entry.take != Take::mean) {
            put(entry.take == Take::signed_variation ? signed_variation_of(moments) : variation_of(moments));
        }
        if (entry.take != Take::contour) {
            continue;
        }
        std::ranges::sort(used);
        for (const double percent : {20.0, 50.0, 80.0}) {
            put(percentile_of(used, percent));
        }
        put(percentile_of(used, 80.0) - percentile_of(used, 20.0));
        for (const double sign : {1.0, -1.0}) {
            Slopes slopes(sign, frame_period_s);
            for (const auto& [first, last] : stretches) {
                slopes.add(contour.subspan(first, last - first));
            }
            put(slopes.moments().mean);
            put(slopes.moments().deviation);
        }
    }
    std::vector<std::size_t> peaks;
    find_peaks(descriptors.rows.row(row::loudness), peak_share, peaks);
    put(static_cast<double>(peaks.size()) / descriptors.duration_s);
    put(static_cast<double>(voiced.size()) / descriptors.duration_s);
    for (const Stretches* stretches : {&voiced, &unvoiced}) {
        const Moments lengths = lengths_of(*stretches);
        put(lengths.mean);
        put(lengths.deviation);
    }
    put(10.0 * std::log10(std::max(descriptors.mean_square, level_floor)));
    return out;
}

}  // namespace emotion::audio
