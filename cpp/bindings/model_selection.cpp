#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "emotion/model_selection/class_counts.hpp"
#include "emotion/model_selection/class_spread.hpp"
#include "emotion/model_selection/factorize.hpp"
#include "emotion/model_selection/fold_assignment.hpp"
#include "emotion/model_selection/fold_rows.hpp"
#include "emotion/model_selection/groups.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {
namespace {

py::tuple as_tuple(model_selection::Factorized&& result) {
    return py::make_tuple(to_array(std::move(result.codes)), to_array(std::move(result.first)));
}

}  // namespace

void register_model_selection(py::module_& m) {
    m.def("join_groups", [](const std::vector<Array<std::int64_t>>& keys) {
        std::vector<std::span<const std::int64_t>> views;
        views.reserve(keys.size());
        for (const auto& key : keys) {
            views.push_back(vector(key, "keys", "join_groups"));
        }
        std::vector<std::int64_t> components;
        {
            const py::gil_scoped_release release;  // safe: the argument holds the arrays, and only plain C++ objects are touched
            components = model_selection::join_groups(views);
        }
        return to_array(std::move(components));
    }, py::arg("keys"), "Connected components of rows that share a code (int64; negative: unknown) of any key.");

    m.def("balanced_folds", [](const Array<std::int64_t>& group_sizes, std::size_t n_splits) {
        const auto sizes = vector(group_sizes, "group_sizes", "balanced_folds");
        std::vector<std::int64_t> folds;
        {
            const py::gil_scoped_release release;  // safe: as above
            folds = model_selection::balanced_folds(sizes, n_splits);
        }
        return to_array(std::move(folds));
    }, py::arg("group_sizes").noconvert(), py::arg("n_splits"), "The fold of each group: largest first, each into the lightest fold.");

    m.def("stratified_folds", [](const Array<std::int64_t>& groups, std::size_t n_groups, const Array<std::int64_t>& labels, std::size_t n_classes,
                                 const Array<std::int64_t>& order, std::size_t n_splits) {
        const auto group = vector(groups, "groups", "stratified_folds");
        const auto label = vector(labels, "labels", "stratified_folds");
        const auto in_order = vector(order, "order", "stratified_folds");
        return to_array(interruptible([&](StopToken& stop) {
            const auto counts = model_selection::count_classes(group, n_groups, label, n_classes, stop);
            auto folds = model_selection::stratified_folds(counts, in_order, n_splits, stop);
            model_selection::spread_classes(counts, n_splits, folds, stop);
            return folds;
        }));
    }, py::arg("groups").noconvert(), py::arg("n_groups"), py::arg("labels").noconvert(), py::arg("n_classes"), py::arg("order").noconvert(), py::arg("n_splits"),
       "The fold of each group such that class shares are even, no fold is empty and classes are in as many folds as they can be.");

    m.def("factorize", [](const py::array& values) {
        if (values.ndim() != 1 || (values.flags() & py::array::c_style) == 0) {
            throw InvalidInputError("values", "factorize", "a contiguous 1-d array", "an array of shape " + shape_text(values));
        }
        const auto width = static_cast<std::size_t>(values.itemsize());
        const std::span<const std::byte> bytes(static_cast<const std::byte*>(values.data()), static_cast<std::size_t>(values.shape(0)) * width);
        // Object arrays are read as the addresses of their objects, which stay alive and in place while the caller holds the array.
        return as_tuple(width == 0 ? model_selection::Factorized{} : interruptible([&](StopToken& stop) { return model_selection::factorize(bytes, width, stop); }));
    }, py::arg("values"), "Codes of elements with equal bytes (objects: with equal identity), in order of appearance, and the first row of each.");

    m.def("factorize_sorted", [](const Array<std::int64_t>& values) {
        const auto view = vector(values, "values", "factorize_sorted");
        return as_tuple(interruptible([&](StopToken& stop) { return model_selection::factorize_sorted(view, stop); }));
    }, py::arg("values").noconvert(), "Codes of integers in increasing order of the values, and the first row of each.");

    m.def("rows_by_fold", [](const Array<std::int64_t>& groups, const Array<std::int64_t>& fold_of_group, std::size_t n_folds) {
        const auto group = vector(groups, "groups", "rows_by_fold");
        const auto fold = vector(fold_of_group, "fold_of_group", "rows_by_fold");
        auto result = interruptible([&](StopToken& stop) { return model_selection::rows_by_fold(group, fold, n_folds, stop); });
        return py::make_tuple(to_array(std::move(result.rows)), to_array(std::move(result.start)));
    }, py::arg("groups").noconvert(), py::arg("fold_of_group").noconvert(), py::arg("n_folds"),
       "Rows sorted by the fold of their group (empty fold_of_group: by group; fold -1: left out), and where each fold begins.");

    m.def("other_rows", [](const Array<std::int64_t>& part, std::size_t n) {
        const auto taken = vector(part, "part", "other_rows");
        if (taken.size() > n) {
            throw InvalidInputError("part", "other_rows", "at most " + std::to_string(n) + " rows", std::to_string(taken.size()));
        }
        auto [array, out] = new_vector<std::int64_t>(n - taken.size());
        {
            const py::gil_scoped_release release;  // safe: as above
            model_selection::other_rows(taken, n, out);
        }
        return array;
    }, py::arg("part").noconvert(), py::arg("n"), "The rows of 0 … n - 1 that are not in part (strictly increasing).");
}

}  // namespace emotion::bindings
