// The pooling of adjacent violators: one value after another goes behind runs of values that rise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace emotion::calibration {

// A run of pooled values. `value` is kept beside the sums so that a value on its own stays to the bit. What `first` and `last` number is the
// caller's: rows, or keys.
struct Block {
    double sum = 0;  // of weight * y
    double weight = 0;
    double value = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

// Adds a block behind the others, and pools it with those that are not below it.
inline void push(std::vector<Block>& blocks, Block block) {
    std::size_t n = blocks.size();
    while (n > 0 && blocks[n - 1].value >= block.value) {
        --n;
        block.sum += blocks[n].sum;
        block.weight += blocks[n].weight;
        block.value = block.sum / block.weight;
        block.first = blocks[n].first;
    }
    blocks.resize(n);
    blocks.push_back(block);
}

}  // namespace emotion::calibration
