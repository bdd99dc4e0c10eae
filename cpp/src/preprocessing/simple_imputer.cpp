#include "emotion/preprocessing/simple_imputer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace emotion::preprocessing {
namespace {

constexpr std::size_t sum_block = 256;

template <class T>
double mean_of(std::span<const T> values) {
    double total = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += sum_block) {
        const std::size_t end = std::min(values.size(), begin + sum_block);
        double sum = 0;
        for (std::size_t i = begin; i < end; ++i) {
            sum += static_cast<double>(values[i]) - static_cast<double>(values[0]);
        }
        total += sum;
    }
    return static_cast<double>(values[0]) + total / static_cast<double>(values.size());
}

template <class T>
double median_of(std::span<T> values) {
    const std::size_t half = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half), values.end());
    const auto upper = static_cast<double>(values[half]);
    if (values.size() % 2 == 1) {
        return upper;
    }
    const auto lower = static_cast<double>(*std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half)));
    return lower == upper ? lower : lower / 2 + upper / 2;
}

template <class T>
double mode_of(std::span<T> values) {
    std::sort(values.begin(), values.end());
    std::size_t best = 0;
    std::size_t best_count = 0;
    for (std::size_t begin = 0; begin < values.size();) {
        std::size_t end = begin + 1;
        while (end < values.size() && values[end] == values[begin]) {
            ++end;
        }
        if (end - begin > best_count) {
            best_count = end - begin;
            best = begin;
        }
        begin = end;
    }
    return static_cast<double>(values[best]);
}

}  // namespace

std::vector<std::int32_t> SimpleImputer::kept_columns() const {
    std::vector<std::int32_t> kept;
    for (std::size_t c = 0; c < statistics.size(); ++c) {
        if (!std::isnan(statistics[c])) {
            kept.push_back(static_cast<std::int32_t>(c));
        }
    }
    return kept;
}

template <class T>
void SimpleImputer::transform(MatrixView<const T> x, MatrixView<T> out) const {
    const std::vector<std::int32_t> kept = kept_columns();
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t k = 0; k < kept.size(); ++k) {
            const auto c = static_cast<std::size_t>(kept[k]);
            const T value = x(r, c);
            out(r, k) = std::isnan(value) ? static_cast<T>(statistics[c]) : value;
        }
    }
}

template <class T>
double impute_statistic(std::span<T> column, const ImputerOptions& options) {
    // Stable: the mean adds the present values in row order.
    const auto end = std::remove_if(column.begin(), column.end(), [](T x) { return std::isnan(x); });
    const std::span<T> present = column.first(static_cast<std::size_t>(end - column.begin()));
    if (options.strategy == ImputeStrategy::constant && (!present.empty() || options.keep_empty_features)) {
        return options.fill_value;
    }
    if (present.empty()) {
        return options.keep_empty_features ? 0.0 : std::numeric_limits<double>::quiet_NaN();
    }
    switch (options.strategy) {
        case ImputeStrategy::mean: return mean_of(std::span<const T>(present));
        case ImputeStrategy::median: return median_of(present);
        case ImputeStrategy::most_frequent: return mode_of(present);
        case ImputeStrategy::constant: break;
    }
    return options.fill_value;
}

template <class T>
SimpleImputer fit_imputer(MatrixView<const T> x, const ImputerOptions& options, Parallel& parallel) {
    SimpleImputer imputer;
    imputer.statistics.resize(x.cols);
    parallel.blocks(x.cols, 8, [&](std::size_t begin, std::size_t end) {
        std::vector<T> column(x.rows);
        for (std::size_t c = begin; c < end; ++c) {
            for (std::size_t r = 0; r < x.rows; ++r) {
                column[r] = x(r, c);
            }
            imputer.statistics[c] = impute_statistic(std::span<T>(column), options);
        }
    });
    return imputer;
}

#define EMOTION_INSTANTIATE(T)                                                       \
    template void SimpleImputer::transform(MatrixView<const T>, MatrixView<T>) const; \
    template double impute_statistic(std::span<T>, const ImputerOptions&);           \
    template SimpleImputer fit_imputer(MatrixView<const T>, const ImputerOptions&, Parallel&);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::preprocessing
