// How well scores rank the true labels of a row above the others (multi-label).
#pragma once

#include <cstdint>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::metrics {

// out(i, 0): coverage, how far down the list of labels, highest score first, one has to go to meet every true label; 0 without true labels.
// out(i, 1): average precision, the mean over true labels of (true labels with at least its score) / (labels with at least its score);
//            1 where no label or every label is true.
// out(i, 2): loss, the share of (true, false) pairs whose false label has at least the score of the true one; 0 where there is no pair.
// Labels of equal score come together, to their disadvantage. Source: Tsoumakas, Katakis & Vlahavas, "Mining multi-label data", 2010,
// section 7.2. truth: 0 or not; scores must be finite (the caller checks). O(labels log labels) a row; rows are independent.
void label_ranking(MatrixView<const std::uint8_t> truth, MatrixView<const double> score, MatrixView<double> out, Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
