#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>

#include "arrays.hpp"
#include "emotion/calibration/sigmoid.hpp"
#include "emotion/calibration/temperature.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {

void register_calibration(py::module_& m) {
    m.attr("PROBABILITY_FLOOR") = calibration::probability_floor;
    m.attr("MIN_TEMPERATURE") = calibration::min_temperature;
    m.attr("MAX_TEMPERATURE") = calibration::max_temperature;

    m.def("fit_temperature", [](const Array<double>& proba, const Array<std::int64_t>& y, const Array<double>& weight) {
        const auto p = matrix(proba, "proba", "fit_temperature");
        const auto codes = vector(y, "y", "fit_temperature");
        const auto w = vector(weight, "weight", "fit_temperature");
        const py::gil_scoped_release release;  // safe: the arguments are held by this frame, and no Python object is touched
        return calibration::fit_temperature(p, codes, w);
    }, py::arg("proba").noconvert(), py::arg("y").noconvert(), py::arg("weight").noconvert(), "The temperature of least log loss.");

    m.def("apply_temperature", [](const Array<double>& proba, double temperature) {
        const auto p = matrix(proba, "proba", "apply_temperature");
        auto [out, view] = new_matrix<double>(p.rows, p.cols);
        {
            const py::gil_scoped_release release;  // safe: as above
            calibration::apply_temperature(p, temperature, view);
        }
        return out;
    }, py::arg("proba").noconvert(), py::arg("temperature"), "Probabilities at this temperature.");

    m.def("fit_sigmoid", [](const Array<double>& proba, const Array<std::int64_t>& y, const Array<double>& weight) {
        const auto p = matrix(proba, "proba", "fit_sigmoid");
        const auto codes = vector(y, "y", "fit_sigmoid");
        const auto w = vector(weight, "weight", "fit_sigmoid");
        calibration::SigmoidFit fit;
        {
            const py::gil_scoped_release release;  // safe: as above
            fit = calibration::fit_sigmoid(p, codes, w);
        }
        return std::pair{to_array(std::move(fit.a)), to_array(std::move(fit.b))};
    }, py::arg("proba").noconvert(), py::arg("y").noconvert(), py::arg("weight").noconvert(), "Platt's a and b of each class.");

    m.def("apply_sigmoid", [](const Array<double>& proba, const Array<double>& a, const Array<double>& b) {
        const auto p = matrix(proba, "proba", "apply_sigmoid");
        const auto va = vector(a, "a", "apply_sigmoid");
        const auto vb = vector(b, "b", "apply_sigmoid");
        auto [out, view] = new_matrix<double>(p.rows, p.cols);
        {
            const py::gil_scoped_release release;  // safe: as above
            calibration::apply_sigmoid(p, va, vb, view);
        }
        return out;
    }, py::arg("proba").noconvert(), py::arg("a").noconvert(), py::arg("b").noconvert(), "Normalised one-against-the-rest sigmoids.");
}

}  // namespace emotion::bindings
