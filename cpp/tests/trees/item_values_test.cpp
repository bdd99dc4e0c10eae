#include "../../src/trees/item_values.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "forests.hpp"

namespace emotion::trees {
namespace {

TEST_CASE("codes and a matrix give the same values, in both layouts; -0 becomes 0") {
    auto data = test::make_data(3000, 400, 2, 1, 2, 0.05);
    data.x(7, 3) = -0.0F;
    const std::vector<std::int32_t> rows = {5, 7, 7, 2, 2999};
    std::vector<std::uint32_t> items(3000);
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i] = static_cast<std::uint32_t>((i * 7) % 3000);
    }
    Parallel parallel(2);
    StopToken stop;
    const test::Input input(data.x, data.y, rows, 2, test::identity);
    const ItemValues a(input.set(), items, parallel, stop);
    const ItemValues b(LabelledRows{data.x.view(), input.rows, input.labels, {}, 2}, items, parallel, stop);
    REQUIRE(a.has_rows());
    REQUIRE(b.n_columns() == 400);
    for (std::size_t j = 0; j < 400; ++j) {
        for (std::size_t i = 0; i < 3000; ++i) {
            const float value = data.x(items[i], j);
            const auto bits = std::bit_cast<std::uint32_t>(b.column(j)[i]);
            REQUIRE((std::isnan(value) ? std::isnan(b.column(j)[i]) : bits == std::bit_cast<std::uint32_t>(value == 0 ? 0.0F : value)));
            REQUIRE((std::isnan(value) ? std::isnan(a.row(i)[j]) : bits == std::bit_cast<std::uint32_t>(a.row(i)[j])));
            REQUIRE((std::isnan(value) || a.column(j)[i] == value));
        }
    }
}

}  // namespace
}  // namespace emotion::trees
