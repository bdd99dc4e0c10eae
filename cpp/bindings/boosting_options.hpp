// Options of gradient boosting from the dictionary that the Python class gives (`_native_step`).
#pragma once

#include <pybind11/pybind11.h>

#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest_sizes.hpp"

namespace emotion::bindings {

struct BoostingSpec {
    trees::BoostingOptions options;   // class_weights: one a class
    trees::ForestSizes sizes;         // replace the options of their names where the rows are known
    double validation_fraction = 0.1;
};

// What is absent keeps its default.
BoostingSpec boosting_spec(const pybind11::dict& step, std::size_t n_classes);
// The options for so many rows and columns.
trees::BoostingOptions sized(const BoostingSpec& spec, std::size_t n_positions, std::size_t n_features);

}  // namespace emotion::bindings
