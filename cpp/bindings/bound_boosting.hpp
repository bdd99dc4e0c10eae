// The boosting model as Python holds it, for the rooms that take one.
#pragma once

#include <utility>

#include "emotion/trees/boosting.hpp"
#include "emotion/trees/boosting_predictor.hpp"

namespace emotion::bindings {

struct BoundBoosting {
    explicit BoundBoosting(trees::Boosting&& model_) : model(std::move(model_)), predictor(model) {}
    const trees::Boosting model;
    const trees::BoostingPredictor predictor;
    trees::BoostingTrace trace;   // of the fit that made it; not part of the arrays
};

}  // namespace emotion::bindings
