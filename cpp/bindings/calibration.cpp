#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "arrays.hpp"
#include "emotion/calibration/isotonic.hpp"
#include "emotion/calibration/isotonic_maps.hpp"
#include "emotion/calibration/out_of_distribution.hpp"
#include "emotion/calibration/prior.hpp"
#include "emotion/calibration/sigmoid.hpp"
#include "emotion/calibration/temperature.hpp"
#include "emotion/core/parallel.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {

namespace {

void register_isotonic(py::module_& m) {
    m.def("isotonic_regression", [](const Array<double>& y, const Array<double>& weight, bool increasing) {
        const auto values = vector(y, "y", "isotonic_regression");
        const auto w = vector(weight, "weight", "isotonic_regression");
        auto [out, view] = new_vector<double>(values.size());
        {
            const py::gil_scoped_release release;  // safe: the arguments are held by this frame, and no Python object is touched
            std::copy(values.begin(), values.end(), view.begin());
            calibration::isotonic_regression(view, w, increasing);
        }
        return out;
    }, py::arg("y").noconvert(), py::arg("weight").noconvert(), py::arg("increasing"), "The nearest monotone values.");

    m.def("fit_isotonic", [](const Array<double>& x, const Array<double>& y, const Array<double>& weight, bool increasing, double y_min, double y_max,
                            bool single) {
        const auto vx = vector(x, "x", "fit_isotonic");
        const auto vy = vector(y, "y", "fit_isotonic");
        const auto w = vector(weight, "weight", "fit_isotonic");
        calibration::IsotonicMap map;
        {
            const py::gil_scoped_release release;  // safe: as above
            map = calibration::fit_isotonic(vx, vy, w, {increasing, single, y_min, y_max});
        }
        return std::pair{to_array(std::move(map.x)), to_array(std::move(map.y))};
    }, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("weight").noconvert(), py::arg("increasing"), py::arg("y_min"), py::arg("y_max"),
       py::arg("single") = false, "Corners of the monotone function; single: x came from float32.");

    m.def("apply_isotonic", [](const Array<double>& corner_x, const Array<double>& corner_y, const Array<double>& x) {
        const auto cx = vector(corner_x, "corner_x", "apply_isotonic");
        const auto cy = vector(corner_y, "corner_y", "apply_isotonic");
        const auto vx = vector(x, "x", "apply_isotonic");
        auto [out, view] = new_vector<double>(vx.size());
        {
            const py::gil_scoped_release release;  // safe: as above
            calibration::apply_isotonic(cx, cy, vx, view);
        }
        return out;
    }, py::arg("corner_x").noconvert(), py::arg("corner_y").noconvert(), py::arg("x").noconvert(), "Values between the corners.");

    m.def("fit_isotonic_maps", [](const Array<double>& proba, const Array<std::int64_t>& y, const Array<double>& weight) {
        const auto p = matrix(proba, "proba", "fit_isotonic_maps");
        const auto codes = vector(y, "y", "fit_isotonic_maps");
        const auto w = vector(weight, "weight", "fit_isotonic_maps");
        calibration::IsotonicMaps maps;
        {
            const py::gil_scoped_release release;  // safe: as above
            maps = calibration::fit_isotonic_maps(p, codes, w);
        }
        return std::tuple{to_array(std::move(maps.offsets)), to_array(std::move(maps.x)), to_array(std::move(maps.y))};
    }, py::arg("proba").noconvert(), py::arg("y").noconvert(), py::arg("weight").noconvert(), "Offsets and corners of each class's map.");

    m.def("apply_isotonic_maps", [](const Array<double>& proba, const Array<std::int64_t>& offsets, const Array<double>& x, const Array<double>& y) {
        const auto p = matrix(proba, "proba", "apply_isotonic_maps");
        const auto vo = vector(offsets, "offsets", "apply_isotonic_maps");
        const auto vx = vector(x, "x", "apply_isotonic_maps");
        const auto vy = vector(y, "y", "apply_isotonic_maps");
        const calibration::IsotonicMaps maps{{vo.begin(), vo.end()}, {vx.begin(), vx.end()}, {vy.begin(), vy.end()}};
        auto [out, view] = new_matrix<double>(p.rows, p.cols);
        {
            const py::gil_scoped_release release;  // safe: as above
            calibration::apply_isotonic_maps(p, maps, view);
        }
        return out;
    }, py::arg("proba").noconvert(), py::arg("offsets").noconvert(), py::arg("x").noconvert(), py::arg("y").noconvert(),
       "Normalised one-against-the-rest isotonic maps.");
}

template <class T>
void register_out_of_distribution(py::module_& m) {
    m.def("fit_column_ranges", [](const Array<T>& x, int n_jobs) {
        const auto rows = matrix(x, "X", "fit_column_ranges");
        calibration::ColumnRanges ranges;
        {
            const py::gil_scoped_release release;  // safe: as above
            Parallel parallel(n_jobs);
            ranges = calibration::fit_column_ranges(rows, parallel);
        }
        return std::pair{to_array(std::move(ranges.center)), to_array(std::move(ranges.scale))};
    }, py::arg("x").noconvert(), py::arg("n_jobs"), "Center and scale of each column.");

    m.def("column_distances", [](const Array<T>& x, const Array<double>& center, const Array<double>& scale, int n_jobs) {
        const auto rows = matrix(x, "X", "column_distances");
        const auto c = vector(center, "center", "column_distances");
        const auto s = vector(scale, "scale", "column_distances");
        auto [out, view] = new_vector<double>(rows.rows);
        {
            const py::gil_scoped_release release;  // safe: as above
            Parallel parallel(n_jobs);
            calibration::column_distances(rows, {{c.begin(), c.end()}, {s.begin(), s.end()}}, view, parallel);
        }
        return out;
    }, py::arg("x").noconvert(), py::arg("center").noconvert(), py::arg("scale").noconvert(), py::arg("n_jobs"),
       "Mean distance of each row from the centers, in scales.");
}

}  // namespace

void register_calibration(py::module_& m) {
    register_isotonic(m);
    register_out_of_distribution<float>(m);
    register_out_of_distribution<double>(m);
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

    m.def("fit_inverse_temperature", [](const Array<double>& scores, const Array<std::int64_t>& y, const Array<double>& weight) {
        const auto s = matrix(scores, "scores", "fit_inverse_temperature");
        const auto codes = vector(y, "y", "fit_inverse_temperature");
        const auto w = vector(weight, "weight", "fit_inverse_temperature");
        const py::gil_scoped_release release;  // safe: as above
        return calibration::fit_inverse_temperature(s, codes, w);
    }, py::arg("scores").noconvert(), py::arg("y").noconvert(), py::arg("weight").noconvert(), "The factor of scores of least log loss.");

    m.def("correct_priors", [](const Array<double>& proba, const Array<double>& trained, const Array<double>& target) {
        const auto p = matrix(proba, "proba", "correct_priors");
        const auto vt = vector(trained, "trained_priors", "correct_priors");
        const auto vg = vector(target, "target_priors", "correct_priors");
        auto [out, view] = new_matrix<double>(p.rows, p.cols);
        {
            const py::gil_scoped_release release;  // safe: as above
            calibration::correct_priors(p, vt, vg, view);
        }
        return out;
    }, py::arg("proba").noconvert(), py::arg("trained").noconvert(), py::arg("target").noconvert(), "Probabilities under other class priors.");

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
