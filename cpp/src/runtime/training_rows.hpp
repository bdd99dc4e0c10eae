// The training rows of one fold on their way through the steps: indices into the matrix and what to do with each column, never a copy.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/views.hpp"
#include "emotion/preprocessing/standard_scaler.hpp"

namespace emotion::runtime {

// One step's work on the columns that are left; reindexed when columns are dropped.
struct ColumnStage {
    bool fills = false;  // fill NaN with `fill`; otherwise scale
    preprocessing::StandardScaler scaler;
    std::vector<double> fill;

    template <class T>
    [[nodiscard]] T apply(T value, std::size_t column) const {
        if (fills) {
            return std::isnan(value) ? static_cast<T>(fill[column]) : value;
        }
        return scaler.transform(value, column);
    }
};

template <class T>
struct TrainingRows {
    MatrixView<const T> x;
    std::vector<std::int32_t> rows;      // position -> row of x
    std::vector<std::int32_t> labels;    // position -> class of the fold
    std::vector<double> weights;         // position -> weight; empty: all 1
    std::vector<std::int32_t> groups;    // position -> group; empty: not given
    std::vector<std::int32_t> speaker;   // position -> speaker; empty: not given
    std::vector<std::int32_t> columns;   // column -> column of x
    std::vector<ColumnStage> stages;

    // The value of a column after all stages so far.
    [[nodiscard]] T value(T raw, std::size_t column) const {
        for (const ColumnStage& stage : stages) {
            raw = stage.apply(raw, column);
        }
        return raw;
    }
    [[nodiscard]] T at(std::size_t position, std::size_t column) const {
        return value(x(static_cast<std::size_t>(rows[position]), static_cast<std::size_t>(columns[column])), column);
    }
    // Transformed rows of positions [begin, end) into out, row-major.
    void read(std::size_t begin, std::size_t end, T* out) const {
        const std::size_t width = columns.size();
        for (std::size_t p = begin; p < end; ++p) {
            const T* const row = x.data + static_cast<std::size_t>(rows[p]) * x.cols;
            T* const to = out + (p - begin) * width;
            for (std::size_t c = 0; c < width; ++c) {
                to[c] = row[columns[c]];
            }
            for (const ColumnStage& stage : stages) {
                for (std::size_t c = 0; c < width; ++c) {
                    to[c] = stage.apply(to[c], c);
                }
            }
        }
    }
    // Keeps these of the present columns.
    void select(std::span<const std::int32_t> kept) {
        const auto pick = [&](auto& values) {
            if (values.empty()) {
                return;
            }
            for (std::size_t k = 0; k < kept.size(); ++k) {
                values[k] = values[static_cast<std::size_t>(kept[k])];  // kept is ascending: the read is never behind the write
            }
            values.resize(kept.size());
        };
        pick(columns);
        for (ColumnStage& stage : stages) {
            pick(stage.scaler.mean);
            pick(stage.scaler.scale);
            pick(stage.fill);
        }
    }
};

}  // namespace emotion::runtime
