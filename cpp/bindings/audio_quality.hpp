// How the quality of a clip appears in Python.
#pragma once

#include <pybind11/pybind11.h>

#include "emotion/audio/functionals.hpp"

namespace emotion::bindings {

// Adds `quality_<name>` for each measured value; nothing where none was measured.
void add_quality(pybind11::dict& info, const audio::ExtractInfo& extracted);

}  // namespace emotion::bindings
