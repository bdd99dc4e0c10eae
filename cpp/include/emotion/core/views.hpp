// Non-owning views and the one owning matrix of the core. Everything is row-major and contiguous unless a name says otherwise.
#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace emotion {

// A view of `rows` x `cols` values of T, row-major. T may be const. The memory belongs to the caller and must outlive the view.
template <class T>
struct MatrixView {
    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t cols = 0;

    constexpr MatrixView() = default;
    constexpr MatrixView(T* data_, std::size_t rows_, std::size_t cols_) : data(data_), rows(rows_), cols(cols_) {}
    template <class U>
        requires(std::is_same_v<const U, T>)
    constexpr MatrixView(MatrixView<U> other) : data(other.data), rows(other.rows), cols(other.cols) {}

    [[nodiscard]] constexpr T& operator()(std::size_t r, std::size_t c) const {
        assert(r < rows && c < cols);
        return data[r * cols + c];
    }
    [[nodiscard]] constexpr std::span<T> row(std::size_t r) const {
        assert(r < rows);
        return {data + r * cols, cols};
    }
    [[nodiscard]] constexpr std::size_t size() const { return rows * cols; }
};

// An owning row-major matrix, value-initialised.
template <class T>
struct Matrix {
    std::vector<T> values;
    std::size_t rows = 0;
    std::size_t cols = 0;

    Matrix() = default;
    Matrix(std::size_t rows_, std::size_t cols_, T fill = T{}) : values(rows_ * cols_, fill), rows(rows_), cols(cols_) {}

    [[nodiscard]] T& operator()(std::size_t r, std::size_t c) { return values[r * cols + c]; }
    [[nodiscard]] const T& operator()(std::size_t r, std::size_t c) const { return values[r * cols + c]; }
    [[nodiscard]] std::span<T> row(std::size_t r) { return {values.data() + r * cols, cols}; }
    [[nodiscard]] std::span<const T> row(std::size_t r) const { return {values.data() + r * cols, cols}; }
    [[nodiscard]] MatrixView<T> view() { return {values.data(), rows, cols}; }
    [[nodiscard]] MatrixView<const T> view() const { return {values.data(), rows, cols}; }
};

}  // namespace emotion
