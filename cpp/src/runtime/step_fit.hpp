// Fits one step on the training rows of a fold and moves the rows past it.
#pragma once

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/runtime/fold_loop.hpp"
#include "training_rows.hpp"

namespace emotion::runtime {

// classes: global classes of the fold's labels. Appends to `fitted` unless the step acts in fit only.
template <class T>
void fit_step(const StepSpec& spec, TrainingRows<T>& rows, std::span<const std::int32_t> classes, std::vector<FittedStep>& fitted,
              Parallel& parallel, StopToken& stop);

}  // namespace emotion::runtime
