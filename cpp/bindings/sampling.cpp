#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "emotion/core/parallel.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"
#include "step_options.hpp"

namespace py = pybind11;

namespace emotion::bindings {
namespace {

std::span<const std::int32_t> checked_labels(const Array<std::int32_t>& y, std::size_t n_classes, const char* caller) {
    const auto labels = vector(y, "y", caller);
    for (const std::int32_t label : labels) {
        if (label < 0 || static_cast<std::size_t>(label) >= n_classes) {
            throw InvalidInputError("y", caller, "class numbers below n_classes", std::to_string(label));
        }
    }
    if (labels.empty()) {
        throw InvalidInputError("y", caller, "at least one label", "none");
    }
    return labels;
}

py::array_t<std::int64_t> shortages_array(const std::vector<sampling::Shortage>& shortages) {
    auto [array, view] = new_matrix<std::int64_t>(shortages.size(), 4);
    for (std::size_t k = 0; k < shortages.size(); ++k) {
        const sampling::Shortage& s = shortages[k];
        std::copy_n(std::vector<std::int64_t>{s.wanted, s.bases, s.fewer, s.alone}.begin(), 4, view.row(k).begin());
    }
    return array;
}

template <class T>
void register_smote(py::module_& m) {
    m.def("smote", [](const Array<T>& X, const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options,
                      const std::optional<Array<std::int32_t>>& shared, int n_jobs) {
        const sampling::SmoteOptions smote = smote_options(options);
        const auto x = matrix(X, "X", smote.caller());
        const auto labels = checked_labels(y, n_classes, smote.caller());
        if (labels.size() != x.rows) {
            throw InvalidInputError("y", smote.caller(), "one label a row", shape_text(y));
        }
        std::span<const std::int32_t> codes;
        if (shared) {
            codes = vector(*shared, "shared", smote.caller());
        }
        Parallel parallel(n_jobs);
        sampling::SyntheticRows rows = interruptible([&](StopToken& stop) {
            if (!std::all_of(x.data, x.data + x.size(), [](T v) { return std::isfinite(v); })) {
                throw InvalidInputError("X", smote.caller(), "free of NaN and infinity", "NaN or infinity");
            }
            return sampling::plan_synthetic_rows(x, labels, n_classes, codes, smote, parallel, stop);
        });
        auto [out, view] = new_matrix<T>(x.rows + rows.base.size(), x.cols);
        interruptible([&, &view = view](StopToken& stop) {
            std::copy(x.data, x.data + x.size(), view.data);
            sampling::write_synthetic_rows(x, rows, MatrixView<T>{view.data + x.size(), rows.base.size(), x.cols}, parallel, stop);
        });
        const py::array_t<std::int64_t> shortages = shortages_array(rows.shortages);
        return py::make_tuple(out, to_array(std::move(rows.base)), to_array(std::move(rows.neighbour)), to_array(std::move(rows.weight)), shortages);
    }, py::arg("X").noconvert(), py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"),
          py::arg("shared").none(true).noconvert() = py::none(), py::arg("n_jobs") = 1,
          "All rows, then synthetic ones; base, neighbour and weight of each synthetic row; wanted, bases, fewer and alone of each class.");
}

}  // namespace

void register_sampling(py::module_& m) {
    m.def("random_over_sample", [](const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options) {
        const auto labels = checked_labels(y, n_classes, "RandomOverSampler.fit_resample");
        const sampling::OverSamplerOptions sampler = over_sampler_options(options);
        std::vector<std::int64_t> positions;
        {
            const py::gil_scoped_release release;  // safe: y is held by the caller's frame
            positions = sampling::random_over_sample(labels, n_classes, sampler);
        }
        return to_array(std::move(positions));
    }, py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"), "Positions of all rows, then of the copies drawn class by class.");
    m.def("random_under_sample", [](const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options) {
        const auto labels = checked_labels(y, n_classes, "RandomUnderSampler.fit_resample");
        const sampling::UnderSamplerOptions sampler = under_sampler_options(options);
        std::vector<std::int64_t> positions;
        {
            const py::gil_scoped_release release;  // safe: y is held by the caller's frame
            positions = sampling::random_under_sample(labels, n_classes, sampler);
        }
        return to_array(std::move(positions));
    }, py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"), "Positions of the kept rows, class by class.");
    register_smote<float>(m);
    register_smote<double>(m);
}

}  // namespace emotion::bindings
