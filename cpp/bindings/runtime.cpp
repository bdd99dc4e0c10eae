// The runtime room: a loaded model.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "emotion/runtime/model.hpp"
#include "emotion/runtime/model_file.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {
namespace {

using runtime::Model;

// Calls this small are made in place, without the thread that makes a call interruptible: they take under a tenth of a second.
bool is_short(std::size_t rows, std::size_t top_features) { return rows <= (top_features == 0 ? 64 : 1); }

std::span<const std::byte> bytes_of(const py::bytes& object) {
    const std::string_view view = object;
    return std::as_bytes(std::span(view.data(), view.size()));
}

// A path as the file system's bytes, also where it is not UTF-8.
std::string path_of(const py::str& text) {
    PyObject* const raw = PyUnicode_EncodeFSDefault(text.ptr());
    if (raw == nullptr) {
        throw py::error_already_set();
    }
    return py::reinterpret_steal<py::bytes>(raw);
}

// Sources view bytes objects that `list` keeps alive; the caller keeps `list`, a tuple that no other thread can change.
std::vector<audio::Source> sources_of(const py::tuple& list) {
    std::vector<audio::Source> sources;
    sources.reserve(list.size());
    for (const py::handle item : list) {
        if (py::isinstance<py::bytes>(item)) {
            sources.push_back(audio::Source::from_memory(bytes_of(py::reinterpret_borrow<py::bytes>(item))));
        } else if (py::isinstance<py::str>(item)) {
            sources.push_back(audio::Source::from_path(path_of(py::reinterpret_borrow<py::str>(item))));
        } else {
            throw InvalidInputError("source", "predict", "a path as text or bytes", "an object of another type");
        }
    }
    return sources;
}

py::dict predictions_dict(runtime::Predictions&& p) {
    py::dict result;
    result["probability"] = to_array(std::move(p.probability));
    result["label"] = to_array(std::move(p.label));
    result["confidence"] = to_array(std::move(p.confidence));
    result["abstained"] = to_array(std::move(p.abstained));
    result["out_of_distribution"] = to_array(std::move(p.out_of_distribution));
    result["has_label"] = to_array(std::move(p.has_label));
    result["top_column"] = to_array(std::move(p.top_column));
    result["top_value"] = to_array(std::move(p.top_value));
    result["top_contribution"] = to_array(std::move(p.top_contribution));
    return result;
}

py::dict clips_dict(runtime::ClipPredictions&& clips) {
    py::dict result = predictions_dict(std::move(clips.predictions));
    py::list status;
    py::list messages;
    py::list durations;
    for (const audio::ExtractStatus& s : clips.status) {
        status.append(s.status);
        messages.append(message_text(s.message));
        durations.append(s.info.levels.duration_s);
    }
    result["status"] = std::move(status);
    result["message"] = std::move(messages);
    result["duration_s"] = std::move(durations);
    result["warnings"] = clips.warnings;
    result["quality"] = clips.quality;
    return result;
}

// Runs work(parallel, token): in place without the GIL when it is short, interruptibly otherwise.
template <class F>
auto run(bool in_place, int n_jobs, F&& work) {
    if (in_place) {
        const py::gil_scoped_release release;  // safe: the model is const, arrays are held by the caller's frame
        StopToken token;
        Parallel parallel(n_jobs);
        return work(parallel, token);
    }
    return interruptible([&](StopToken& token) {
        Parallel parallel(n_jobs);
        return work(parallel, token);
    });
}

py::dict predict_features(const Model& model, const Array<float>& x, std::size_t top_features, int n_jobs) {
    const MatrixView<const float> view = matrix(x, "X", "predict_features");
    return predictions_dict(run(is_short(view.rows, top_features), n_jobs, [&](Parallel& parallel, StopToken& token) {
        return model.predict(view, top_features, parallel, token);
    }));
}

py::dict predict_clips(const Model& model, const py::tuple& list, std::size_t top_features, int n_jobs, const py::object& progress) {
    const std::vector<audio::Source> sources = sources_of(list);
    return clips_dict(interruptible([&](StopToken& token) {
        Parallel parallel(n_jobs);
        return model.predict_clips(sources, top_features, parallel, token);
    }, progress));
}

py::dict predict_samples(const Model& model, const Array<float>& samples, int sample_rate_hz, std::size_t top_features, int n_jobs) {
    const std::span<const float> view = vector(samples, "source", "predict");
    return clips_dict(run(false, n_jobs, [&](Parallel& parallel, StopToken& token) {
        return model.predict_samples(view, sample_rate_hz, top_features, parallel, token);
    }));
}

py::tuple explain(const Model& model, const Array<float>& x, int n_jobs) {
    const MatrixView<const float> view = matrix(x, "X", "explain");
    Array<double> values({static_cast<py::ssize_t>(view.rows), static_cast<py::ssize_t>(view.cols), static_cast<py::ssize_t>(model.n_classes())});
    auto [base, base_view] = new_vector<double>(model.n_classes());
    const std::span<double> values_view(values.mutable_data(), static_cast<std::size_t>(values.size()));
    const std::span<double> base_span = base_view;
    run(false, n_jobs, [&](Parallel& parallel, StopToken& token) { model.explain(view, values_view, base_span, parallel, token); });
    return py::make_tuple(values, base);
}

Array<double> raw_output(const Model& model, const Array<float>& x, int n_jobs) {
    const MatrixView<const float> view = matrix(x, "X", "raw_output");
    auto [out, out_view] = new_matrix<double>(view.rows, model.n_classes());
    const MatrixView<double> target = out_view;
    run(false, n_jobs, [&](Parallel& parallel, StopToken& token) { model.raw_output(view, target, parallel, token); });
    return out;
}

// What prediction sets go by; None for a model without them.
py::object set_quantiles(const Model& model) {
    if (!model.contents().sets) {
        return py::none();
    }
    return to_array(std::vector<double>(model.contents().sets->quantiles));
}

// What the labels of a row are chosen by; None for a model of one class a row.
py::object label_thresholds(const Model& model) {
    if (!model.contents().label_sets) {
        return py::none();
    }
    return to_array(std::vector<double>(model.contents().label_sets->thresholds));
}

std::unique_ptr<Model> from_bytes(const py::bytes& content, bool verify) {
    const std::span<const std::byte> view = bytes_of(content);
    const py::gil_scoped_release release;  // safe: `content` is held by the caller's frame and bytes never change
    return std::make_unique<Model>(
        runtime::parse_model_file(view, "model bytes", verify ? runtime::Checksum::verify : runtime::Checksum::ignore));
}

}  // namespace

