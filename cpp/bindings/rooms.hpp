// One registration function a room; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

namespace emotion::bindings {

void register_errors(pybind11::module_& m);
void register_core(pybind11::module_& m);
void register_audio(pybind11::module_& m);
void register_preprocessing(pybind11::module_& m);
void register_sampling(pybind11::module_& m);
void register_model_selection(pybind11::module_& m);
void register_trees(pybind11::module_& m);
void register_boosting(pybind11::module_& m);
void register_forest_paths(pybind11::module_& m);
void register_linear(pybind11::module_& m);
void register_calibration(pybind11::module_& m);
void register_metrics(pybind11::module_& m);
void register_explain(pybind11::module_& m);
void register_fold_loop(pybind11::module_& m);
void register_runtime(pybind11::module_& m);

}  // namespace emotion::bindings
