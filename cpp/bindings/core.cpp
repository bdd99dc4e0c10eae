#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "emotion/core/errors.hpp"
#include "emotion/core/memory.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/sha256.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {

void register_core(py::module_& m) {
    m.attr("__version__") = EMOTION_VERSION;
    m.def("tbb_versions", [] { return std::pair{tbb_header_version(), tbb_runtime_version()}; },
          "Interface versions of oneTBB: of the compiled headers and of the loaded library.");
    m.def("physical_memory", &physical_memory, "Bytes of the machine's memory, bounded by the control group's limit.");
    m.def("sha256_hex", [](const py::bytes& data) {
        const std::string_view view = data;
        const py::gil_scoped_release release;  // safe: `data` is held by the caller's frame and bytes never change
        return sha256_hex(std::as_bytes(std::span(view.data(), view.size())));
    }, py::arg("data"), "SHA-256 of bytes as 64 hexadecimal digits.");

    // For the tests of the error translator and of cancellation; nothing else calls them.
    m.def("_raise", [](const std::string& kind) {
        if (kind == "invalid_input") {
            throw InvalidInputError("x", "f", "positive", "-1");
        }
        if (kind == "media_decode") {
            throw MediaDecodeError("corrupt", "clip.wav cannot be decoded");
        }
        if (kind == "model_format") {
            throw ModelFormatError("model");
        }
        if (kind == "leakage") {
            throw LeakageError("leakage");
        }
        throw Error(kind);
    }, py::arg("kind"));
    m.def("_spin", [](double seconds, int n_threads, const py::object& progress) {
        interruptible([&](StopToken& token) {
            Parallel parallel(n_threads);
            const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
            parallel.each(static_cast<std::size_t>(n_threads), [&](std::size_t) {
                while (std::chrono::steady_clock::now() < end) {
                    token.check();
                    token.advance();
                }
            });
        }, progress);
    }, py::arg("seconds"), py::arg("n_threads"), py::arg("progress") = py::none());
}

}  // namespace emotion::bindings
