#include "emotion/metrics/label_ranking.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;

namespace {

std::vector<double> ranked(const std::vector<std::uint8_t>& truth, const std::vector<double>& score, std::size_t labels, int threads = 1) {
    Matrix<double> out(truth.size() / labels, 3);
    Parallel parallel(threads);
    StopToken stop;
    metrics::label_ranking({truth.data(), out.rows, labels}, {score.data(), out.rows, labels}, out.view(), parallel, stop);
    return out.values;
}

}  // namespace

TEST_CASE("hand-worked rows") {
    // Scores 4 3 2 1, true: the second and the fourth. Ranks 2 and 4: precision (1/2 + 2/4) / 2; pairs wrong: 1 + 2 of 4.
    CHECK(ranked({0, 1, 0, 1}, {4, 3, 2, 1}, 4) == std::vector<double>{4, 0.5, 0.75});
    // Equal scores come together: the true label has rank 2, and the pair counts as wrong.
    CHECK(ranked({1, 0, 0}, {1, 1, 0}, 3) == std::vector<double>{2, 0.5, 0.5});
    CHECK(ranked({0, 0}, {1, 2}, 2) == std::vector<double>{0, 1, 0});
    CHECK(ranked({1, 1}, {1, 2}, 2) == std::vector<double>{2, 1, 0});
}

TEST_CASE("threads do not matter; shapes are checked") {
    std::vector<std::uint8_t> truth;
    std::vector<double> score;
    for (std::size_t i = 0; i < 7 * 2000; ++i) {
        truth.push_back(i * 37 % 11 < 4 ? 1 : 0);
        score.push_back(static_cast<double>(i * 101 % 17));
    }
    CHECK(ranked(truth, score, 7) == ranked(truth, score, 7, 7));
    Matrix<double> out(1, 3);
    Parallel parallel(1);
    StopToken stop;
    CHECK_THROWS_AS(metrics::label_ranking({truth.data(), 1, 3}, {score.data(), 1, 4}, out.view(), parallel, stop), InvalidInputError);
}
