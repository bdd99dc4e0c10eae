// Gradients of one tree in integers, histograms of its nodes, and the best split of a node.
//
// A node of few rows is searched by sorting its columns, any other in its histogram; both find the same split. Sums are exact integers, so nothing
// depends on the order of rows or on the number of threads. A node's rows are positions of the table.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "binned_rows.hpp"
#include "boosting_tree.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/trees/boosting.hpp"
#include "gradient_histogram.hpp"
#include "histogram_pool.hpp"
#include "sorted_codes.hpp"

namespace emotion::trees {

struct GradientSplit {
    double gain = 0;
    std::int32_t place = -1;          // -1: none
    std::int32_t column = -1;
    std::int32_t bin = -1;            // codes up to it go left
    bool missing_left = false;
};

class GradientSplits {
public:
    using Rows = std::span<const std::uint32_t>;

    // split_nodes: blocks of large nodes are shared among threads. What is referred to must outlive this.
    GradientSplits(const GradientRows& data, const BoostingOptions& options, std::uint64_t tree_number, Parallel& parallel, bool split_nodes,
                   StopToken& stop);

    [[nodiscard]] Sums sums(Rows rows) const;
    // The best split of the node, whose number keys the columns drawn. histogram: the node's; nullptr where it has at most most_sorted rows.
    GradientSplit best(std::size_t node, Rows rows, const Sums& sums, const Histogram* histogram);

    void accumulate(Rows rows, Histogram& histogram);
    // parent -= child; the child's rows themselves where they are at most most_sorted.
    void subtract_child(Histogram& parent, const Histogram& child);
    void subtract_rows(Histogram& parent, Rows rows) const;

private:
    struct Node;
    using Chosen = std::vector<std::uint8_t>;
    using FewWords = std::array<std::uint64_t, most_sorted>;

    void quantise();
    void for_blocks(std::size_t work, const std::function<void(std::size_t)>& fn);
    void add_chunk(std::size_t b, Rows rows, const std::uint64_t* words, std::int32_t* histogram, bool set) const;
    [[nodiscard]] FewWords words_of(Rows rows) const;
    void search_rows(const Node& node, std::vector<GradientSplit>& best) const;
    [[nodiscard]] LaneSplits scan(const Node& node, std::size_t b, const std::int32_t* histogram) const;
    [[nodiscard]] GradientSplit best_of(const Node& node, std::size_t b, const LaneSplits& found) const;
    [[nodiscard]] double score(const Sums& sums) const;
    void finish(const Node& node, const Histogram* histogram, GradientSplit& split) const;
    [[nodiscard]] Chosen draw_columns(std::size_t node) const;
    [[nodiscard]] std::size_t n_bins(std::size_t b) const { return binned_.block_offset[b + 1] - binned_.block_offset[b]; }

    const GradientRows& data_;
    const BinnedRows& binned_;
    const BoostingOptions& options_;
    std::uint64_t tree_number_;
    Parallel& parallel_;
    bool split_nodes_;
    StopToken& stop_;
    ScanRules rules_;
    double unit_g_ = 1;
    double unit_h_ = 1;
    double least_gain_ = 0;
    std::vector<std::uint64_t> words_;      // packed, by position
    std::vector<std::int32_t> weights_;     // by position, where a weight is asked of a leaf
};

}  // namespace emotion::trees
