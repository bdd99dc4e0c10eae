// The training rows of one fold on their way through the steps: indices into the matrix and what to do with each column. Never a copy, until a
// step makes synthetic rows: from there on they are a matrix of their own.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
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
    std::vector<std::int32_t> groups;    // position -> group, -1: a synthetic row made of two groups; empty: not given
    std::vector<std::int32_t> speaker;   // position -> speaker, -1: a synthetic row made of two speakers; empty: not given
    std::vector<std::int32_t> columns;   // column -> column of x
    std::vector<ColumnStage> stages;
    std::vector<T> own;                  // the memory of x where the rows are their own matrix; empty otherwise

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
    // Every position and whatever belongs to it, drawn again in this order.
    void take(std::span<const std::int64_t> positions) {
        const auto pick = [&](auto& values) {
            if (values.empty()) {
                return;
            }
            std::remove_reference_t<decltype(values)> taken;
            taken.reserve(positions.size());
            for (const std::int64_t p : positions) {
                taken.push_back(values[static_cast<std::size_t>(p)]);
            }
            values.swap(taken);
        };
        pick(rows);
        pick(labels);
        pick(weights);
        pick(groups);
        pick(speaker);
    }
    // Turns the positions into rows of a matrix of their own, transformed by all stages so far, with room for more rows behind them.
    void detach(std::size_t more_rows) {
        const std::size_t n = rows.size();
        const std::size_t width = columns.size();
        std::vector<T> values;
        values.reserve((n + more_rows) * width);
        values.resize(n * width);
        read(0, n, values.data());
        own = std::move(values);
        stages.clear();
        std::iota(columns.begin(), columns.end(), 0);
        attach();
    }
    // Makes every row of `own` a position.
    void attach() {
        const std::size_t width = columns.size();
        x = MatrixView<const T>{own.data(), own.size() / width, width};
        rows.resize(x.rows);
        std::iota(rows.begin(), rows.end(), 0);
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
