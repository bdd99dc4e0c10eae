// What all trees of one fit share: the columns as trees see them, and the training positions gathered into items.
//
// An item is what a tree sorts and moves. Without sample weights all positions of equal row and class form one item, and a tree counts
// how often it was drawn: every sum over a node is then an integer, so it depends neither on the order of the rows nor on whether equal
// rows are one item or several. With sample weights each position is an item, and sums run in the order of positions.
// The columns are rank codes, or, in fits of many positions, bins (see binned_items.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "binned_items.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/trees/forest.hpp"
#include "item_values.hpp"

namespace emotion::trees {

struct Column {
    const std::uint8_t* byte = nullptr;      // one of the three is set; byte: the codes are bins
    const std::uint16_t* narrow = nullptr;
    const std::uint32_t* wide = nullptr;
    const std::uint32_t* merged = nullptr;   // code -> code, where values of different codes became one float; else null
    const float* values = nullptr;           // by merged code, strictly increasing; of a bin the largest
    const float* least = nullptr;            // the same; of a bin the smallest
    std::uint32_t missing_code = 0;          // merged code of NaN: past every value

    [[nodiscard]] std::uint32_t code(std::uint32_t row) const {
        if (byte != nullptr) {
            return byte[row];
        }
        const std::uint32_t raw = narrow != nullptr ? narrow[row] : wide[row];
        return merged != nullptr ? merged[raw] : raw;
    }
};

struct TrainingPlan {
    TrainingPlan(const TrainingSet& data, const ForestOptions& options);
    // Without columns, which take_bins() or take_values() must bring.
    TrainingPlan(const LabelledRows& data, const ForestOptions& options);
    // From now on the columns are bins, and item i is row i of the codes.
    void take_bins(BinnedItems binned);
    // From now on the columns are values alone, for random cuts.
    void take_values(ItemValues values);

    std::size_t n_classes = 0;
    std::size_t n_positions = 0;
    std::size_t n_rows = 0;                    // of the encoded matrix
    bool weighted = false;                     // sample weights or class weights: sums are floating-point
    std::uint32_t max_code = 0;                // over all columns, NaN included
    std::vector<Column> columns;
    std::vector<std::uint32_t> source_columns; // of the encoded matrix, one a column
    const RankCodes* codes = nullptr;          // null after take_bins() and take_values()
    std::vector<std::uint32_t> item_row;       // of the matrix
    std::vector<std::uint32_t> item_class;
    std::vector<double> item_weight;           // empty: all 1
    std::vector<std::uint32_t> item_copies;    // positions of the item
    std::vector<std::uint32_t> position_item;
    std::vector<double> class_factor;          // one a class; for balanced_subsample see tree_class_factor

    // The row of the codes that an item is.
    [[nodiscard]] std::uint32_t code_row(std::size_t item) const { return codes != nullptr ? item_row[item] : static_cast<std::uint32_t>(item); }
    // Of a code, or of a value.
    [[nodiscard]] std::size_t code_bytes() const { return codes != nullptr ? (codes->is_wide() ? 4 : 2) : values_.n_columns() > 0 ? 4 : 1; }
    [[nodiscard]] bool has_code_rows() const { return codes != nullptr ? codes->has_rows() : binned_.n_columns() > 0 || values_.has_rows(); }
    [[nodiscard]] const ItemValues& values() const { return values_; }
    [[nodiscard]] const std::uint8_t* bin_row(std::size_t row) const { return binned_.row(row); }

    // How often each item was drawn for a tree.
    void draw(const ForestOptions& options, std::size_t tree, std::vector<std::uint32_t>& copies) const;
    // Weights of the classes in one tree, given the draws.
    [[nodiscard]] std::vector<double> tree_class_factor(const ForestOptions& options, const std::vector<std::uint32_t>& copies) const;

private:
    void set_columns(const TrainingSet& data);
    void set_items(std::span<const std::int32_t> rows, std::span<const std::int32_t> labels, std::span<const double> weights);
    void set_class_factor(std::span<const std::int32_t> labels, const ForestOptions& options);
    void check_total(std::span<const std::int32_t> labels) const;

    BinnedItems binned_;
    ItemValues values_;
    std::vector<std::vector<std::uint32_t>> merged_codes_;
    std::vector<std::vector<float>> merged_values_;
};

}  // namespace emotion::trees
