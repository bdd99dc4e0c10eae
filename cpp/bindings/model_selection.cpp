#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <span>
#include <vector>

#include "arrays.hpp"
#include "emotion/model_selection/fold_assignment.hpp"
#include "emotion/model_selection/groups.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {

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

    m.def("stratified_folds", [](const Array<double>& counts, std::size_t n_splits) {
        const auto view = matrix(counts, "counts", "stratified_folds");
        return to_array(interruptible([&](StopToken& stop) { return model_selection::stratified_folds(view, n_splits, stop); }));
    }, py::arg("counts").noconvert(), py::arg("n_splits"), "The fold of each group (rows of class counts), in the given order; none stays empty.");
}

}  // namespace emotion::bindings
