// The one translator from the core's typed errors to the classes of emotion_native.exceptions.
#include "emotion/core/errors.hpp"

#include <pybind11/pybind11.h>

#include <new>

#include "arrays.hpp"
#include "rooms.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

void raise(const char* class_name, const std::exception& error) {
    const py::object type = py::module_::import("emotion_native.exceptions").attr(class_name);
    PyErr_SetObject(type.ptr(), message_text(error.what()).ptr());
}

}  // namespace

void register_errors(py::module_&) {
    py::register_exception_translator([](std::exception_ptr pointer) {
        if (!pointer) {
            return;
        }
        try {
            std::rethrow_exception(pointer);
        } catch (const MediaDecodeError& error) {
            const py::object type = py::module_::import("emotion_native.exceptions").attr("MediaDecodeError");
            const py::object instance = type(message_text(error.what()), py::arg("reason") = error.reason());
            PyErr_SetObject(type.ptr(), instance.ptr());
        } catch (const ModelFormatError& error) {
            raise("ModelFormatError", error);
        } catch (const LeakageError& error) {
            raise("LeakageError", error);
        } catch (const InvalidInputError& error) {
            raise("InvalidInputError", error);
        } catch (const Cancelled&) {
            PyErr_SetNone(PyExc_KeyboardInterrupt);
        } catch (const Error& error) {
            raise("EmotionNativeError", error);
        }
    });
}

}  // namespace emotion::bindings
