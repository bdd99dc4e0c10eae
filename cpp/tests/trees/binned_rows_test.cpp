#include "../../src/trees/binned_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "boostings.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("edges lie halfway between all distinct values while they fit, and part weight evenly beyond") {
    const std::vector<float> few = {1, 1, 2, 5, 5, 9};
    CHECK(bin_edges(few, {}, 4) == std::vector<float>{1.5F, 3.5F, 7.0F});
    CHECK(bin_edges(few, {}, 2).size() == 1);
    CHECK(bin_edges(std::vector<float>{3, 3}, {}, 255).empty());
    std::vector<float> many(1000);
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i] = static_cast<float>(i);
    }
    const auto edges = bin_edges(many, {}, 10);
    REQUIRE(edges.size() == 9);
    for (std::size_t i = 0; i < edges.size(); ++i) {
        CHECK(std::abs(edges[i] - 100.0F * static_cast<float>(i + 1)) <= 1.0F);
    }
    const float low = 1.0F;
    const float high = std::nextafter(low, 2.0F);
    CHECK(bin_edges(std::vector<float>{low, high}, {}, 255) == std::vector<float>{low});
}

TEST_CASE("codes compare as values do; held-out rows do not move the edges; a column of one value is left out") {
    Matrix<float> x = test::random_rows(300, 11, 3, 0.1);
    for (std::size_t r = 0; r < x.rows; ++r) {
        x(r, 4) = 7;
    }
    std::vector<std::int32_t> rows(300);
    std::vector<std::uint8_t> held(300, 0);
    for (std::size_t r = 0; r < 300; ++r) {
        rows[r] = static_cast<std::int32_t>(r);
        held[r] = r >= 200 ? 1 : 0;
    }
    Parallel serial(1);
    StopToken stop;
    const BinnedRows binned(x.view(), rows, held, {}, 40, serial, stop);
    CHECK(binned.stride == 16);
    CHECK(std::count(binned.column.begin(), binned.column.end(), 4) == 0);
    for (std::size_t place = 0; place < 10; ++place) {
        CHECK(binned.edges[place].size() == 39);
        for (std::size_t r = 0; r < x.rows; ++r) {
            const float value = x(r, static_cast<std::size_t>(binned.column[place]));
            const std::size_t code = binned.row(r)[place];
            if (std::isnan(value)) {
                CHECK(static_cast<std::int32_t>(code) == binned.block_bins[place / lanes]);
                continue;
            }
            CHECK((code == 39 || value <= binned.edges[place][code]));
            CHECK((code == 0 || value > binned.edges[place][code - 1]));
        }
    }
    for (std::size_t r = 200; r < 300; ++r) {
        x(r, 0) = 1e6F;
    }
    CHECK(BinnedRows(x.view(), rows, held, {}, 40, serial, stop).edges == binned.edges);
}

}  // namespace
}  // namespace emotion::trees
