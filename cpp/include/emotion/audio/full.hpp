// The large set: the 88 functionals of "egemaps", then 34 functionals of every descriptor and of its delta.
//
// Delta: the slope of the straight line fitted to five frames, ends repeated, per frame (Furui 1986). Rows of voiced frames are taken from voiced
// frames only, their deltas within each voiced stretch. Names: DESCRIPTOR_FUNCTIONAL and DESCRIPTOR_delta_FUNCTIONAL.
// Formula and unit of each: docs/reference/egemaps.md. Where there is no frame every functional is 0. Always finite. Complexity O(frames log frames).
#pragma once

#include <string>
#include <vector>

#include "emotion/audio/descriptors.hpp"

namespace emotion::audio {

[[nodiscard]] const std::vector<std::string>& full_names();
// `descriptors` with the rows of the wide set.
[[nodiscard]] std::vector<float> full(const Descriptors& descriptors, const StopToken& stop = {});

}  // namespace emotion::audio
