// Walking over a bins x frames matrix in blocks of eight frames. A block is a pointer to its first value and the distance between bins, so whole
// blocks of a row-major matrix are used in place; the last, partial block is copied into a lane block padded with its first frame.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "emotion/core/views.hpp"
#include "lanes.hpp"

namespace emotion::audio {

struct Block {
    const float* data = nullptr;
    std::size_t stride = lanes;
};

// fn(block, first frame, number of frames that count)
template <class F>
void for_each_block(MatrixView<const float> s, F&& fn) {
    const std::size_t whole = s.cols / lanes * lanes;
    for (std::size_t first = 0; first < whole; first += lanes) {
        fn(Block{s.data + first, s.cols}, first, lanes);
    }
    if (whole < s.cols) {
        std::vector<float> tail(s.rows * lanes);
        const std::size_t count = s.cols - whole;
        for (std::size_t k = 0; k < s.rows; ++k) {
            for (std::size_t l = 0; l < lanes; ++l) {
                tail[k * lanes + l] = s.data[k * s.cols + whole + (l < count ? l : 0)];
            }
        }
        fn(Block{tail.data(), lanes}, whole, count);
    }
}

}  // namespace emotion::audio
