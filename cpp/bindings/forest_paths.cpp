// What a fitted forest tells about single rows: their leaves, their paths, and their out-of-bag shares made again.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arrays.hpp"
#include "bound_forest.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/trees/forest_paths.hpp"
#include "emotion/trees/out_of_bag.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "step_options.hpp"
#include "tree_models.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

MatrixView<const float> checked(const BoundForest& self, const Array<float>& x, const char* caller) {
    return checked_rows(x, self.forest.n_features, caller);
}

py::array apply(const BoundForest& self, const Array<float>& x, int n_jobs) {
    const auto view = checked(self, x, "forest_apply");
    auto [array, out] = new_matrix<std::int64_t>(view.rows, self.forest.n_trees());
    interruptible([&, target = out](StopToken& stop) {
        Parallel parallel(n_jobs);
        trees::apply(self.forest, view, target, parallel, stop);
    });
    return array;
}

py::tuple decision_paths(const BoundForest& self, const Array<float>& x, int n_jobs) {
    const auto view = checked(self, x, "forest_decision_paths");
    trees::DecisionPaths paths = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return trees::decision_paths(self.forest, view, parallel, stop);
    });
    return py::make_tuple(to_array(std::move(paths.starts)), to_array(std::move(paths.nodes)));
}

py::array out_of_bag(const BoundForest& self, const Array<float>& x, const py::dict& options, int n_jobs) {
    const auto view = checked(self, x, "forest_out_of_bag");
    const runtime::ForestSpec spec = forest_spec(options, self.forest.n_classes);
    trees::ForestOptions native = spec.options;
    trees::set_sizes(native, spec.sizes, view.rows, view.cols);
    trees::OutOfBag made = interruptible([&](StopToken& stop) {
        Parallel parallel(n_jobs);
        return trees::out_of_bag_of(self.forest, view, native, parallel, stop);
    });
    return to_array(std::move(made.probability));
}

}  // namespace

void register_forest_paths(py::module_& m) {
    m.def("forest_apply", &apply, py::arg("forest"), py::arg("X").noconvert(), py::arg("n_jobs") = 1,
          "The leaf of each row in each tree, rows x trees, counted in the tree.");
    m.def("forest_decision_paths", &decision_paths, py::arg("forest"), py::arg("X").noconvert(), py::arg("n_jobs") = 1,
          "The nodes that each row passes, counted over the forest, as the row starts and columns of a sparse matrix.");
    m.def("forest_out_of_bag", &out_of_bag, py::arg("forest"), py::arg("X").noconvert(), py::arg("options"), py::arg("n_jobs") = 1,
          "Out-of-bag class shares of the rows that all trees were fitted on, rows x classes; NaN where every tree drew the row.");
}

}  // namespace emotion::bindings
