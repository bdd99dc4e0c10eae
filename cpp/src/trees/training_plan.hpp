// What all trees of one fit share: the columns as trees see them, and the training positions gathered into items.
//
// An item is what a tree sorts and moves. Without sample weights all positions of equal row and class form one item, and a tree counts
// how often it was drawn: every sum over a node is then an integer, so it depends neither on the order of the rows nor on whether equal
// rows are one item or several. With sample weights each position is an item, and sums run in the order of positions.
#pragma once

#include <cstdint>
#include <vector>

#include "emotion/core/rng.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees {

struct Column {
    const std::uint16_t* narrow = nullptr;   // one of the two is set
    const std::uint32_t* wide = nullptr;
    const std::uint32_t* merged = nullptr;   // code -> code, where values of different codes became one float; else null
    const float* values = nullptr;           // by merged code, strictly increasing
    std::uint32_t missing_code = 0;          // merged code of NaN: past every value

    [[nodiscard]] std::uint32_t code(std::uint32_t row) const {
        const std::uint32_t raw = narrow != nullptr ? narrow[row] : wide[row];
        return merged != nullptr ? merged[raw] : raw;
    }
};

struct TrainingPlan {
    TrainingPlan(const TrainingSet& data, const ForestOptions& options);

    std::size_t n_classes = 0;
    std::size_t n_positions = 0;
    std::size_t n_rows = 0;                    // of the encoded matrix
    bool weighted = false;                     // sample weights or class weights: sums are floating-point
    std::uint32_t max_code = 0;                // over all columns, NaN included
    std::vector<Column> columns;
    std::vector<std::uint32_t> source_columns; // of the encoded matrix, one a column
    const RankCodes* codes = nullptr;
    std::vector<std::uint32_t> item_row;
    std::vector<std::uint32_t> item_class;
    std::vector<double> item_weight;           // empty: all 1
    std::vector<std::uint32_t> item_copies;    // positions of the item
    std::vector<std::uint32_t> position_item;
    std::vector<double> class_factor;          // one a class; for balanced_subsample see tree_class_factor

    // How often each item was drawn for a tree.
    void draw(const ForestOptions& options, std::size_t tree, std::vector<std::uint32_t>& copies) const;
    // Weights of the classes in one tree, given the draws.
    [[nodiscard]] std::vector<double> tree_class_factor(const ForestOptions& options, const std::vector<std::uint32_t>& copies) const;

private:
    void set_columns(const TrainingSet& data);
    void set_items(const TrainingSet& data);
    void check_total(const TrainingSet& data) const;

    std::vector<std::vector<std::uint32_t>> merged_codes_;
    std::vector<std::vector<float>> merged_values_;
};

}  // namespace emotion::trees
