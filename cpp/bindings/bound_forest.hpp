// The forest as Python holds it, for the rooms that take one.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "emotion/trees/forest.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::bindings {

struct BoundForest {
    explicit BoundForest(trees::Forest&& forest_) : forest(std::move(forest_)), predictor(forest) {}
    const trees::Forest forest;
    const trees::ForestPredictor predictor;
    pybind11::object out_of_bag = pybind11::none();   // of the fit that made it; not part of the arrays
};

}  // namespace emotion::bindings
