// Rows, labels and folds that the tests of the fold loop share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "emotion/core/rng.hpp"
#include "emotion/runtime/fold_loop.hpp"

namespace emotion::test {

template <class T>
struct Problem {
    Matrix<T> x;
    std::vector<std::int32_t> y;
    std::vector<double> weights;

    [[nodiscard]] runtime::LearningData<T> data() const { return {x.view(), y, weights, 4, {}, {}}; }
};

template <class T>
Problem<T> problem(bool missing, bool weighted) {
    Problem<T> p{Matrix<T>(240, 6), std::vector<std::int32_t>(240), {}};
    RandomStream stream(8, Purpose::test, 0);
    for (std::size_t r = 0; r < 240; ++r) {
        const double u = stream.uniform();
        p.y[r] = u < 0.5 ? 0 : u < 0.8 ? 1 : u < 0.9 ? 2 : 3;
        for (std::size_t c = 0; c < 6; ++c) {
            const double value = stream.normal() + (c == static_cast<std::size_t>(p.y[r]) ? 1.5 : 0.0);
            p.x(r, c) = static_cast<T>(c == 5 ? std::round(value) : value);
            if (missing && stream.uniform() < 0.05) {
                p.x(r, c) = std::numeric_limits<T>::quiet_NaN();
            }
        }
        if (weighted) {
            p.weights.push_back(stream.uniform() + 0.1);
        }
    }
    return p;
}

struct Indices {
    std::vector<std::vector<std::int64_t>> train, test;
    [[nodiscard]] std::vector<runtime::Fold> folds() const {
        std::vector<runtime::Fold> result;
        for (std::size_t f = 0; f < train.size(); ++f) {
            result.push_back({train[f], test[f], 0});
        }
        return result;
    }
};

// Thirds in turn; the last fold trains without class 3.
template <class T>
Indices thirds(const Problem<T>& p) {
    Indices indices;
    for (std::size_t f = 0; f < 3; ++f) {
        indices.train.emplace_back();
        indices.test.emplace_back();
        for (std::size_t r = 0; r < p.y.size(); ++r) {
            if (r % 3 == f) {
                indices.test.back().push_back(static_cast<std::int64_t>(r));
            } else if (f < 2 || p.y[r] != 3) {
                indices.train.back().push_back(static_cast<std::int64_t>(r));
            }
        }
    }
    return indices;
}

template <class T>
Problem<T> copy_rows(const Problem<T>& p, const std::vector<std::int64_t>& rows) {
    Problem<T> copy;
    copy.x = Matrix<T>(rows.size(), p.x.cols);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto r = static_cast<std::size_t>(rows[i]);
        std::copy(p.x.row(r).begin(), p.x.row(r).end(), copy.x.row(i).begin());
        copy.y.push_back(p.y[r]);
        if (!p.weights.empty()) {
            copy.weights.push_back(p.weights[r]);
        }
    }
    return copy;
}

}  // namespace emotion::test
