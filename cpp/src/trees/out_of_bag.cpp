#include "emotion/trees/out_of_bag.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/trees/forest_predictor.hpp"

namespace emotion::trees {
namespace {

constexpr const char* caller = "out_of_bag_of";
constexpr std::size_t rows_a_block = 16;

}  // namespace

OutOfBag out_of_bag_of(const Forest& forest, MatrixView<const float> x, const ForestOptions& options, Parallel& parallel, StopToken& stop) {
    if (!options.bootstrap) {
        throw InvalidInputError("bootstrap", caller, "true", "false");
    }
    if (x.cols != forest.n_features || x.rows == 0) {
        throw InvalidInputError("x", caller, "rows of " + std::to_string(forest.n_features) + " columns",
                                std::to_string(x.rows) + " x " + std::to_string(x.cols));
    }
    const std::size_t n_trees = forest.n_trees();
    const std::size_t words = (x.rows + 63) / 64;
    const std::size_t draws = options.max_samples == 0 ? x.rows : options.max_samples;
    std::vector<std::uint64_t> drawn(n_trees * words, 0);
    parallel.each(n_trees, [&](std::size_t t) {
        stop.check();
        std::uint64_t* const marks = drawn.data() + t * words;
        RandomStream stream(options.seed, Purpose::bootstrap, options.first_tree + t);
        for (std::size_t i = 0; i < draws; ++i) {
            const std::size_t row = stream.below(x.rows);
            marks[row / 64] |= std::uint64_t{1} << (row % 64);
        }
    });
    const ForestPredictor predictor(forest);
    OutOfBag out{Matrix<double>(x.rows, forest.n_classes, std::numeric_limits<double>::quiet_NaN())};
    parallel.blocks(x.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        stop.check();
        std::vector<double> sums(forest.n_classes);
        for (std::size_t r = begin; r < end; ++r) {
            std::fill(sums.begin(), sums.end(), 0.0);
            std::size_t votes = 0;
            for (std::size_t t = 0; t < n_trees; ++t) {
                if (((drawn[t * words + r / 64] >> (r % 64)) & 1U) == 0) {
                    predictor.add_tree(t, x.row(r).data(), sums.data());
                    ++votes;
                }
            }
            for (std::size_t c = 0; c < sums.size() && votes > 0; ++c) {
                out.probability(r, c) = sums[c] / static_cast<double>(votes);
            }
        }
    });
    return out;
}

}  // namespace emotion::trees
