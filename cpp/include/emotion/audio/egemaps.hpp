// The extended Geneva minimalistic acoustic parameter set: 88 functionals of 25 descriptors (Eyben et al., "The Geneva Minimalistic Acoustic
// Parameter Set (GeMAPS) for Voice Research and Affective Computing", IEEE Trans. Affective Computing 7, 2016), written from the publication.
//
// Functionals: arithmetic mean; coefficient of variation s / mean; percentiles with linear interpolation; slopes of the monotone parts of
// a contour, weighted by their durations; peaks of the loudness that rise and fall by a tenth of its range. The coefficient of variation of decibels,
// slopes and cepstra has the sign of the mean; where the mean is below a fifth of s it is 25 mean / s, so that it passes 0 with the mean. That of
// the other descriptors, which are never negative, is at most 10.
// Rows of voiced frames see voiced frames only; where a clip has none (or no unvoiced one, or no part that rises), the functional is 0.
// Formula, unit and source of each: docs/reference/egemaps.md. Complexity O(frames log frames). Always finite.
#pragma once

#include <string>
#include <vector>

#include "emotion/audio/descriptors.hpp"

namespace emotion::audio {

[[nodiscard]] const std::vector<std::string>& egemaps_names();
[[nodiscard]] std::vector<float> egemaps(const Descriptors& descriptors);

}  // namespace emotion::audio
