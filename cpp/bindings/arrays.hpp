// NumPy arrays in and out, without copies. Arrays must be C-contiguous and of the exact dtype: emotion_native._validation is the one place
// that may convert; this is the second, cheap wall behind it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/views.hpp"

namespace emotion::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;  // bind with py::arg("…").noconvert()

// What an error or a row says, as a str: messages name files, whose names need not be UTF-8.
inline py::object message_text(std::string_view message) {
    return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(message.data(), static_cast<py::ssize_t>(message.size()), "backslashreplace"));
}

inline std::string shape_text(const py::array& array) {
    std::string text = "(";
    for (py::ssize_t i = 0; i < array.ndim(); ++i) {
        text += (i ? ", " : "") + std::to_string(array.shape(i));
    }
    return text + ")";
}

template <class T>
MatrixView<const T> matrix(const Array<T>& array, const char* parameter, const char* caller) {
    if (array.ndim() != 2) {
        throw InvalidInputError(parameter, caller, "a 2-d array", "an array of shape " + shape_text(array));
    }
    return {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
}

template <class T>
std::span<const T> vector(const Array<T>& array, const char* parameter, const char* caller) {
    if (array.ndim() != 1) {
        throw InvalidInputError(parameter, caller, "a 1-d array", "an array of shape " + shape_text(array));
    }
    return {array.data(), static_cast<std::size_t>(array.shape(0))};
}

// A new uninitialised array and a view to fill it.
template <class T>
std::pair<Array<T>, MatrixView<T>> new_matrix(std::size_t rows, std::size_t cols) {
    Array<T> array({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(cols)});
    return {array, MatrixView<T>{array.mutable_data(), rows, cols}};
}

template <class T>
std::pair<Array<T>, std::span<T>> new_vector(std::size_t n) {
    Array<T> array(static_cast<py::ssize_t>(n));
    return {array, std::span<T>{array.mutable_data(), n}};
}

// Hands a vector's memory to NumPy without copying it.
template <class T>
Array<T> to_array(std::vector<T>&& values) {
    auto owner = std::make_unique<std::vector<T>>(std::move(values));
    T* const data = owner->data();
    const auto n = static_cast<py::ssize_t>(owner->size());
    py::capsule capsule(owner.get(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
    owner.release();
    return Array<T>(n, data, capsule);
}

template <class T>
Array<T> to_array(Matrix<T>&& m) {
    const auto rows = static_cast<py::ssize_t>(m.rows);
    const auto cols = static_cast<py::ssize_t>(m.cols);
    auto flat = to_array(std::move(m.values));
    return Array<T>({rows, cols}, flat.data(), flat);
}

}  // namespace emotion::bindings
