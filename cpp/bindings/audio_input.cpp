#include "audio_input.hpp"

#include <limits>
#include <string>

namespace emotion::bindings {

audio::Source to_source(const py::handle& source, const char* caller) {
    if (PyUnicode_Check(source.ptr())) {
        const auto encoded = py::reinterpret_steal<py::bytes>(PyUnicode_EncodeFSDefault(source.ptr()));
        if (!encoded) {
            throw py::error_already_set();
        }
        return audio::Source::from_path(std::string(encoded));
    }
    if (PyBytes_Check(source.ptr())) {
        return audio::Source::from_memory({reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(source.ptr())),
                                           static_cast<std::size_t>(PyBytes_GET_SIZE(source.ptr()))});
    }
    throw InvalidInputError("source", caller, "a path (str) or bytes", std::string(py::str(py::type::handle_of(source))));
}

audio::DecodeOptions part(std::optional<double> start, std::optional<double> end) {
    audio::DecodeOptions options;
    options.start_s = start.value_or(0.0);
    options.end_s = end.value_or(std::numeric_limits<double>::quiet_NaN());
    return options;
}

py::dict header_dict(const audio::AudioHeader& header) {
    py::dict d;
    d["sample_rate_hz"] = header.sample_rate_hz;
    d["channels"] = header.channels;
    d["frames"] = header.frames;
    d["format"] = header.format;
    d["subtype"] = header.subtype;
    return d;
}

py::dict level_dict(const audio::AudioHeader& header, const audio::AudioLevels& levels) {
    py::dict d = header_dict(header);
    d["frames"] = levels.frames;
    d["duration_s"] = levels.duration_s;
    d["peak"] = levels.peak;
    d["rms_dbfs"] = levels.rms_dbfs;
    d["clipped_ratio"] = levels.clipped_ratio;
    d["silent"] = levels.silent;
    d["non_finite"] = levels.non_finite;
    return d;
}

}  // namespace emotion::bindings
