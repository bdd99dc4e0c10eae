#include "emotion/model_selection/factorize.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::model_selection;
using Codes = std::vector<std::int64_t>;

TEST_CASE("bytes in order of appearance, integers in order of size: hand-worked") {
    const StopToken stop;
    const std::string text = "babc";
    const auto found = factorize(std::as_bytes(std::span(text)), 1, stop);
    CHECK(found.codes == Codes{0, 1, 0, 2});
    CHECK(found.first == Codes{0, 1, 3});
    const auto sorted = factorize_sorted(Codes{7, -1, 7}, stop);
    CHECK(sorted.codes == Codes{1, 0, 1});
    CHECK(sorted.first == Codes{1, 0});
    CHECK(factorize_sorted({}, stop).codes.empty());
    CHECK_THROWS_AS(factorize(std::as_bytes(std::span(text)), 3, stop), InvalidInputError);
    CHECK_THROWS_AS(factorize(std::as_bytes(std::span(text)), 0, stop), InvalidInputError);
}

TEST_CASE("extremes of the range") {
    const StopToken stop;
    constexpr auto low = std::numeric_limits<std::int64_t>::min();
    constexpr auto high = std::numeric_limits<std::int64_t>::max();
    CHECK(factorize_sorted(Codes{high, low, 0, high}, stop).codes == Codes{2, 0, 1, 2});
    CHECK(factorize_sorted(Codes{high, high - 1}, stop).codes == Codes{1, 0});
    CHECK(factorize_sorted(Codes{low, low}, stop).codes == Codes{0, 0});
}

TEST_CASE("both ways equal an ordered map, through several sizes of the table") {
    const StopToken stop;
    for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{1} << 40}) {
        RandomStream stream(step, Purpose::test, 0);
        Codes values(20000);
        std::map<std::int64_t, std::int64_t> rank;
        for (auto& v : values) {
            v = static_cast<std::int64_t>(stream.below(9000) * step) - 77;
            rank[v] = 0;
        }
        std::int64_t next = 0;
        for (auto& entry : rank) {
            entry.second = next++;
        }
        const auto found = factorize_sorted(values, stop);
        bool equal = found.first.size() == rank.size();
        for (std::size_t i = 0; i < values.size(); ++i) {
            equal = equal && found.codes[i] == rank[values[i]];
        }
        CHECK(equal);
    }
}

TEST_CASE("wide rows of which only the last byte differs") {
    const StopToken stop;
    const std::string text = "speaker-000000001speaker-000000002speaker-000000001";
    CHECK(factorize(std::as_bytes(std::span(text)), 17, stop).codes == Codes{0, 1, 0});
}
