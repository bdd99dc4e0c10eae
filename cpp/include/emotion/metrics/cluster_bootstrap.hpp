// The draws of a bootstrap that resamples whole clusters (speakers).
#pragma once

#include <cstdint>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"

namespace emotion::metrics {

// out(r, c) = how often cluster c is drawn in replicate r: as many draws with replacement as there are clusters (Davison & Hinkley,
// "Bootstrap methods and their application", 1997, section 3.8: resampling whole clusters, leaving each as it is).
// Replicate r uses the stream (seed, Purpose::resampling, r), so a replicate does not depend on how many others are drawn, nor on threads.
void cluster_multiplicities(std::uint64_t seed, MatrixView<double> out, Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