void register_runtime(py::module_& m) {
    m.attr("MODEL_FORMAT_VERSION") = std::pair{runtime::model_format_major, runtime::model_format_minor};
    py::class_<Model>(m, "Model", "A fitted model, executed from its arrays.")
        .def_static("load", [](const py::str& path) {
            const std::string name = path_of(path);
            const py::gil_scoped_release release;  // safe: nothing of Python is touched
            return std::make_unique<Model>(runtime::load_model_file(name));
        }, py::arg("path"))
        .def_static("from_bytes", [](const py::bytes& content) { return from_bytes(content, true); }, py::arg("content"))
        .def_static("_from_bytes_unverified", [](const py::bytes& content) { return from_bytes(content, false); }, py::arg("content"),
                    "For tests: ignores the checksum, so that altered bytes reach the checks behind it.")
        .def_property_readonly("sha256", [](const Model& model) { return model.contents().sha256; })
        .def_property_readonly("metadata_json", [](const Model& model) { return model.contents().metadata_json; })
        .def_property_readonly("background", [](const Model& model) { return to_array(Matrix<float>(model.contents().background)); })
        .def_property_readonly("set_quantiles", &set_quantiles)
        .def_property_readonly("label_thresholds", &label_thresholds)
        .def_property_readonly("explained_output", &Model::explained_output)
        .def("predict_features", &predict_features, py::arg("X").noconvert(), py::arg("top_features"), py::arg("n_jobs"))
        .def("predict_clips", &predict_clips, py::arg("sources"), py::arg("top_features"), py::arg("n_jobs"), py::arg("progress") = py::none())
        .def("predict_samples", &predict_samples, py::arg("samples").noconvert(), py::arg("sample_rate_hz"), py::arg("top_features"),
             py::arg("n_jobs"))
        .def("explain", &explain, py::arg("X").noconvert(), py::arg("n_jobs"))
        .def("raw_output", &raw_output, py::arg("X").noconvert(), py::arg("n_jobs"));
}

}  // namespace emotion::bindings
