// What the bound tree models share: read-only views of their arrays, reading arrays of unknown origin, and running predictions.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "interruptible.hpp"
#include "one_row.hpp"

namespace emotion::bindings {

// A view of one of a model's arrays, which keeps the model alive and cannot be written to.
template <class T>
py::array view_of(const py::object& owner, const std::vector<T>& values) {
    py::array_t<T> array(static_cast<py::ssize_t>(values.size()), values.data(), owner);
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

// Reads the arrays of one kind of model; ModelFormatError where a key is absent or of another type. What the arrays say is checked afterwards.
class ArrayReader {
public:
    ArrayReader(const py::dict& arrays, const char* kind) : arrays_(arrays), kind_(kind) {}

    template <class T>
    void operator()(const char* key, std::vector<T>& place, int ndim = 1) const {
        if (!arrays_.contains(key) || !py::isinstance<Array<T>>(py::object(arrays_[key]))) {
            fail(key, "must be a C-contiguous array of its documented dtype");
        }
        const auto array = arrays_[key].template cast<Array<T>>();
        if (array.ndim() != ndim) {
            fail(key, "must have " + std::to_string(ndim) + " dimensions");
        }
        place.assign(array.data(), array.data() + array.size());
    }

    void operator()(const char* key, std::size_t& place) const {
        if (arrays_.contains(key) && PyLong_Check(py::object(arrays_[key]).ptr()) != 0) {
            place = PyLong_AsSize_t(py::object(arrays_[key]).ptr());
            if (PyErr_Occurred() == nullptr) {
                return;
            }
            PyErr_Clear();
        }
        fail(key, "must be a positive integer, not huge");
    }

private:
    [[noreturn]] void fail(const char* key, const std::string& rule) const { throw ModelFormatError(std::string(kind_) + " arrays: " + key + " " + rule); }

    const py::dict& arrays_;
    const char* kind_;
};

// Calls each(name, array) for the arrays that all models of trees have.
template <class Model, class Each>
void for_node_arrays(Model& model, const Each& each) {
    each("tree_offsets", model.tree_offsets);
    each("feature", model.feature);
    each("threshold", model.threshold);
    each("left", model.left);
    each("right", model.right);
    each("missing_left", model.missing_left);
    each("cover", model.cover);
}

// What all bound models of trees offer: their arrays, together and by name, and copies: of something immutable that is itself, or its arrays in a pickle.
template <class Type, class Names, class FromArrays>
void def_arrays(Type& type, pybind11::dict (*arrays)(const pybind11::object&), const Names& names, const FromArrays& from_arrays, const char* from_doc) {
    namespace py = pybind11;
    type.def("arrays", arrays, "Every array by its name, as from_arrays takes them.")
        .def_static("from_arrays", from_arrays, py::arg("arrays"), from_doc)
        .def("__copy__", [](const py::object& self) { return self; })
        .def("__deepcopy__", [](const py::object& self, const py::dict&) { return self; }, py::arg("memo"))
        .def(py::pickle([arrays](const py::object& self) { return arrays(self); }, [from_arrays](const py::dict& state) { return from_arrays(state); }));
    names([&](const char* name, const auto&) {
        type.def_property_readonly(name, [arrays, name](const py::object& self) { return py::array(py::object(arrays(self)[name])); });
    });
    type.def_property_readonly("value", [arrays](const py::object& self) { return py::array(py::object(arrays(self)["value"])); });
}

// A 2-d array with the columns that the model was fitted on.
inline MatrixView<const float> checked_rows(const Array<float>& x, std::size_t n_features, const char* caller) {
    const auto view = matrix(x, "X", caller);
    if (view.cols != n_features) {
        throw InvalidInputError("X", caller, "a matrix of " + std::to_string(n_features) + " columns", shape_text(x));
    }
    return view;
}

// Probabilities of one row by the model that `attributes` are of, or None where the row or they are not plain. A few microseconds: not worth
// releasing the GIL.
template <class Predictor>
py::object predict_one(const Predictor& predictor, std::size_t n_features, std::size_t n_classes, const py::dict& attributes, const py::object& X) {
    const OneRow given(X);
    if (!given.found() || given.cols() != n_features || !Attributes(attributes).take(n_features)) {
        return py::none();
    }
    std::vector<float> place;
    const float* const row = given.as(place);
    if (!sound<true>(row, n_features)) {
        return py::none();
    }
    auto [array, out] = new_matrix<double>(1, n_classes);
    predictor.predict_row(row, out.data);
    return array;
}

// Calls work(parallel, stop) for so many walks of a row through a tree. Short calls release the GIL and run in place; long ones can be interrupted.
template <class Work>
void run_prediction(std::size_t walks, int n_jobs, const Work& work) {
    if (walks < 1'000'000) {
        const py::gil_scoped_release release;  // safe: the caller's frame holds the arrays, the plan is immutable
        StopToken stop;
        Parallel parallel(n_jobs);
        work(parallel, stop);
        return;
    }
    interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        work(parallel, stop);
    });
}

}  // namespace emotion::bindings
