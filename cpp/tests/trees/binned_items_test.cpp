#include "../../src/trees/binned_items.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "forests.hpp"

namespace emotion::trees {
namespace {

std::vector<std::uint32_t> as_items(const std::vector<std::int32_t>& rows) { return {rows.begin(), rows.end()}; }

BinnedItems from_matrix(const test::Data& data, const std::vector<std::int32_t>& rows, const std::vector<std::uint32_t>& items, std::span<const double> weights = {}) {
    Parallel parallel(2);
    StopToken stop;
    std::vector<std::int32_t> labels(rows.size(), 0);
    return BinnedItems(LabelledRows{data.x.view(), rows, labels, weights, 1}, items, parallel, stop);
}

bool equal(const BinnedItems& a, const BinnedItems& b, std::size_t n_items) {
    for (std::size_t j = 0; j < a.n_columns(); ++j) {
        if (a.bins[j].smallest != b.bins[j].smallest || a.bins[j].largest != b.bins[j].largest || !std::equal(a.column(j), a.column(j) + n_items, b.column(j))) {
            return false;
        }
    }
    return a.n_columns() == b.n_columns();
}

TEST_CASE("a value has the bin whose ends enclose it, NaN the code behind; both layouts agree; bins are about equally full") {
    const auto data = test::make_data(3000, 6, 3, 1, 0, 0.1);
    const auto rows = test::all_rows(3000);
    const BinnedItems binned = from_matrix(data, rows, as_items(rows));
    for (std::size_t j = 0; j < 6; ++j) {
        const Bins& bins = binned.bins[j];
        REQUIRE(bins.largest.size() == 255);
        std::vector<int> counts(256, 0);
        for (std::size_t r = 0; r < 3000; ++r) {
            const std::size_t bin = binned.column(j)[r];
            const float value = data.x(r, j);
            ++counts[bin];
            REQUIRE(binned.row(r)[j] == bin);
            if (std::isnan(value)) {
                REQUIRE(bin == 255);
            } else {
                REQUIRE(bins.smallest[bin] <= value);
                REQUIRE(value <= bins.largest[bin]);
            }
        }
        CHECK(*std::max_element(counts.begin(), counts.end() - 1) <= 13);   // 2,700 / 255 = 10.6
        CHECK(*std::min_element(counts.begin(), counts.end() - 1) >= 8);
    }
}

TEST_CASE("columns of at most 255 values keep a bin a value; a column of NaN has none") {
    auto data = test::make_data(2000, 3, 2, 2, 20);
    for (std::size_t r = 0; r < 2000; ++r) {
        data.x(r, 1) = static_cast<float>(r % 255);
        data.x(r, 2) = std::nanf("");
    }
    const auto rows = test::all_rows(2000);
    const BinnedItems binned = from_matrix(data, rows, as_items(rows));
    CHECK(binned.bins[0].smallest == binned.bins[0].largest);
    CHECK(binned.bins[1].largest.size() == 255);
    CHECK(binned.bins[2].largest.empty());
    for (std::size_t r = 0; r < 2000; ++r) {
        REQUIRE(binned.bins[0].largest[binned.column(0)[r]] == data.x(r, 0));
        REQUIRE(binned.column(1)[r] == r % 255);
        REQUIRE(binned.column(2)[r] == 0);
    }
}

TEST_CASE("codes and a matrix give the same bins, from the training positions alone, with copies as copied rows") {
    auto data = test::make_data(4000, 4, 2, 3, 0, 0.05);
    std::vector<std::int32_t> rows;
    for (std::int32_t r = 0; r < 3000; ++r) {
        rows.insert(rows.end(), r % 5 == 0 ? 3 : 1, r);
    }
    const auto items = as_items(test::all_rows(3000));
    const BinnedItems direct = from_matrix(data, rows, items);
    Parallel parallel(1);
    StopToken stop;
    const test::Input input(data.x, data.y, rows, 2, test::identity);
    CHECK(equal(direct, BinnedItems(input.set(), items, parallel, stop), 3000));
    test::Data copied{Matrix<float>(rows.size(), 4), {}, 2, {}};
    for (std::size_t p = 0; p < rows.size(); ++p) {
        std::ranges::copy(data.x.view().row(static_cast<std::size_t>(rows[p])), copied.x.values.begin() + static_cast<std::ptrdiff_t>(4 * p));
    }
    const auto all = test::all_rows(rows.size());
    const BinnedItems copies = from_matrix(copied, all, as_items(all));
    for (std::size_t j = 0; j < 4; ++j) {
        CHECK(copies.bins[j].largest == direct.bins[j].largest);
    }
    for (std::size_t r = 3000; r < 4000; ++r) {   // rows outside the training part
        data.x(r, 0) = 1e9F;
    }
    CHECK(equal(direct, from_matrix(data, rows, items), 3000));
    const std::vector<double> weights = [&] {
        std::vector<double> w(4000, 0.5);
        std::fill(w.begin() + 3000, w.end(), 0.0);
        return w;
    }();
    const auto everything = test::all_rows(4000);
    const std::vector<double> halves(3000, 0.5);
    CHECK(equal(from_matrix(data, everything, items, weights), from_matrix(data, test::all_rows(3000), items, halves), 3000));
}

}  // namespace
}  // namespace emotion::trees
