#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "arrays.hpp"
#include "emotion/sampling/random_over_sampler.hpp"
#include "rooms.hpp"
#include "step_options.hpp"

namespace py = pybind11;

namespace emotion::bindings {

void register_sampling(py::module_& m) {
    m.def("random_over_sample", [](const Array<std::int32_t>& y, std::size_t n_classes, const py::dict& options) {
        const auto labels = vector(y, "y", "RandomOverSampler.fit_resample");
        const sampling::OverSamplerOptions sampler = over_sampler_options(options);
        for (const std::int32_t label : labels) {
            if (label < 0 || static_cast<std::size_t>(label) >= n_classes) {
                throw InvalidInputError("y", "RandomOverSampler.fit_resample", "class numbers below n_classes", std::to_string(label));
            }
        }
        if (labels.empty()) {
            throw InvalidInputError("y", "RandomOverSampler.fit_resample", "at least one label", "none");
        }
        std::vector<std::int64_t> positions;
        {
            const py::gil_scoped_release release;  // safe: y is held by the caller's frame
            positions = sampling::random_over_sample(labels, n_classes, sampler);
        }
        return to_array(std::move(positions));
    }, py::arg("y").noconvert(), py::arg("n_classes"), py::arg("options"), "Positions of all rows, then of the copies drawn class by class.");
}

}  // namespace emotion::bindings
