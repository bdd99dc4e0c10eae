// From the tensors of a model file to a fitted pipeline, every array checked. A part of model_file.hpp, apart for its size.
#pragma once

#include <cstddef>

#include "emotion/core/views.hpp"
#include "emotion/runtime/fitted_classifier.hpp"
#include "emotion/runtime/json_text.hpp"
#include "emotion/runtime/model_file.hpp"
#include "emotion/runtime/tensor_file.hpp"

namespace emotion::runtime {

// `description` has the keys `steps` and `calibration`. Step i owns the tensors `steps.<i>.<array>`; samplers are not among them; the last step
// is the classifier, or a vote, a stack or one classifier a label, whose member m is described like the model itself, its tensors under
// `steps.<i>.members.<m>.`. Recursion ends at limits.vote_levels. With `label_sets` the last step is one classifier a label. All throw ModelFormatError with the reason alone.
FittedClassifier read_classifier(const TensorFile& file, const JsonValue& description, std::size_t n_features, std::size_t n_classes,
                                 const ModelLimits& limits, bool label_sets = false);
// Of a classifier read with `label_sets`.
LabelSets read_label_sets(const TensorFile& file, const FittedClassifier& classifier, const JsonValue& description);
Matrix<float> read_background(const TensorFile& file, std::size_t n_features, const ModelLimits& limits);

}  // namespace emotion::runtime
