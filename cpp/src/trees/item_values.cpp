#include "item_values.hpp"

#include <algorithm>
#include <limits>

namespace emotion::trees {
namespace {

constexpr std::size_t cached_bytes = 4 << 20;   // smaller matrices stay in the cache without a row-major copy
constexpr std::size_t tile = 32;

// Calls fn(item, column) for all, in tiles that keep the lines of both orders in the cache.
template <class Fn>
void in_tiles(std::size_t n_items, std::size_t n_columns, Parallel& parallel, StopToken& stop, const Fn& fn) {
    parallel.blocks(n_items, 1024, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t first = begin; first < end; first += tile) {
            const std::size_t last = std::min(end, first + tile);
            for (std::size_t j = 0; j < n_columns; ++j) {
                for (std::size_t i = first; i < last; ++i) {
                    fn(i, j);
                }
            }
        }
    });
}

}  // namespace

ItemValues::ItemValues(const TrainingSet& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop)
    : n_items_(item_row.size()), n_columns_(data.columns.size()), columns_(n_items_ * n_columns_) {
    parallel.blocks(n_columns_, 1, [&](std::size_t j, std::size_t) {
        stop.check();
        const auto source = static_cast<std::size_t>(data.columns[j]);
        std::vector<float> values = data.values[j];   // by code; NaN's is the last
        for (float& value : values) {
            value += 0.0F;
        }
        values.push_back(std::numeric_limits<float>::quiet_NaN());
        float* const out = columns_.data() + j * n_items_;
        const auto fill = [&](const auto codes) {
            std::transform(item_row.begin(), item_row.end(), out, [&](std::uint32_t row) { return values[codes[row]]; });
        };
        if (data.codes->is_wide()) {
            fill(data.codes->wide(source));
        } else {
            fill(data.codes->narrow(source));
        }
    });
    copy_rows(parallel, stop);
}

ItemValues::ItemValues(const LabelledRows& data, std::span<const std::uint32_t> item_row, Parallel& parallel, StopToken& stop)
    : n_items_(item_row.size()), n_columns_(data.x.cols), columns_(n_items_ * n_columns_) {
    in_tiles(n_items_, n_columns_, parallel, stop, [&](std::size_t i, std::size_t j) { columns_[j * n_items_ + i] = data.x(item_row[i], j) + 0.0F; });
    copy_rows(parallel, stop);
}

void ItemValues::copy_rows(Parallel& parallel, StopToken& stop) {
    if (columns_.size() * sizeof(float) <= cached_bytes) {
        return;
    }
    rows_.resize(columns_.size());
    in_tiles(n_items_, n_columns_, parallel, stop, [&](std::size_t i, std::size_t j) { rows_[i * n_columns_ + j] = columns_[j * n_items_ + i]; });
}

}  // namespace emotion::trees
