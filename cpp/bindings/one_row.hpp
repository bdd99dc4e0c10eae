// One row straight from a caller's NumPy array, for predictions that cost less than validation in Python. Where any check fails there is no row and
// the caller goes the long way round, whose messages say what is wrong. Views here live as long as the GIL is held and the arrays are.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace emotion::bindings {

namespace py = pybind11;

// The parts of an array that is exactly NumPy's, aligned, in the machine's byte order, and of float32 or float64; null for all else.
inline const py::detail::PyArray_Proxy* plain_floats(PyObject* object, int ndim) {
    using Api = py::detail::npy_api;
    if (object == nullptr || Py_TYPE(object) != Api::get().PyArray_Type_) {
        return nullptr;
    }
    const auto* const array = py::detail::array_proxy(object);
    const auto* const type = py::detail::array_descriptor_proxy(array->descr);
    const bool floats = (type->type_num == Api::NPY_FLOAT_ || type->type_num == Api::NPY_DOUBLE_) && type->byteorder == '=';
    return floats && array->nd == ndim && (array->flags & Api::NPY_ARRAY_ALIGNED_) != 0 ? array : nullptr;
}

inline bool is_double(const py::detail::PyArray_Proxy* array) {
    return py::detail::array_descriptor_proxy(array->descr)->type_num == py::detail::npy_api::NPY_DOUBLE_;
}

// Fitted numbers: float64, C-contiguous; null for all else.
inline const py::detail::PyArray_Proxy* plain_doubles(PyObject* object, int ndim) {
    const auto* const array = plain_floats(object, ndim);
    return array != nullptr && is_double(array) && (array->flags & py::array::c_style) != 0 ? array : nullptr;
}

// The one row of X, which must outlive this; none unless X is a plain matrix of one row. Any stride between columns will do.
class OneRow {
public:
    explicit OneRow(const py::object& X) : array_(plain_floats(X.ptr(), 2)) {
        if (array_ != nullptr && (array_->dimensions[0] != 1 || array_->dimensions[1] < 1)) {
            array_ = nullptr;
        }
    }

    [[nodiscard]] bool found() const { return array_ != nullptr; }
    [[nodiscard]] std::size_t cols() const { return static_cast<std::size_t>(array_->dimensions[1]); }
    [[nodiscard]] bool doubles() const { return is_double(array_); }

    // The row as T: where it lies, or copied to `place` where it is strided or of the other type.
    template <class T>
    [[nodiscard]] const T* as(std::vector<T>& place) const {
        const bool together = cols() == 1 || array_->strides[1] == static_cast<py::ssize_t>(doubles() ? sizeof(double) : sizeof(float));
        if (together && doubles() == std::is_same_v<T, double>) {
            return reinterpret_cast<const T*>(array_->data);
        }
        place.resize(cols());
        const char* from = array_->data;
        for (T& value : place) {
            value = static_cast<T>(doubles() ? *reinterpret_cast<const double*>(from) : static_cast<double>(*reinterpret_cast<const float*>(from)));
            from += array_->strides[1];
        }
        return place.data();
    }

private:
    const py::detail::PyArray_Proxy* array_;
};

// Whether all values are finite, or where NaN is allowed, none infinite. By bits: no sum that could overflow.
template <bool allow_nan>
inline bool sound(const float* values, std::size_t n) {
    constexpr std::uint32_t infinity = 0x7f800000U;
    std::uint32_t bad = 0;
    for (std::size_t j = 0; j < n; ++j) {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[j]) & 0x7fffffffU;
        bad |= static_cast<std::uint32_t>(allow_nan ? bits == infinity : bits >= infinity);
    }
    return bad == 0;
}
template <bool allow_nan>
inline bool sound(const double* values, std::size_t n) {
    constexpr std::uint64_t infinity = 0x7ff0000000000000ULL;
    std::uint64_t bad = 0;
    for (std::size_t j = 0; j < n; ++j) {
        const std::uint64_t bits = std::bit_cast<std::uint64_t>(values[j]) & 0x7fffffffffffffffULL;
        bad |= static_cast<std::uint64_t>(allow_nan ? bits == infinity : bits >= infinity);
    }
    return bad == 0;
}

// An estimator's attributes, looked up by names that are made once.
class Attributes {
public:
    explicit Attributes(const py::dict& attributes) : attributes_(attributes.ptr()) {}

    // Borrowed; null where absent.
    [[nodiscard]] PyObject* operator[](PyObject* name) const { return PyDict_GetItemWithError(attributes_, name); }

    // Whether rows of so many columns are the fitted ones: that number, and no names that a message would have to compare.
    [[nodiscard]] bool take(std::size_t cols) const {
        static PyObject* const width = PyUnicode_InternFromString("n_features_in_");
        static PyObject* const names = PyUnicode_InternFromString("feature_names_in_");
        PyObject* const expected = (*this)[width];
        int overflow = 0;
        const bool number = expected != nullptr && PyLong_CheckExact(expected) != 0;
        return number && PyLong_AsLongLongAndOverflow(expected, &overflow) == static_cast<long long>(cols) && (*this)[names] == nullptr;
    }

private:
    PyObject* attributes_;
};

}  // namespace emotion::bindings
