// Audio: decoding, resampling, transforms and features. Arrays must be float32 and C-contiguous: emotion_native.audio converts.
#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <complex>
#include <optional>

#include "arrays.hpp"
#include "audio_quality.hpp"
#include "emotion/audio/chroma.hpp"
#include "emotion/audio/decode.hpp"
#include "emotion/audio/descriptors.hpp"
#include "emotion/audio/functionals.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/quality.hpp"
#include "emotion/audio/resample.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/audio/stft.hpp"
#include "emotion/audio/temporal.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {
namespace {

using Samples = Array<float>;
constexpr std::size_t short_call = 1'000'000;  // samples: below, a call takes milliseconds and runs in place

// Runs work(stop) without the GIL: in place when it is short, else so that Ctrl-C can stop it. Safe: the arrays are held by the caller's frame.
template <class F>
auto run(std::size_t samples, F&& work) {
    if (samples > short_call) {
        return interruptible([&](StopToken& stop) { return work(stop); });
    }
    const py::gil_scoped_release release;
    const StopToken stop;
    return work(stop);
}

// A str is a path, bytes are the file's content; the object must be kept alive by the caller.
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

audio::DecodeOptions range(std::optional<double> start, std::optional<double> end) {
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

py::dict info_dict(const audio::ExtractInfo& info) {
    py::dict d = level_dict(info.header, info.levels);
    d["warnings"] = info.warnings;
    add_quality(d, info);
    return d;
}

py::tuple extract_functionals(const py::object& source, const std::string& feature_set, int sample_rate_hz, std::optional<double> start,
                              std::optional<double> end) {
    const audio::Source input = to_source(source, "extract_functionals");
    const audio::ExtractOptions options{audio::feature_set_of(feature_set, "extract_functionals"), sample_rate_hz, range(start, end)};
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
    const audio::ExtractOptions options{audio::feature_set_of(feature_set, caller), sample_rate_hz, {}};
    auto [array, view] = new_matrix<float>(inputs.size(), audio::feature_names(options.set).size());
    const auto first = vector(starts, "starts", caller), last = vector(ends, "ends", caller);
    const auto rows = interruptible([&, out = view](StopToken& stop) {
        Parallel parallel(n_jobs);
        return audio::extract_batch(inputs, first, last, options, out, parallel, stop);
    }, progress);
    py::list status, messages, infos;
    for (const audio::ExtractStatus& row : rows) {
        status.append(row.status);
        messages.append(row.message);
        infos.append(info_dict(row.info));
    }
    return py::make_tuple(array, status, messages, infos);
}

py::tuple decode_audio(const py::object& source, std::optional<double> start, std::optional<double> end, bool mono) {
    const audio::Source input = to_source(source, "load");
    const audio::DecodeOptions options = range(start, end);
    audio::DecodedAudio decoded =
        interruptible([&](StopToken& stop) { return mono ? audio::decode(input, options, stop) : audio::decode_channels(input, options, stop); });
    py::dict info = level_dict(decoded.header, decoded.levels);
    const auto channels = static_cast<py::ssize_t>(mono ? 1 : decoded.header.channels);
    const auto frames = static_cast<py::ssize_t>(decoded.samples.size()) / channels;
    const auto flat = to_array(std::move(decoded.samples));
    return py::make_tuple(channels == 1 ? py::object(flat) : py::object(flat.attr("reshape")(frames, channels)), info);
}

// The transform's plan and the number of frames for samples; InvalidInputError when there is no whole frame.
struct Prepared {
    audio::Stft plan;
    std::span<const float> samples;
    std::size_t frames;
};
Prepared prepare(const Samples& y, const Samples& window, std::size_t hop_length, bool center) {
    const auto w = vector(window, "window", "stft");
    Prepared p{audio::Stft({w.begin(), w.end()}, hop_length, center), vector(y, "y", "stft"), 0};
    p.frames = p.plan.frames(p.samples.size());
    if (p.frames == 0 || p.samples.empty()) {
        throw InvalidInputError("y", "stft", "at least one frame long", std::to_string(p.samples.size()) + " samples");
    }
    return p;
}

Array<std::complex<float>> stft(const Samples& y, const Samples& window, std::size_t hop_length, bool center) {
    const Prepared p = prepare(y, window, hop_length, center);
    auto [array, view] = new_matrix<std::complex<float>>(p.plan.bins(), p.frames);
    run(p.samples.size(), [&, out = view](const StopToken& stop) { p.plan.transform(p.samples, out, stop); });
    return array;
}

Array<float> power_spectrogram(const Samples& y, const Samples& window, std::size_t hop_length, bool center) {
    const Prepared p = prepare(y, window, hop_length, center);
    auto [array, view] = new_matrix<float>(p.plan.bins(), p.frames);
    run(p.samples.size(), [&, out = view](const StopToken& stop) { p.plan.power(p.samples, out, stop); });
    return array;
}

audio::MelFilterbank make_mel(double sr, std::size_t n_fft, std::size_t n_mels, double fmin, double fmax, bool htk, bool slaney_norm, double norm) {
    return audio::MelFilterbank({sr, n_fft, n_mels, fmin, fmax, htk, slaney_norm, norm});
}

// One pass from samples to mel energies; the spectrogram is never stored.
void mel_energies(const Prepared& p, const audio::MelFilterbank& mel, MatrixView<float> out, const StopToken& stop) {
    constexpr std::size_t batch = audio::RealFft::batch;
    std::vector<float> values(mel.size() * batch);
    p.plan.power_blocks(p.samples, stop, [&](std::size_t first, std::size_t count, const float* block) {
        mel.apply_block(block, batch, values.data(), batch);
        for (std::size_t b = 0; b < mel.size(); ++b) {
            std::copy_n(&values[b * batch], count, &out(b, first));
        }
    });
}

void check_bins(const Prepared& p, const audio::MelFilterbank& mel) {
    if (mel.bins() != p.plan.bins()) {
        throw InvalidInputError("n_fft", "melspectrogram", "the filterbank's", std::to_string(p.plan.n_fft()));
    }
}

Array<float> melspectrogram(const audio::MelFilterbank& mel, const Samples& y, const Samples& window, std::size_t hop_length, bool center) {
    const Prepared p = prepare(y, window, hop_length, center);
    check_bins(p, mel);
    auto [array, view] = new_matrix<float>(mel.size(), p.frames);
    run(p.samples.size(), [&, out = view](const StopToken& stop) { mel_energies(p, mel, out, stop); });
    return array;
}

// norm: 0 backward, 1 orthonormal, 2 forward.
std::shared_ptr<const Matrix<float>> cosines(std::size_t n_out, std::size_t n, int type, int norm) {
    return audio::dct_matrix(std::min(n_out, n), n, type, static_cast<audio::DctNorm>(norm));
}

// The same kernels as melspectrogram, power_to_db and dct one after another: equal bits.
Array<float> mfcc(const audio::MelFilterbank& mel, const Samples& y, const Samples& window, std::size_t hop_length, bool center, std::size_t n_mfcc,
                  int dct_type, int norm) {
    const Prepared p = prepare(y, window, hop_length, center);
    check_bins(p, mel);
    const auto dct = cosines(n_mfcc, mel.size(), dct_type, norm);
    auto [array, view] = new_matrix<float>(dct->rows, p.frames);
    run(p.samples.size(), [&, out = view](const StopToken& stop) {
        Matrix<float> energies(mel.size(), p.frames);
        mel_energies(p, mel, energies.view(), stop);
        audio::power_to_db(energies.values, 1e-10F, 80.0F);
        audio::multiply(dct->view(), energies.view(), out);
    });
    return array;
}

// A function of a spectrum (bins x frames) with one value a frame.
template <class F>
Array<float> per_frame(const Array<float>& s, const char* caller, F&& fn) {
    const auto spectrum = matrix(s, "S", caller);
    auto [array, view] = new_matrix<float>(1, spectrum.cols);
    const std::span<float> out{view.data, view.cols};
    const py::gil_scoped_release release;  // safe: the arrays are held by the caller's frame
    fn(spectrum, out);
    return array;
}

template <class T>
std::span<const T> checked(const Array<T>& values, std::size_t size, const char* parameter, const char* caller) {
    const std::span<const T> v{values.data(), static_cast<std::size_t>(values.size())};
    if (v.size() != size) {
        throw InvalidInputError(parameter, caller, std::to_string(size) + " values", std::to_string(v.size()));
    }
    return v;
}

void check_points(MatrixView<const float> spectrum, std::size_t n_fft, const char* caller) {
    if (spectrum.rows != n_fft / 2 + 1) {
        throw InvalidInputError("n_fft", caller, "such that S has n_fft // 2 + 1 bins", std::to_string(n_fft) + " and " + std::to_string(spectrum.rows));
    }
}

void register_extraction(py::module_& m) {
    m.attr("AUDIO_ALGORITHM_VERSION") = audio::algorithm_version;
    m.def("extract_functionals", &extract_functionals, py::arg("source"), py::arg("feature_set"), py::arg("sample_rate_hz"),
          py::arg("start") = py::none(), py::arg("end") = py::none(), "Decode, resample and extract: (float32[n], info).");
    m.def("extract_functionals_batch", &extract_functionals_batch, py::arg("sources"), py::arg("starts").noconvert(), py::arg("ends").noconvert(),
          py::arg("feature_set"), py::arg("sample_rate_hz"), py::arg("n_jobs"), py::arg("progress") = py::none(),
          "One clip a row: (float32[n, d], status, messages, infos). NaN times: the whole clip.");
    m.def("functionals", [](const Samples& samples, int sample_rate_hz, const std::string& feature_set) {
        const auto view = vector(samples, "samples", "functionals");
        const auto set = audio::feature_set_of(feature_set, "functionals");
        return to_array(run(view.size(), [&](const StopToken&) { return audio::functionals(view, sample_rate_hz, set); }));
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
    m.def("probe_audio", [](const py::object& source) { return header_dict(audio::probe_audio(to_source(source, "probe_audio"))); },
          py::arg("source"), "What the header says; its frame count is a claim.");
    m.def("audio_quality", [](const py::object& source, std::optional<double> start, std::optional<double> end) {
        const audio::Source input = to_source(source, "audio_quality");
        const auto options = range(start, end);
        const auto quality = interruptible([&](StopToken& stop) { return audio::audio_quality(input, options, stop); });
        return level_dict(quality.first, quality.second);
    }, py::arg("source"), py::arg("start") = py::none(), py::arg("end") = py::none());
    m.def("decode_audio", &decode_audio, py::arg("source"), py::arg("start"), py::arg("end"), py::arg("mono"),
          "(samples, info): float32[n], or float32[n, channels] when not mono.");
    m.def("resample", [](const Samples& y, int orig_sr, int target_sr) {
        const auto x = vector(y, "y", "resample");
        const auto plan = audio::Resampler::get(orig_sr, target_sr);
        auto [array, view] = new_vector<float>(plan->output_size(x.size()));
        run(x.size() + view.size(), [&, out = view](const StopToken& stop) { plan->apply(x, out, stop); });
        return array;
    }, py::arg("y").noconvert(), py::arg("orig_sr"), py::arg("target_sr"));
}

void register_quality(py::module_& m) {
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

template <class T>
Array<T> root_mean_square(const Array<T>& y, std::size_t frame_length, std::size_t hop_length, bool center) {
    const auto x = vector(y, "y", "rms");
    auto [array, view] = new_matrix<T>(1, audio::frame_count(x.size(), frame_length, hop_length, center));
    audio::rms(x, frame_length, hop_length, center, {view.data, view.cols});
    return array;
}

void register_features(py::module_& m) {
    m.def("stft", &stft, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"));
    m.def("power_spectrogram", &power_spectrogram, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"));
    py::class_<audio::MelFilterbank>(m, "MelFilterbank")
        .def(py::init(&make_mel), py::arg("sr"), py::arg("n_fft"), py::arg("n_mels"), py::arg("fmin"), py::arg("fmax"), py::arg("htk"),
             py::arg("slaney_norm"), py::arg("norm"))
        .def("has_empty_bands", &audio::MelFilterbank::has_empty_bands)
        .def("dense", [](const audio::MelFilterbank& self) { return to_array(self.dense()); })
        .def("apply", [](const audio::MelFilterbank& self, const Array<float>& s) {
            const auto spectrum = matrix(s, "S", "melspectrogram");
            if (spectrum.rows != self.bins()) {
                throw InvalidInputError("S", "melspectrogram", std::to_string(self.bins()) + " rows", std::to_string(spectrum.rows));
            }
            auto [array, view] = new_matrix<float>(self.size(), spectrum.cols);
            const py::gil_scoped_release release;  // safe: the arrays and the filterbank are held by the caller's frame
            self.apply(spectrum, view);
            return array;
        }, py::arg("s").noconvert())
        .def("melspectrogram", &melspectrogram, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"))
        .def("mfcc", &mfcc, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"), py::arg("n_mfcc"),
             py::arg("dct_type"), py::arg("norm"));
    m.def("power_to_db", [](Array<float> x, float amin, float top_db) {
        audio::power_to_db({x.mutable_data(), static_cast<std::size_t>(x.size())}, amin, top_db);
        return x;
    }, py::arg("x").noconvert(), py::arg("amin"), py::arg("top_db"), "In place; a negative top_db means no floor.");
    m.def("dct", [](const Array<float>& x, std::size_t n_out, int type, int norm) {
        const auto values = matrix(x, "S", "mfcc");
        const auto dct = cosines(n_out, values.rows, type, norm);
        auto [array, view] = new_matrix<float>(dct->rows, values.cols);
        audio::multiply(dct->view(), values, view);
        return array;
    }, py::arg("x").noconvert(), py::arg("n_out"), py::arg("type"), py::arg("norm"), "norm: 0 backward, 1 orthonormal, 2 forward.");
    m.def("delta", [](const Array<float>& x, std::size_t width, std::size_t order, std::size_t degree) {
        const auto values = matrix(x, "data", "delta");
        auto [array, view] = new_matrix<float>(values.rows, values.cols);
        audio::delta(values, width, order, degree, view);
        return array;
    }, py::arg("x").noconvert(), py::arg("width"), py::arg("order"), py::arg("degree"));
    m.def("estimate_tuning", [](const Array<float>& s, double sr, std::size_t n_fft, std::size_t bins_per_octave, double fmin, double fmax,
                                float threshold, float reference, std::size_t cells) {
        const auto spectrum = matrix(s, "S", "estimate_tuning");
        check_points(spectrum, n_fft, "estimate_tuning");
        const audio::TuningOptions options{fmin, fmax, threshold, reference, cells};
        return audio::estimate_tuning(spectrum, sr, n_fft, bins_per_octave, options).value_or(std::numeric_limits<double>::quiet_NaN());
    }, py::arg("s").noconvert(), py::arg("sr"), py::arg("n_fft"), py::arg("bins_per_octave"), py::arg("fmin"), py::arg("fmax"), py::arg("threshold"),
          py::arg("reference"), py::arg("cells"), "NaN without spectral peaks. A negative threshold: peaks above the reference.");
    m.def("chroma", [](const Array<float>& s, double sr, std::size_t n_fft, std::size_t n_chroma, double tuning, double ctroct, double octwidth, bool base_c) {
        const auto spectrum = matrix(s, "S", "chroma_stft");
        check_points(spectrum, n_fft, "chroma_stft");
        auto [array, view] = new_matrix<float>(n_chroma, spectrum.cols);
        audio::multiply(audio::chroma_filterbank({sr, n_fft, n_chroma, tuning, ctroct, octwidth, base_c}).view(), spectrum, view);
        return array;
    }, py::arg("s").noconvert(), py::arg("sr"), py::arg("n_fft"), py::arg("n_chroma"), py::arg("tuning"), py::arg("ctroct"), py::arg("octwidth"), py::arg("base_c"));
    m.def("spectral_centroid", [](const Array<float>& s, const Array<float>& freq) {
        return per_frame(s, "spectral_centroid", [&](auto spectrum, auto out) {
            audio::spectral_centroid(spectrum, checked(freq, spectrum.rows, "freq", "spectral_centroid"), out);
        });
    }, py::arg("s").noconvert(), py::arg("freq").noconvert());
    m.def("spectral_bandwidth", [](const Array<float>& s, const Array<float>& freq, const Array<float>& centroid, bool norm) {
        return per_frame(s, "spectral_bandwidth", [&](auto spectrum, auto out) {
            audio::spectral_bandwidth(spectrum, checked(freq, spectrum.rows, "freq", "spectral_bandwidth"),
                                      checked(centroid, spectrum.cols, "centroid", "spectral_bandwidth"), norm, out);
        });
    }, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("centroid").noconvert(), py::arg("norm"));
    m.def("spectral_rolloff", [](const Array<float>& s, const Array<float>& freq, float roll_percent) {
        return per_frame(s, "spectral_rolloff", [&](auto spectrum, auto out) {
            audio::spectral_rolloff(spectrum, checked(freq, spectrum.rows, "freq", "spectral_rolloff"), roll_percent, out);
        });
    }, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("roll_percent"));
    m.def("spectral_flatness", [](const Array<float>& power, float amin) {
        return per_frame(power, "spectral_flatness", [&](auto spectrum, auto out) { audio::spectral_flatness(spectrum, amin, out); });
    }, py::arg("power").noconvert(), py::arg("amin"));
    m.def("spectral_contrast", [](const Array<float>& s, const Array<double>& freq, double sr, double fmin, std::size_t n_bands, double quantile, bool linear) {
        const auto spectrum = matrix(s, "S", "spectral_contrast");
        const auto f = checked(freq, spectrum.rows, "freq", "spectral_contrast");
        const auto bands = audio::contrast_bands(f, sr, fmin, n_bands, quantile);
        auto [array, view] = new_matrix<float>(bands.size(), spectrum.cols);
        Matrix<float> valley(bands.size(), spectrum.cols);
        audio::contrast_extremes(spectrum, bands, view, valley.view());
        if (linear) {
            for (std::size_t i = 0; i < view.size(); ++i) {
                view.data[i] -= valley.values[i];
            }
        } else {
            audio::contrast_to_db(view, valley.view());
        }
        return array;
    }, py::arg("s").noconvert(), py::arg("freq").noconvert(), py::arg("sr"), py::arg("fmin"), py::arg("n_bands"), py::arg("quantile"), py::arg("linear"));
    m.def("zero_crossing_rate", [](const Samples& y, std::size_t frame_length, std::size_t hop_length, bool center, float threshold,
                                   bool zero_is_positive) {
        const auto x = vector(y, "y", "zero_crossing_rate");
        auto [array, view] = new_matrix<float>(1, audio::frame_count(x.size(), frame_length, hop_length, center));
        audio::zero_crossing_rate(x, frame_length, hop_length, center, threshold, {view.data, view.cols}, zero_is_positive);
        return array;
    }, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"), py::arg("threshold"),
          py::arg("zero_is_positive"));
    m.def("rms", &root_mean_square<float>, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"));
    m.def("rms_double", &root_mean_square<double>, py::arg("y").noconvert(), py::arg("frame_length"), py::arg("hop_length"), py::arg("center"));
    m.def("all_finite", [](const Array<float>& x) { return audio::all_finite({x.data(), static_cast<std::size_t>(x.size())}); },
          py::arg("x").noconvert(), "Whether no value is NaN or infinite; any shape.");
}

}  // namespace

void register_audio(py::module_& m) {
    register_extraction(m);
    register_quality(m);
    register_features(m);
}

}  // namespace emotion::bindings
