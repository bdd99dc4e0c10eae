#include "emotion/sampling/smote.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "emotion/core/errors.hpp"

using namespace emotion;
using namespace emotion::sampling;

namespace {

const std::vector<std::int32_t> labels = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2};

Matrix<double> line() {
    Matrix<double> x(10, 1);
    x.values = {0, 1, 2, 3, 4, 5, 10, 11, 13, 20};
    return x;
}

SyntheticRows plan(const SmoteOptions& options, const std::vector<std::int32_t>& shared = {}) {
    Parallel parallel(1);
    StopToken stop;
    const Matrix<double> x = line();
    return plan_synthetic_rows(x.view(), labels, 3, shared, options, parallel, stop);
}

}  // namespace

TEST_CASE("neighbours are the nearest of the class; a lone row is copied") {
    SmoteOptions options;
    options.k_neighbors = 1;
    const SyntheticRows rows = plan(options);
    REQUIRE(rows.base.size() == 3 + 5);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(rows.label[i] == 1);
        CHECK(rows.neighbour[i] == (rows.base[i] == 6 ? 7 : rows.base[i] == 7 ? 6 : 7));
        CHECK(rows.weight[i] < 1);
    }
    for (std::size_t i = 3; i < 8; ++i) {
        CHECK(rows.base[i] == 9);
        CHECK(rows.neighbour[i] == 9);
        CHECK(rows.weight[i] == 0);
    }
    CHECK(rows.shortages[1].alone == 0);
    CHECK(rows.shortages[2].alone == 1);
    options.k_neighbors = 5;
    CHECK(plan(options).shortages[1].fewer == 3);
}

TEST_CASE("within a speaker; without codes or with an unknown one it is refused") {
    SmoteOptions options;
    options.within = Within::speaker;
    const std::vector<std::int32_t> speaker = {0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
    const SyntheticRows rows = plan(options, speaker);
    for (std::size_t i = 0; i < rows.base.size(); ++i) {
        CHECK(speaker[static_cast<std::size_t>(rows.base[i])] == speaker[static_cast<std::size_t>(rows.neighbour[i])]);
    }
    CHECK(rows.shortages[1].alone == 1);
    CHECK(rows.shortages[1].fewer == 2);
    CHECK_THROWS_AS(plan(options), InvalidInputError);
    CHECK_THROWS_AS(plan(options, {0, 0, 0, 0, 0, 0, 0, -1, 0, 1}), LeakageError);
}

TEST_CASE("borderline: bases are in danger, weights towards other classes below one half") {
    SmoteOptions options;
    options.kind = SmoteKind::borderline_2;
    options.m_neighbors = 4;
    options.k_neighbors = 4;
    options.strategy = Strategy::counts;
    options.counts = {-1, 200, -1};
    const SyntheticRows rows = plan(options);  // 10, 11 and 13 have 2 neighbours of their class among 4
    REQUIRE(rows.base.size() == 197);
    CHECK(rows.shortages[1].bases == 3);
    for (std::size_t i = 0; i < rows.base.size(); ++i) {
        const bool other = labels[static_cast<std::size_t>(rows.neighbour[i])] != 1;
        CHECK(rows.weight[i] < (other ? 0.5 : 1.0));
    }
    options.m_neighbors = 2;
    CHECK(plan(options).base.empty());  // no row in danger
}

TEST_CASE("rows are interpolated in float64") {
    Parallel parallel(1);
    StopToken stop;
    const Matrix<double> x = line();
    Matrix<double> out(2, 1);
    write_synthetic_rows(x.view(), SyntheticRows{{0, 9}, {3, 9}, {0.25, 0.0}, {0, 2}, {}}, out.view(), parallel, stop);
    CHECK(out.values == std::vector<double>{0.75, 20.0});
}
