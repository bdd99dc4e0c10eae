#include "emotion/trees/forest_sizes.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t most_draws = 2'147'483'647;   // so that counts and the products of two stay whole numbers of 32 and 64 bits

std::size_t columns_of(const Share& share, std::size_t n_features) {
    const auto features = static_cast<double>(n_features);
    double columns = features;
    switch (share.kind) {
        case Share::Kind::automatic: break;
        case Share::Kind::count: columns = std::min(share.value, features); break;
        case Share::Kind::fraction: columns = std::floor(share.value * features); break;
        case Share::Kind::sqrt: columns = std::floor(std::sqrt(features)); break;
        case Share::Kind::log2: columns = std::floor(std::log2(features)); break;
    }
    return std::min(static_cast<std::size_t>(std::max(1.0, columns)), n_features);
}

// As C++ streams write it: std::to_string would write 1e300 with 301 digits.
std::string short_text(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

// Checked before the conversion: a count may be larger than any integer.
std::size_t draws_of(double count, const ForestOptions& options) {
    if (!(count <= static_cast<double>(most_draws))) {
        throw InvalidInputError("max_samples", class_name(options), "at most 2**31 - 1 draws", short_text(count));
    }
    return static_cast<std::size_t>(count);
}

double rows_of(const Share& share, double n_positions) {
    return share.kind == Share::Kind::fraction ? std::ceil(share.value * n_positions) : share.value;
}

}  // namespace

void set_sizes(ForestOptions& options, const ForestSizes& sizes, std::size_t n_positions, std::size_t n_features) {
    const auto n = static_cast<double>(n_positions);
    options.max_features = columns_of(sizes.max_features, n_features);
    options.min_samples_leaf = rows_of(sizes.min_samples_leaf, n);
    options.min_samples_split = std::max({2.0, rows_of(sizes.min_samples_split, n), 2 * options.min_samples_leaf});
    options.max_samples = 0;
    if (sizes.max_samples.kind == Share::Kind::count) {
        options.max_samples = draws_of(sizes.max_samples.value, options);
    } else if (sizes.max_samples.kind == Share::Kind::fraction) {
        options.max_samples = draws_of(std::max(1.0, std::nearbyint(sizes.max_samples.value * n)), options);
    }
}

void set_sizes(BoostingOptions& options, const ForestSizes& sizes, std::size_t n_positions, std::size_t n_features) {
    ForestOptions forest;
    set_sizes(forest, {sizes.max_features, {}, sizes.min_samples_split, sizes.min_samples_leaf}, n_positions, n_features);
    options.max_features = forest.max_features >= n_features ? 0 : forest.max_features;
    options.min_samples_split = forest.min_samples_split;
    options.min_samples_leaf = forest.min_samples_leaf;
}

}  // namespace emotion::trees
