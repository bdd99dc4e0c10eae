// From the tensors of a model file to a fitted pipeline, every array checked. A part of model_file.hpp, apart for its size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "emotion/core/views.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/model_file.hpp"
#include "emotion/runtime/pipeline_plan.hpp"
#include "emotion/runtime/tensor_file.hpp"

namespace emotion::runtime {

// `steps` is the list of that name in the metadata; step i owns the tensors `steps.<i>.<array>`. Samplers are not among them; the last step
// is the classifier. All throw ModelFormatError with the reason alone.
FittedPipeline read_pipeline(const TensorFile& file, const JsonValue& steps, std::size_t n_features, std::size_t n_classes, const ModelLimits& limits);
CalibrationSpec read_calibration(const TensorFile& file, const JsonValue& description, std::size_t n_classes);
// `description` is null where the file has none.
std::optional<DistributionCheck> read_distribution_check(const TensorFile& file, const JsonValue* description, std::size_t n_features);
Matrix<float> read_background(const TensorFile& file, std::size_t n_features, const ModelLimits& limits);

}  // namespace emotion::runtime
