// The kernels of spectral.hpp on one block of eight frames; `out` takes eight values.
#pragma once

#include <cstddef>

#include "blocks.hpp"
#include "emotion/audio/spectral.hpp"

namespace emotion::audio {

// magnitude[k] = sqrt(power[k]), as a lane block.
void magnitude_block(const float* power, std::size_t bins, float* magnitude);
void sum_block(Block s, std::size_t bins, float* out);
void centroid_block(Block s, std::size_t bins, const float* f, const float* sum, float* out);
void bandwidth_block(Block s, std::size_t bins, const float* f, const float* sum, const float* centroid, float* out);
// The number of bins whose running sum is below roll_percent of the whole, at most bins - 1.
void rolloff_block(Block s, std::size_t bins, float roll_percent, const float* sum, std::size_t* out);
void flatness_block(Block power, std::size_t bins, float amin, float* out);
void contrast_block(Block s, const ContrastBand& band, float* peak, float* valley);

}  // namespace emotion::audio
