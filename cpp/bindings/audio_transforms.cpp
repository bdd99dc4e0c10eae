// Transforms of samples: spectrograms, mel energies, cepstra and their slopes. Arrays must be float32 and C-contiguous:
// emotion_native.audio converts.
#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <complex>
#include <span>
#include <string>
#include <vector>

#include "audio_input.hpp"
#include "emotion/audio/mel.hpp"
#include "emotion/audio/stft.hpp"
#include "emotion/audio/temporal.hpp"

namespace emotion::bindings {
namespace {

// The transform's plan and the number of frames for samples; InvalidInputError when there is no whole frame.
struct Prepared {
    audio::Stft plan;
    std::span<const float> samples;
    std::size_t frames;
    // In samples of the usual overlap of four frames: small hops and long transforms make few samples a long call.
    [[nodiscard]] std::size_t work() const { return std::max(samples.size(), frames * plan.n_fft() / 4); }
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
    run(p.work(), [&, out = view](const StopToken& stop) { p.plan.transform(p.samples, out, stop); });
    return array;
}

Array<float> power_spectrogram(const Samples& y, const Samples& window, std::size_t hop_length, bool center) {
    const Prepared p = prepare(y, window, hop_length, center);
    auto [array, view] = new_matrix<float>(p.plan.bins(), p.frames);
    run(p.work(), [&, out = view](const StopToken& stop) { p.plan.power(p.samples, out, stop); });
    return array;
}

audio::MelFilterbank make_mel(double sr, std::size_t n_fft, std::size_t n_mels, double fmin, double fmax, bool htk, bool slaney_norm, double norm) {
    const audio::MelOptions options{sr, n_fft, n_mels, fmin, fmax, htk, slaney_norm, norm};
    return run(4 * n_fft, [&](const StopToken& stop) { return audio::MelFilterbank(options, stop); });  // a bin has two weights, each of some operations
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
    run(p.work(), [&, out = view](const StopToken& stop) { mel_energies(p, mel, out, stop); });
    return array;
}

Array<float> mel_weights(const audio::MelFilterbank& mel) {
    auto [array, view] = new_matrix<float>(mel.size(), mel.bins());
    run(view.size() / 16, [&, out = view](const StopToken& stop) { mel.dense(out, stop); });
    return array;
}

Array<float> mel_bands(const audio::MelFilterbank& mel, const Array<float>& s) {
    const auto spectrum = matrix(s, "S", "melspectrogram");
    if (spectrum.rows != mel.bins()) {
        throw InvalidInputError("S", "melspectrogram", std::to_string(mel.bins()) + " rows", std::to_string(spectrum.rows));
    }
    auto [array, view] = new_matrix<float>(mel.size(), spectrum.cols);
    run(spectrum.size() / 4, [&, out = view](const StopToken& stop) { mel.apply(spectrum, out, stop); });
    return array;
}

// The first n_out rows, of n values a frame. norm: 0 backward, 1 orthonormal, 2 forward.
struct Cosines {
    std::size_t n_out, n;
    int type, norm;
    // In samples: the matrix costs that of a cosine an entry, a product much less.
    [[nodiscard]] std::size_t work(std::size_t frames) const { return n_out * n * (1 + frames / 64); }
    void apply(MatrixView<const float> x, MatrixView<float> out, const StopToken& stop) const {
        audio::multiply(audio::dct_matrix(n_out, n, type, static_cast<audio::DctNorm>(norm), stop)->view(), x, out, stop);
    }
};

Array<float> dct(const Array<float>& x, std::size_t n_out, int type, int norm) {
    const auto values = matrix(x, "S", "mfcc");
    const Cosines cosines{std::min(n_out, values.rows), values.rows, type, norm};
    auto [array, view] = new_matrix<float>(cosines.n_out, values.cols);
    run(cosines.work(values.cols), [&, out = view](const StopToken& stop) { cosines.apply(values, out, stop); });
    return array;
}

// The same kernels as melspectrogram, power_to_db and dct one after another: equal bits.
Array<float> mfcc(const audio::MelFilterbank& mel, const Samples& y, const Samples& window, std::size_t hop_length, bool center, std::size_t n_mfcc,
                  int dct_type, int norm) {
    const Prepared p = prepare(y, window, hop_length, center);
    check_bins(p, mel);
    const Cosines cosines{std::min(n_mfcc, mel.size()), mel.size(), dct_type, norm};
    auto [array, view] = new_matrix<float>(cosines.n_out, p.frames);
    run(std::max(p.work(), cosines.work(p.frames)), [&, out = view](const StopToken& stop) {
        Matrix<float> energies(mel.size(), p.frames);
        mel_energies(p, mel, energies.view(), stop);
        audio::power_to_db(energies.values, 1e-10F, 80.0F);
        cosines.apply(energies.view(), out, stop);
    });
    return array;
}

}  // namespace

void register_audio_transforms(py::module_& m) {
    m.def("stft", &stft, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"));
    m.def("power_spectrogram", &power_spectrogram, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"));
    py::class_<audio::MelFilterbank>(m, "MelFilterbank")
        .def(py::init(&make_mel), py::arg("sr"), py::arg("n_fft"), py::arg("n_mels"), py::arg("fmin"), py::arg("fmax"), py::arg("htk"),
             py::arg("slaney_norm"), py::arg("norm"))
        .def("has_empty_bands", &audio::MelFilterbank::has_empty_bands)
        .def("dense", &mel_weights)
        .def("apply", &mel_bands, py::arg("s").noconvert())
        .def("melspectrogram", &melspectrogram, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"))
        .def("mfcc", &mfcc, py::arg("y").noconvert(), py::arg("window").noconvert(), py::arg("hop_length"), py::arg("center"), py::arg("n_mfcc"),
             py::arg("dct_type"), py::arg("norm"));
    m.def("power_to_db", [](Array<float> x, float amin, float top_db) {
        const std::span<float> values{x.mutable_data(), static_cast<std::size_t>(x.size())};
        released([&] { audio::power_to_db(values, amin, top_db); });
        return x;
    }, py::arg("x").noconvert(), py::arg("amin"), py::arg("top_db"), "In place; a negative top_db means no floor.");
    m.def("dct", &dct, py::arg("x").noconvert(), py::arg("n_out"), py::arg("type"), py::arg("norm"), "norm: 0 backward, 1 orthonormal, 2 forward.");
    m.def("delta", [](const Array<float>& x, std::size_t width, std::size_t order, std::size_t degree) {
        const auto values = matrix(x, "data", "delta");
        auto [array, view] = new_matrix<float>(values.rows, values.cols);
        const std::size_t ends = order < degree ? width * (degree + values.rows) : 0;
        run(width * (values.size() + ends) / 16, [&, out = view](const StopToken& stop) { audio::delta(values, width, order, degree, out, stop); });
        return array;
    }, py::arg("x").noconvert(), py::arg("width"), py::arg("order"), py::arg("degree"));
}

}  // namespace emotion::bindings
