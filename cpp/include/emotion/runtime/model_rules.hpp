// From the tensors of a model file to the rules that turn scores into answers: calibration, the check of new rows, prediction sets. A part of
// model_file.hpp, apart for its size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "emotion/runtime/fitted_classifier.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/model_file.hpp"
#include "emotion/runtime/tensor_file.hpp"

namespace emotion::runtime {

// All throw ModelFormatError with the reason alone.
// `description` is JSON null where the classifier has no calibration; its tensors are `<prefix><array>`.
CalibrationSpec read_calibration(const TensorFile& file, const JsonValue& description, const std::string& prefix, std::size_t n_classes);
// `description` is null where the file has none.
std::optional<DistributionCheck> read_distribution_check(const TensorFile& file, const JsonValue* description, const FittedPipeline& pipeline);
std::optional<PredictionSets> read_prediction_sets(const TensorFile& file, const JsonValue* description, std::size_t n_classes);

}  // namespace emotion::runtime
