// Sizes of a forest that people give as a count or as a share of something known only where it is fitted.
//
// Definition: scikit-learn's readings. A share of the columns is rounded down, a share of the rows up, a share of the draws to the nearest
// (ties to even) and may go beyond the rows; nothing falls below 1, a split below 2 rows or below two leaves.
#pragma once

#include <cstddef>

#include "emotion/trees/boosting.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

struct Share {
    enum class Kind { automatic, count, fraction, sqrt, log2 };
    Kind kind = Kind::automatic;
    double value = 0;

    friend bool operator==(const Share&, const Share&) = default;
};

struct ForestSizes {
    Share max_features{Share::Kind::sqrt, 0};   // automatic: all columns
    Share max_samples;                          // of the positions; automatic: as many
    Share min_samples_split{Share::Kind::count, 2};
    Share min_samples_leaf{Share::Kind::count, 1};

    friend bool operator==(const ForestSizes&, const ForestSizes&) = default;
};

// Sets the four options of these names. Throws InvalidInputError beyond 2**31 - 1 draws.
void set_sizes(ForestOptions& options, const ForestSizes& sizes, std::size_t n_positions, std::size_t n_features);
// The three of boosting; positions are those that train. max_samples has no meaning there.
void set_sizes(BoostingOptions& options, const ForestSizes& sizes, std::size_t n_positions, std::size_t n_features);

}  // namespace emotion::trees
