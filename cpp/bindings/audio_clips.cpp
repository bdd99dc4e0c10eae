// Clips: their headers, samples, quality and voice activity, and resampling. Samples must be float32 and C-contiguous:
// emotion_native.audio converts.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <vector>

#include "audio_input.hpp"
#include "emotion/audio/quality.hpp"
#include "emotion/audio/resample.hpp"

namespace emotion::bindings {
namespace {

py::tuple decode_audio(const py::object& source, std::optional<double> start, std::optional<double> end, bool mono, std::optional<int> sr) {
    const audio::Source input = to_source(source, "load");
    const audio::DecodeOptions options = part(start, end);
    audio::DecodedAudio decoded = interruptible([&](StopToken& stop) {
        audio::DecodedAudio result = mono ? audio::decode(input, options, stop) : audio::decode_channels(input, options, stop);
        if (mono && sr && !result.levels.non_finite) {
            result.samples = audio::resampled(std::move(result.samples), result.header.sample_rate_hz, *sr, stop);
        }
        return result;
    });
    py::dict info = level_dict(decoded.header, decoded.levels);
    const auto channels = static_cast<py::ssize_t>(mono ? 1 : decoded.header.channels);
    const auto frames = static_cast<py::ssize_t>(decoded.samples.size()) / channels;
    const auto flat = to_array(std::move(decoded.samples));
    return py::make_tuple(channels == 1 ? py::object(flat) : py::object(flat.attr("reshape")(frames, channels)), info);
}

}  // namespace

void register_audio_clips(py::module_& m) {
    m.def("probe_audio", [](const py::object& source) { return header_dict(audio::probe_audio(to_source(source, "probe_audio"))); },
          py::arg("source"), "What the header says; its frame count is a claim.");
    m.def("audio_levels", [](const py::object& source) {
        const audio::Source input = to_source(source, "levels");
        const auto found = interruptible([&](StopToken& stop) { return audio::audio_levels(input, {}, stop); });
        return level_dict(found.first, found.second);
    }, py::arg("source"), "What the header says, with the frames counted, and the levels of all channels.");
    m.def("decode_audio", &decode_audio, py::arg("source"), py::arg("start"), py::arg("end"), py::arg("mono"),
          py::arg("sample_rate_hz") = py::none(),
          "(samples, info): float32[n], resampled where a rate is given, or float32[n, channels] of the file's rate when not mono.");
    m.def("resample", [](const Samples& y, int orig_sr, int target_sr) {
        const auto x = vector(y, "y", "resample");
        const auto plan = audio::Resampler::get(orig_sr, target_sr);
        auto [array, view] = new_vector<float>(plan->output_size(x.size()));
        run(x.size() + view.size(), [&, out = view](const StopToken& stop) { plan->apply(x, out, stop); });
        return array;
    }, py::arg("y").noconvert(), py::arg("orig_sr"), py::arg("target_sr"));
    m.def("voice_activity", [](const Samples& y, int sr, double least_ratio, double level_range_db, double bridge_s, double shortest_s) {
        const auto x = vector(y, "y", "voice_activity");
        const audio::VoiceOptions options{least_ratio, level_range_db, bridge_s, shortest_s};
        const auto found = run(x.size(), [&](const StopToken& stop) { return audio::voice_activity(x, sr, options, stop); });
        py::list segments;
        for (const audio::Segment& segment : found.segments) {
            segments.append(py::make_tuple(segment.begin, segment.end));
        }
        return py::make_tuple(to_array(std::vector<std::uint8_t>(found.active)), segments, found.hop_length, found.snr_db);
    }, py::arg("y").noconvert(), py::arg("sr"), py::arg("least_ratio"), py::arg("level_range_db"), py::arg("bridge_s"), py::arg("shortest_s"),
          "(uint8[frames], [(begin, end)] in samples, hop_length, snr_db)");
    m.def("measure_quality", [](const Samples& y, int sr) {
        const auto x = vector(y, "y", "signal_quality");
        const auto q = run(x.size(), [&](const StopToken& stop) { return audio::measure_quality(x, sr, stop); });
        const auto values = audio::quality_values(q);
        py::dict result;
        for (std::size_t i = 0; i < audio::quality_names.size(); ++i) {
            result[audio::quality_names[i]] = values[i];
        }
        result["reason"] = audio::quality_reason(q, audio::QualityLimits{});
        return result;
    }, py::arg("y").noconvert(), py::arg("sr"));
}

}  // namespace emotion::bindings
