// Pitch and measures of single periods. Samples must be float32, finite and C-contiguous: emotion_native.audio converts.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>

#include "audio_input.hpp"
#include "emotion/audio/periods.hpp"
#include "emotion/audio/pitch.hpp"
#include "emotion/audio/pyin.hpp"
#include "emotion/audio/yin.hpp"

namespace emotion::bindings {
namespace {

constexpr std::size_t many_samples = 200'000;  // below, a call takes milliseconds and runs in place

// The number of frames of the samples; InvalidInputError when there is none.
std::size_t frames(const audio::YinOptions& options, std::size_t n_samples, const char* caller) {
    const std::size_t n = audio::DifferenceFunction(options, caller).frames(n_samples);
    if (n == 0 || n_samples == 0) {
        throw InvalidInputError("y", caller, "at least one frame long", std::to_string(n_samples) + " samples");
    }
    return n;
}

Array<double> yin(const Samples& y, double fmin, double fmax, double sr, std::size_t frame_length, std::size_t hop_length, double trough_threshold,
                  bool center) {
    const audio::YinOptions options{fmin, fmax, sr, frame_length, hop_length, center};
    const auto x = vector(y, "y", "yin");
    const std::size_t n = frames(options, x.size(), "yin");
    auto [array, view] = new_vector<double>(n);
    run(std::max(x.size(), n * frame_length / 4), [&, out = view](const StopToken& stop) { audio::yin(x, options, trough_threshold, out, stop); }, many_samples);
    return array;
}

py::tuple pyin(const Samples& y, double fmin, double fmax, double sr, std::size_t frame_length, std::size_t hop_length, std::size_t n_thresholds,
               std::pair<double, double> beta_parameters, double boltzmann_parameter, double resolution, double max_transition_rate,
               double switch_prob, double no_trough_prob, bool center) {
    const audio::PyinOptions options{{fmin, fmax, sr, frame_length, hop_length, center},
                                     n_thresholds, beta_parameters.first, beta_parameters.second, boltzmann_parameter,
                                     resolution, max_transition_rate, switch_prob, no_trough_prob};
    const auto x = vector(y, "y", "pyin");
    const std::size_t n = frames(options.yin, x.size(), "pyin");
    auto [f0, f0_view] = new_vector<double>(n);
    auto [voiced, voiced_view] = new_vector<std::uint8_t>(n);
    auto [prob, prob_view] = new_vector<double>(n);
    // Never in place: with fine bins and a high max_transition_rate a single frame takes seconds.
    interruptible([&, a = f0_view, b = voiced_view, c = prob_view](const StopToken& stop) { audio::pyin(x, options, a, b, c, stop); });
    return py::make_tuple(f0, voiced, prob);
}

py::tuple track_pitch(const Samples& samples, double sample_rate_hz, double fmin_hz, double fmax_hz, double hop_s, double voicing_threshold) {
    const auto x = vector(samples, "samples", "pitch");
    auto track = run(x.size(), [&](const StopToken& stop) {
        return audio::track_pitch(x, sample_rate_hz, {fmin_hz, fmax_hz, hop_s, voicing_threshold}, stop);
    }, many_samples);
    return py::make_tuple(to_array(std::move(track.times_s)), to_array(std::move(track.f0_hz)), to_array(std::move(track.voiced_probability)));
}

audio::PitchTrack to_track(const Array<double>& times_s, const Array<float>& f0_hz, const char* caller) {
    const auto times = vector(times_s, "times_s", caller);
    const auto f0 = vector(f0_hz, "f0_hz", caller);
    return {{times.begin(), times.end()}, {f0.begin(), f0.end()}, {}};
}

py::tuple voice_quality(const Samples& samples, double sample_rate_hz, const Array<double>& times_s, const Array<float>& f0_hz) {
    const auto x = vector(samples, "samples", "voice_quality");
    const auto track = to_track(times_s, f0_hz, "voice_quality");
    auto q = run(x.size(), [&](const StopToken& stop) { return audio::voice_quality(x, sample_rate_hz, track, stop); }, many_samples);
    return py::make_tuple(to_array(std::move(q.jitter_local)), to_array(std::move(q.shimmer_local)), to_array(std::move(q.shimmer_db)),
                          to_array(std::move(q.hnr_db)));
}

}  // namespace

void register_audio_pitch(py::module_& m) {
    m.def("yin", &yin, py::arg("y").noconvert(), py::arg("fmin"), py::arg("fmax"), py::arg("sr"), py::arg("frame_length"), py::arg("hop_length"),
          py::arg("trough_threshold"), py::arg("center"));
    m.def("pyin", &pyin, py::arg("y").noconvert(), py::arg("fmin"), py::arg("fmax"), py::arg("sr"), py::arg("frame_length"), py::arg("hop_length"),
          py::arg("n_thresholds"), py::arg("beta_parameters"), py::arg("boltzmann_parameter"), py::arg("resolution"),
          py::arg("max_transition_rate"), py::arg("switch_prob"), py::arg("no_trough_prob"), py::arg("center"),
          "(f0 of the path, voiced as 0 or 1, voiced probability), one value a frame.");
    m.def("track_pitch", &track_pitch, py::arg("samples").noconvert(), py::arg("sample_rate_hz"), py::arg("fmin_hz"), py::arg("fmax_hz"),
          py::arg("hop_s"), py::arg("voicing_threshold"), "(times, f0 with NaN where unvoiced, voiced probability), one value a frame.");
    m.def("voice_quality", &voice_quality, py::arg("samples").noconvert(), py::arg("sample_rate_hz"), py::arg("times_s").noconvert(),
          py::arg("f0_hz").noconvert(), "(jitter, shimmer, shimmer in dB, HNR in dB), one value a frame, NaN where there is none.");
}

}  // namespace emotion::bindings
