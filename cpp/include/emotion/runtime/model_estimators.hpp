// From the tensors of a model file to the classifiers that stand alone: forests, boosting and linear models, every array checked. A part of
// model_steps.hpp.
#pragma once

#include <cstddef>
#include <string>

#include "emotion/linear/logistic_regression.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/model_file.hpp"
#include "emotion/runtime/tensor_file.hpp"
#include "emotion/trees/boosting_predictor.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::runtime {

// The tensors are `<prefix><array>`; `columns` reach the classifier. What is accepted can be walked through: no index outside, no circle, no
// tree deeper than the limit. O(nodes). All throw ModelFormatError with the reason alone. Threads: pure.
trees::Forest read_forest(const TensorFile& file, const std::string& prefix, std::size_t columns, std::size_t n_classes, const ModelLimits& limits);
trees::Boosting read_boosting(const TensorFile& file, const JsonValue& step, const std::string& prefix, std::size_t columns, std::size_t n_classes,
                              const ModelLimits& limits);
linear::LogisticModel read_logistic(const TensorFile& file, const std::string& prefix, std::size_t columns, std::size_t n_classes);

}  // namespace emotion::runtime
