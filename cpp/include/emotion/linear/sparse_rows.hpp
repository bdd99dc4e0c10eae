// A view of a matrix whose rows hold few values: compressed sparse rows (CSR).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace emotion::linear {

// Row r holds values[starts[r]] … values[starts[r + 1] - 1] in the columns of the same positions, in any order; values of one place add up.
// The memory belongs to the caller.
template <class T>
struct SparseRows {
    std::span<const T> values;
    std::span<const std::int32_t> columns;
    std::span<const std::int64_t> starts;  // rows + 1 of them, the first 0
    std::size_t cols = 0;

    [[nodiscard]] std::size_t rows() const { return starts.size() - 1; }
};

// Throws InvalidInputError of X of the caller unless every place lies inside the matrix.
template <class T>
void validate(const SparseRows<T>& x, const char* caller);

}  // namespace emotion::linear
