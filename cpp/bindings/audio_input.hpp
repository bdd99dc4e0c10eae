// What the audio bindings share: their samples, their clips, and how a long call runs.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <span>
#include <string>

#include "arrays.hpp"
#include "emotion/audio/decode.hpp"
#include "interruptible.hpp"

namespace emotion::bindings {

using Samples = Array<float>;

// Runs work(stop) without the GIL: in place when the samples are few, else so that Ctrl-C can stop it. Safe: the arrays are held by the
// caller's frame. The fewest samples that count as many depend on the work: below them a call takes milliseconds.
template <class F>
auto run(std::size_t samples, F&& work, std::size_t many = 1'000'000) {
    if (samples > many) {
        return interruptible([&](StopToken& stop) { return work(stop); });
    }
    const py::gil_scoped_release release;
    const StopToken stop;
    return work(stop);
}

// Runs work without the GIL, to its end. Safe: the arrays are held by the caller's frame.
template <class F>
auto released(F&& work) {
    const py::gil_scoped_release release;
    return work();
}

// The values of an array of any shape; InvalidInputError unless there are size of them.
template <class T>
std::span<const T> checked(const Array<T>& values, std::size_t size, const char* parameter, const char* caller) {
    const std::span<const T> v{values.data(), static_cast<std::size_t>(values.size())};
    if (v.size() != size) {
        throw InvalidInputError(parameter, caller, std::to_string(size) + " values", std::to_string(v.size()));
    }
    return v;
}

// A str is a path, bytes are the file's content; the object must be kept alive by the caller.
audio::Source to_source(const py::handle& source, const char* caller);

// The part of a clip between two times in seconds; none: the clip's start or end.
audio::DecodeOptions part(std::optional<double> start, std::optional<double> end);

py::dict header_dict(const audio::AudioHeader& header);
py::dict level_dict(const audio::AudioHeader& header, const audio::AudioLevels& levels);

void register_audio_clips(py::module_& m);
void register_audio_features(py::module_& m);
void register_audio_transforms(py::module_& m);
void register_audio_spectral(py::module_& m);
void register_audio_pitch(py::module_& m);
void register_audio_quality(py::module_& m);
void register_audio_stream(py::module_& m);

}  // namespace emotion::bindings
