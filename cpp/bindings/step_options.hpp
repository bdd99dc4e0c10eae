// Options of learning steps from the dictionaries that the Python classes give (`_native_step`).
#pragma once

#include <pybind11/pybind11.h>

#include "emotion/linear/logistic_regression.hpp"
#include "emotion/runtime/fold_loop.hpp"
#include "emotion/sampling/random_over_sampler.hpp"
#include "emotion/sampling/random_under_sampler.hpp"
#include "emotion/sampling/smote.hpp"

namespace emotion::bindings {

sampling::OverSamplerOptions over_sampler_options(const pybind11::dict& step);
sampling::UnderSamplerOptions under_sampler_options(const pybind11::dict& step);
sampling::SmoteOptions smote_options(const pybind11::dict& step);
// Of both kinds of forests (random_forest_classifier, extra_trees_classifier). What is absent keeps its default; `first_tree` numbers the first tree of a fit that continues another.
runtime::ForestSpec forest_spec(const pybind11::dict& step, std::size_t n_classes);
linear::LogisticOptions logistic_options(const pybind11::dict& step, std::size_t n_classes);
runtime::PipelineSpec pipeline_spec(const pybind11::list& steps, std::size_t n_classes);

}  // namespace emotion::bindings
