// Features of a signal that is still coming. Samples must be float32 and C-contiguous: emotion_native.audio converts.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "audio_input.hpp"
#include "emotion/audio/stream.hpp"

namespace emotion::bindings {
namespace {

constexpr std::size_t many_samples = 200'000;  // to look at, window by window: below, a call takes milliseconds

std::shared_ptr<audio::FramePlan> make_plan(const std::vector<std::string>& descriptors, double sample_rate_hz, const Array<float>& window,
                                            std::size_t hop_length, bool center, std::optional<audio::MelFilterbank> mel, std::size_t n_mfcc,
                                            double tuning) {
    audio::FrameOptions options;
    for (const std::string& name : descriptors) {
        options.descriptors.push_back(audio::frame_descriptor_of(name, "FeatureStream"));
    }
    options.sample_rate_hz = sample_rate_hz;
    const auto values = vector(window, "window", "FeatureStream");
    options.window.assign(values.begin(), values.end());
    options.hop_length = hop_length;
    options.center = center;
    options.mel = std::move(mel);
    options.n_mfcc = n_mfcc;
    options.tuning = tuning;
    return std::make_shared<audio::FramePlan>(std::move(options));
}

// A stream and its lock: one call at a time, others are refused rather than made to wait.
class BoundStream {
public:
    BoundStream(int sample_rate_hz, std::shared_ptr<const audio::FramePlan> plan, const std::optional<std::string>& feature_set, std::size_t window_length,
                std::size_t window_hop, int feature_rate_hz)
        : plan_(std::move(plan)),
          window_length_(window_length),
          stream_(sample_rate_hz, plan_, windows(feature_set, window_length, window_hop, feature_rate_hz)) {}

    py::tuple push(const Array<float>& samples) {
        const Turn turn(busy_, "push");
        const auto x = vector(samples, "samples", "push");
        return give(stream_.upcoming(x.size()), x.size(), [&](auto frames, auto given, const StopToken& stop) { stream_.push(x, frames, given, stop); });
    }
    py::tuple flush() {
        const Turn turn(busy_, "flush");
        return give(stream_.remaining(), 0, [&](auto frames, auto given, const StopToken& stop) { stream_.flush(frames, given, stop); });
    }
    void reset() {
        const Turn turn(busy_, "reset");
        stream_.reset();
    }
    [[nodiscard]] std::uint64_t samples() const { return stream_.samples(); }
    [[nodiscard]] bool ended() const { return stream_.ended(); }
    [[nodiscard]] std::vector<std::string> frame_names() const { return plan_ ? plan_->names() : std::vector<std::string>{}; }

private:
    class Turn {
    public:
        Turn(std::atomic<bool>& busy, const char* caller) : busy_(busy) {
            if (busy.exchange(true)) {
                throw InvalidInputError("stream", caller, "used by one thread at a time", "a call while another one runs");
            }
        }
        ~Turn() { busy_.store(false); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        std::atomic<bool>& busy_;
    };

    static std::optional<audio::WindowOptions> windows(const std::optional<std::string>& set, std::size_t length, std::size_t hop, int rate_hz) {
        if (!set) {
            return std::nullopt;
        }
        return audio::WindowOptions{audio::feature_set_of(*set, "FeatureStream"), length, hop, rate_hz};
    }

    // (frames, number of the first, windows, number of the first). A call of some length runs so that Ctrl-C can stop it.
    template <class F>
    py::tuple give(audio::FeatureStream::Counts counts, std::size_t pushed, F&& work) {
        const auto first_frame = stream_.frames(), first_window = stream_.windows();
        auto [frames, frames_view] = new_matrix<float>(plan_ ? plan_->names().size() : 0, counts.frames);
        auto [given, given_view] = new_matrix<float>(counts.windows, stream_.n_features());
        run(pushed + counts.windows * window_length_, [&, a = frames_view, b = given_view](const StopToken& stop) { work(a, b, stop); }, many_samples);
        return py::make_tuple(frames, first_frame, given, first_window);
    }

    std::shared_ptr<const audio::FramePlan> plan_;
    std::size_t window_length_;
    audio::FeatureStream stream_;
    std::atomic<bool> busy_{false};
};

}  // namespace

void register_audio_stream(py::module_& m) {
    m.def("frame_descriptors", [] { return std::vector<std::string>(audio::frame_descriptor_names.begin(), audio::frame_descriptor_names.end()); });
    py::class_<audio::FramePlan, std::shared_ptr<audio::FramePlan>>(m, "FramePlan")
        .def(py::init(&make_plan), py::arg("descriptors"), py::arg("sample_rate_hz"), py::arg("window").noconvert(), py::arg("hop_length"),
             py::arg("center"), py::arg("mel"), py::arg("n_mfcc"), py::arg("tuning"));
    py::class_<BoundStream>(m, "FeatureStream")
        .def(py::init([](int sample_rate_hz, std::optional<std::shared_ptr<audio::FramePlan>> plan, const std::optional<std::string>& feature_set,
                         std::size_t window_length, std::size_t window_hop, int feature_rate_hz) {
            return std::make_unique<BoundStream>(sample_rate_hz, plan.value_or(nullptr), feature_set, window_length, window_hop, feature_rate_hz);
        }), py::arg("sample_rate_hz"), py::arg("plan"), py::arg("feature_set"), py::arg("window_length"), py::arg("window_hop"),
             py::arg("feature_rate_hz"), "feature_rate_hz 0: that of the stream.")
        .def("push", &BoundStream::push, py::arg("samples").noconvert(), "(frames, number of the first, windows, number of the first)")
        .def("flush", &BoundStream::flush)
        .def("reset", &BoundStream::reset)
        .def_property_readonly("samples", &BoundStream::samples)
        .def_property_readonly("ended", &BoundStream::ended)
        .def_property_readonly("frame_names", &BoundStream::frame_names);
}

}  // namespace emotion::bindings
