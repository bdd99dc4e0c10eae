// Feature vectors of clips, from samples or straight from files. Samples must be float32 and C-contiguous: emotion_native.audio converts.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "audio_input.hpp"
#include "audio_quality.hpp"
#include "emotion/audio/descriptors.hpp"
#include "emotion/audio/functionals.hpp"
#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/parallel.hpp"

namespace emotion::bindings {
namespace {

py::dict info_dict(const audio::ExtractInfo& info) {
    py::dict d = level_dict(info.header, info.levels);
    d["warnings"] = info.warnings;
    add_quality(d, info);
    return d;
}

py::tuple extract_functionals(const py::object& source, const std::string& feature_set, int sample_rate_hz, std::optional<double> start,
                              std::optional<double> end) {
    const audio::Source input = to_source(source, "extract_functionals");
    const audio::ExtractOptions options{audio::feature_set_of(feature_set, "extract_functionals", "feature_set"), sample_rate_hz, part(start, end)};
    audio::ExtractInfo info;
    auto values = interruptible([&](StopToken& stop) { return audio::extract(input, options, info, stop); });
    return py::make_tuple(to_array(std::move(values)), info_dict(info));
}

py::tuple extract_functionals_batch(const py::list& sources, const Array<double>& starts, const Array<double>& ends, const std::string& feature_set,
                                    int sample_rate_hz, int n_jobs, const py::object& progress) {
    constexpr const char* caller = "extract_functionals_batch";
    const py::tuple kept(sources);  // the list may change while the GIL is released
    std::vector<audio::Source> inputs;
    for (const py::handle& source : kept) {
        inputs.push_back(to_source(source, caller));
    }
    const audio::ExtractOptions options{audio::feature_set_of(feature_set, caller, "feature_set"), sample_rate_hz, {}};
    auto [array, view] = new_matrix<float>(inputs.size(), audio::feature_names(options.set).size());
    const auto first = vector(starts, "starts", caller), last = vector(ends, "ends", caller);
    const auto rows = interruptible([&, out = view](StopToken& stop) {
        Parallel parallel(n_jobs);
        return audio::extract_batch(inputs, first, last, options, out, parallel, stop);
    }, progress);
    py::list status, messages, infos;
    for (const audio::ExtractStatus& row : rows) {
        status.append(row.status);
        messages.append(message_text(row.message));
        infos.append(info_dict(row.info));
    }
    return py::make_tuple(array, status, messages, infos);
}

}  // namespace

void register_audio_features(py::module_& m) {
    m.attr("AUDIO_ALGORITHM_VERSION") = audio::algorithm_version;
    m.attr("MOST_FULL_SCALE") = audio::most_full_scale;
    m.attr("HIGHEST_RATE_HZ") = audio::highest_rate_hz;
    m.attr("LOWEST_FEATURE_RATE_HZ") = audio::lowest_feature_rate_hz;
    m.attr("LOWEST_QUALITY_RATE_HZ") = audio::lowest_quality_rate_hz;
    m.def("extract_functionals", &extract_functionals, py::arg("source"), py::arg("feature_set"), py::arg("sample_rate_hz"),
          py::arg("start") = py::none(), py::arg("end") = py::none(), "Decode, resample and extract: (float32[n], info).");
    m.def("extract_functionals_batch", &extract_functionals_batch, py::arg("sources"), py::arg("starts").noconvert(), py::arg("ends").noconvert(),
          py::arg("feature_set"), py::arg("sample_rate_hz"), py::arg("n_jobs"), py::arg("progress") = py::none(),
          "One clip a row: (float32[n, d], status, messages, infos). NaN times: the whole clip.");
    m.def("functionals", [](const Samples& samples, int sample_rate_hz, const std::string& feature_set) {
        const auto view = vector(samples, "samples", "functionals");
        const auto set = audio::feature_set_of(feature_set, "functionals");
        return to_array(run(view.size(), [&](const StopToken& stop) { return audio::functionals(view, sample_rate_hz, set, stop); }));
    }, py::arg("samples").noconvert(), py::arg("sample_rate_hz"), py::arg("feature_set"));
    m.def("descriptors", [](const Samples& samples, int sample_rate_hz) {
        const auto view = vector(samples, "samples", "descriptors");
        const auto found = run(view.size(), [&](const StopToken& stop) { return audio::voice_descriptors(view, sample_rate_hz, false, stop); });
        auto [array, rows] = new_matrix<float>(audio::egemaps_descriptors().size(), found.rows.cols);
        for (std::size_t r = 0; r < rows.rows; ++r) {
            std::ranges::copy(found.rows.row(audio::egemaps_descriptors()[r].row), rows.row(r).begin());
        }
        return array;
    }, py::arg("samples").noconvert(), py::arg("sample_rate_hz"), "The 25 descriptors of 'egemaps', float32[25, frames].");
    m.def("descriptor_names", [] {
        std::vector<std::string> names;
        for (const auto& descriptor : audio::egemaps_descriptors()) {
            names.push_back(descriptor.name);
        }
        return names;
    });
    m.def("feature_names", [](const std::string& set) { return audio::feature_names(audio::feature_set_of(set, "feature_names")); },
          py::arg("feature_set"));
}

}  // namespace emotion::bindings
