#include "emotion/metrics/cluster_bootstrap.hpp"

#include <algorithm>

#include "emotion/core/rng.hpp"

namespace emotion::metrics {

void cluster_multiplicities(std::uint64_t seed, MatrixView<double> out, Parallel& parallel, StopToken& stop) {
    constexpr std::size_t replicates_a_block = 64;
    parallel.blocks(out.rows, replicates_a_block, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
            stop.check();
            const auto row = out.row(r);
            std::fill(row.begin(), row.end(), 0.0);
            RandomStream stream(seed, Purpose::resampling, r);
            for (std::size_t draw = 0; draw < out.cols; ++draw) {
                row[stream.below(out.cols)] += 1.0;
            }
        }
    });
}

}  // namespace emotion::metrics
