// Data, fits and comparisons that the tests of this room share.
#pragma once

#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "emotion/core/rng.hpp"
#include "emotion/trees/forest.hpp"

namespace emotion::trees::test {

struct Data {
    Matrix<float> x;
    std::vector<std::int32_t> y;
    std::size_t n_classes = 0;
    std::vector<double> weights;
};

// Class means differ a little; `levels` > 0 rounds to so many values a unit, which makes ties; a share of the values is NaN.
inline Data make_data(std::size_t n, std::size_t d, std::size_t k, std::uint64_t seed, double levels = 0, double nan_share = 0) {
    RandomStream stream(seed, Purpose::test, 0);
    Data data{Matrix<float>(n, d), std::vector<std::int32_t>(n), k, {}};
    for (std::size_t r = 0; r < n; ++r) {
        data.y[r] = static_cast<std::int32_t>(stream.below(k));
        for (std::size_t c = 0; c < d; ++c) {
            const double shift = 0.5 * static_cast<double>((static_cast<std::size_t>(data.y[r]) * (c + 3)) % 5);
            double value = stream.normal() + shift;
            value = levels > 0 ? std::round(value * levels) / levels : value;
            data.x(r, c) = stream.uniform() < nan_share ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(value);
        }
    }
    return data;
}

// A fit on some rows (positions) of a matrix, through codes of the whole matrix and a map of values.
struct Input {
    RankCodes codes;
    std::vector<std::int32_t> columns;
    std::vector<std::vector<float>> values;
    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> labels;
    std::vector<double> weights;
    std::size_t n_classes = 0;

    template <class Map>
    Input(const Matrix<float>& x, std::span<const std::int32_t> y, std::vector<std::int32_t> rows_, std::size_t n_classes_, Map&& map, int n_threads = 1)
        : rows(std::move(rows_)), n_classes(n_classes_) {
        Parallel parallel(n_threads);
        StopToken stop;
        codes = RankCodes::build(x.view(), parallel, stop);
        columns.resize(x.cols);
        std::iota(columns.begin(), columns.end(), 0);
        values.resize(x.cols);
        for (std::size_t j = 0; j < x.cols; ++j) {
            for (const double value : codes.values(j)) {
                values[j].push_back(map(static_cast<float>(value)));
            }
        }
        for (const std::int32_t row : rows) {
            labels.push_back(y[static_cast<std::size_t>(row)]);
        }
    }
    [[nodiscard]] TrainingSet set() const { return {&codes, columns, values, rows, labels, weights, n_classes}; }
};

inline float identity(float value) { return value; }

inline std::vector<std::int32_t> all_rows(std::size_t n) {
    std::vector<std::int32_t> rows(n);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

inline Forest fit(const Data& data, const ForestOptions& options, int n_threads = 1, OutOfBag* out_of_bag = nullptr) {
    Input input(data.x, data.y, all_rows(data.y.size()), data.n_classes, identity, n_threads);
    input.weights = data.weights;
    Parallel parallel(n_threads);
    StopToken stop;
    return fit_forest(input.set(), options, parallel, stop, out_of_bag);
}

inline bool equal(const Forest& a, const Forest& b) {
    return a.n_classes == b.n_classes && a.n_features == b.n_features && a.tree_offsets == b.tree_offsets && a.feature == b.feature &&
           a.threshold == b.threshold && a.left == b.left && a.right == b.right && a.missing_left == b.missing_left && a.cover == b.cover &&
           a.impurity == b.impurity && a.value == b.value;
}

inline ForestOptions one_plain_tree() {
    ForestOptions options;
    options.n_estimators = 1;
    options.bootstrap = false;
    return options;
}

}  // namespace emotion::trees::test
