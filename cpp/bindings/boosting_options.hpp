// Options of gradient boosting from the dictionary that the Python class gives (`_native_step`).
#pragma once

#include <pybind11/pybind11.h>

#include "emotion/runtime/fold_loop.hpp"

namespace emotion::bindings {

// What is absent keeps its default.
runtime::BoostingSpec boosting_spec(const pybind11::dict& step, std::size_t n_classes);

}  // namespace emotion::bindings
