// One value or a few for each frame, of spectrograms (bins x frames) and of samples. Arrays must be float32 (float64 where said) and
// C-contiguous: emotion_native.audio converts.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>

#include "audio_input.hpp"
#include "emotion/audio/chroma.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/audio/temporal.hpp"

namespace emotion::bindings {
namespace {

// A function of a spectrum (bins x frames) with one value a frame.
template <class F>
Array<float> per_frame(const Array<float>& s, const char* caller, F&& fn) {
    const auto spectrum = matrix(s, "S", caller);
    auto [array, view] = new_matrix<float>(1, spectrum.cols);
    const std::span<float> out{view.data, view.cols};
    released([&] { fn(spectrum, out); });
    return array;
}

void check_points(MatrixView<const float> spectrum, std::size_t n_fft, const char* caller) {
    if (spectrum.rows != n_fft / 2 + 1) {
        throw InvalidInputError("n_fft", caller, "such that S has n_fft // 2 + 1 bins", std::to_string(n_fft) + " and " + std::to_string(spectrum.rows));
    }
}

double estimate_tuning(const Array<float>& s, double sr, std::size_t n_fft, std::size_t bins_per_octave, double fmin, double fmax, float threshold,
                       float reference, std::size_t cells) {
    const auto spectrum = matrix(s, "S", "estimate_tuning");
    check_points(spectrum, n_fft, "estimate_tuning");
    const audio::TuningOptions options{fmin, fmax, threshold, reference, cells};
    return released([&] {
        return audio::estimate_tuning(spectrum, sr, n_fft, bins_per_octave, options).value_or(std::numeric_limits<double>::quiet_NaN());
    });
}

Array<float> chroma(const Array<float>& s, double sr, std::size_t n_fft, std::size_t n_chroma, double tuning, double ctroct, double octwidth, bool base_c) {
    const auto spectrum = matrix(s, "S", "chroma_stft");
    check_points(spectrum, n_fft, "chroma_stft");
    auto [array, view] = new_matrix<float>(n_chroma, spectrum.cols);
    const std::size_t work = n_chroma * spectrum.rows * (1 + spectrum.cols / 64);  // a weight costs an exponential, a product much less
    run(work, [&, out = view](const StopToken& stop) {
        const auto bank = audio::chroma_filterbank({sr, n_fft, n_chroma, tuning, ctroct, octwidth, base_c}, stop);
        audio::multiply(bank.view(), spectrum, out, stop);
    });
    return array;
}

template <class T>
Array<T> tonnetz(const Array<T>& chroma) {
    const auto classes = matrix(chroma, "chroma", "tonnetz");
    auto [array, view] = new_matrix<T>(audio::tonnetz_rows, classes.cols);
    const std::size_t work = classes.rows * (classes.cols + 32);  // the angles of a class cost that many of its values
    run(work, [&, out = view](const StopToken& stop) { audio::tonnetz(classes, out, stop); });
    return array;
}

Array<float> spectral_centroid(const Array<float>& s, const Array<float>& freq) {
    constexpr const char* caller = "spectral_centroid";
    return per_frame(s, caller, [&](auto spectrum, auto out) { audio::spectral_centroid(spectrum, checked(freq, spectrum.rows, "freq", caller), out); });
}

Array<float> spectral_bandwidth(const Array<float>& s, const Array<float>& freq, const Array<float>& centroid, bool norm) {
    constexpr const char* caller = "spectral_bandwidth";
    return per_frame(s, caller, [&](auto spectrum, auto out) {
        audio::spectral_bandwidth(spectrum, checked(freq, spectrum.rows, "freq", caller), checked(centroid, spectrum.cols, "centroid", caller), norm,
                                  out);
    });
}

Array<float> spectral_rolloff(const Array<float>& s, const Array<float>& freq, float roll_percent) {
    constexpr const char* caller = "spectral_rolloff";
    return per_frame(s, caller, [&](auto spectrum, auto out) {
        audio::spectral_rolloff(spectrum, checked(freq, spectrum.rows, "freq", caller), roll_percent, out);
    });
}

Array<float> spectral_flatness(const Array<float>& power, float amin) {
    return per_frame(power, "spectral_flatness", [&](auto spectrum, auto out) { audio::spectral_flatness(spectrum, amin, out); });
}

Array<float> spectral_contrast(const Array<float>& s, const Array<double>& freq, double sr, double fmin, std::size_t n_bands, double quantile,
                               bool linear) {
    const auto spectrum = matrix(s, "S", "spectral_contrast");
    const auto f = checked(freq, spectrum.rows, "freq", "spectral_contrast");
    const auto bands = audio::contrast_bands(f, sr, fmin, n_bands, quantile);
    auto [array, view] = new_matrix<float>(bands.size(), spectrum.cols);
    released([&, out = view] {
        Matrix<float> valley(bands.size(), spectrum.cols);
        audio::contrast_extremes(spectrum, bands, out, valley.view());
        if (linear) {
            for (std::size_t i = 0; i < out.size(); ++i) {
                out.data[i] -= valley.values[i];
            }
        } else {
            audio::contrast_to_db(out, valley.view());
        }
    });
    return array;
}

Array<float> zero_crossing_rate(const Samples& y, std::size_t frame_length, std::size_t hop_length, bool center, float threshold, bool zero_is_positive) {
    const auto x = vector(y, "y", "zero_crossing_rate");
    auto [array, view] = new_matrix<float>(1, audio::frame_count(x.size(), frame_length, hop_length, center));
    released([&, out = view] { audio::zero_crossing_rate(x, frame_length, hop_length, center, threshold, {out.data, out.cols}, zero_is_positive); });
    return array;
}

template <class T>
Array<T> root_mean_square(const Array<T>& y, std::size_t frame_length, std::size_t hop_length, bool center) {
    const auto x = vector(y, "y", "rms");
    auto [array, view] = new_matrix<T>(1, audio::frame_count(x.size(), frame_length, hop_length, center));
    const std::size_t work = x.size() + (frame_length % hop_length == 0 ? 0 : view.cols * std::min(frame_length, x.size()) / 16);
    run(work, [&, out = view](const StopToken& stop) { audio::rms(x, frame_length, hop_length, center, {out.data, out.cols}, stop); });
    return array;
}

}  // namespace

void register_audio_spectral(py::module_& m) {
    m.def("estimate_tuning", &estimate_tuning, py::arg("s").noconvert(), py::arg("sr"), py::arg("n_fft"), py::arg("bins_per_octave"), py::arg("fmin"),
          py::arg("fmax"), py::arg("threshold"), py::arg("reference"), py::arg("cells"),
          "NaN without spectral peaks. A negative threshold: peaks above the reference.");
    m.def("chroma", &chroma, py::arg("s").noconvert(), py::arg("sr"), py::arg("n_fft"), py::arg("n_chroma"), py::arg("tuning"), py::arg("ctroct"),
          py::arg("octwidth"), py::arg("base_c"));
    m.def("tonnetz", &tonnetz<float>, py::arg("chroma").noconvert());
    m.def("tonnetz_double", &tonnetz<double>, py::arg("chroma").noconvert());
    m.def("spectral_centroid", &spectral_centroid, py::arg("s").noconvert(), py::arg("freq").noconvert());
    m.def("spectral_bandwidth", &spectral_bandwidth, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("centroid").noconvert(),
          py::arg("norm"));
    m.def("spectral_rolloff", &spectral_rolloff, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("roll_percent"));
    m.def("spectral_flatness", &spectral_flatness, py::arg("power").noconvert(), py::arg("amin"));
    m.def("spectral_contrast", &spectral_contrast, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("sr"), py::arg("fmin"),
          py::arg("n_bands"), py::arg("quantile"), py::arg("linear"));
    m.def("zero_crossing_rate", &zero_crossing_rate, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"),
          py::arg("threshold"), py::arg("zero_is_positive"));
    m.def("rms", &root_mean_square<float>, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"));
    m.def("rms_double", &root_mean_square<double>, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"));
    m.def("all_finite", [](const Array<float>& x, float largest) {
        return audio::all_finite({x.data(), static_cast<std::size_t>(x.size())}, largest);
    }, py::arg("x").noconvert(), py::arg("largest"), "Whether no value is NaN, infinite or beyond the largest in magnitude; any shape.");
}

}  // namespace emotion::bindings
