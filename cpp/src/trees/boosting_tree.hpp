// One tree of a boosting round, grown on binned rows and the gradients of one output.
//
// Rows of a node are a range of one index array, partitioned in place and in order. Of two children only one gets its histogram from rows; the
// other's is the parent's less that. The best split is grown first where leaves are limited; elsewhere the smaller child first, so that
// few histograms are alive at a time. Sums are exact integers, so the tree depends neither on that order nor on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "binned_rows.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/trees/boosting.hpp"
#include "gradient_histogram.hpp"
#include "histogram_pool.hpp"

namespace emotion::trees {

// The nodes of a tree, root first; children lie side by side.
struct GradientTree {
    struct Node {
        std::uint32_t begin = 0;          // its rows in `rows`
        std::uint32_t end = 0;
        std::int32_t depth = 0;
        std::int32_t place = -1;          // of the column split on; -1: leaf
        std::int32_t bin = -1;            // codes up to it go left
        std::int32_t left = -1;           // the right child is the next node
        bool missing_left = false;
        double g = 0;                     // sums in float64 over the rows
        double h = 0;
        double weight = 0;
    };
    std::vector<Node> nodes;
    std::vector<std::uint32_t> rows;      // in the order of leaves, ascending within each

    // The leaf of a row of codes.
    [[nodiscard]] std::size_t leaf_of(const std::uint8_t* codes, const BinnedRows& binned) const;
};

// What a tree is grown on: the positions drawn, and by position the derivatives of the loss and the weight.
struct GradientRows {
    const BinnedRows* binned = nullptr;
    std::vector<std::uint32_t> drawn;     // ascending
    std::vector<double> g;                // by position: w (p - y) and w p (1 - p)
    std::vector<double> h;
    const std::vector<double>* weight = nullptr;   // empty: all 1
    HistogramPool* pool = nullptr;                 // of the fit; one for histograms of one size
};

// tree_number keys the columns drawn at nodes.
GradientTree grow_tree(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes,
                       StopToken& stop);

}  // namespace emotion::trees
