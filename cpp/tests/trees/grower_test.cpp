#include "../../src/trees/grower.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "forests.hpp"

namespace emotion::trees {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST_CASE("thresholds are midpoints rounded down, so that left <= threshold < right in float32") {
    CHECK(threshold_between(1.0F, 2.0F) == 1.5F);
    const float next = std::nextafter(1.0F, 2.0F);
    CHECK(threshold_between(1.0F, next) == 1.0F);
    CHECK(threshold_between(-next, -1.0F) == -next);
    CHECK(threshold_between(-infinity, 0.0F) == -infinity);
    CHECK(threshold_between(0.0F, infinity) == 0.0F);
    CHECK(threshold_between(-infinity, infinity) == -infinity);
    const float large = std::numeric_limits<float>::max();
    CHECK(threshold_between(large / 2, large) < large);
    CHECK(threshold_between(0.0F, std::numeric_limits<float>::denorm_min()) == 0.0F);
    RandomStream stream(1, Purpose::test, 0);
    for (int i = 0; i < 10'000; ++i) {
        const auto a = static_cast<float>(stream.normal());
        const float b = i % 2 == 0 ? std::nextafter(a, infinity) : static_cast<float>(stream.normal());
        const float threshold = threshold_between(std::min(a, b), std::max(a, b));
        REQUIRE((a == b || (std::min(a, b) <= threshold && threshold < std::max(a, b))));
    }
}

// The oracle: every split of a grown tree must be a best one, by trying all boundaries of all columns with both sides for NaN.
struct Oracle {
    const test::Data& data;
    const ForestOptions& options;

    [[nodiscard]] double weight(std::size_t row) const { return data.weights.empty() ? 1.0 : data.weights[row]; }

    [[nodiscard]] double weighted_impurity(const std::vector<std::size_t>& rows) const {
        std::vector<double> classes(data.n_classes, 0.0);
        double total = 0;
        for (const std::size_t row : rows) {
            const double factor = options.class_weights.empty() ? 1.0 : options.class_weights[static_cast<std::size_t>(data.y[row])];
            classes[static_cast<std::size_t>(data.y[row])] += weight(row) * factor;
            total += weight(row) * factor;
        }
        double sum = 0;
        for (const double value : classes) {
            const double share = value / total;
            sum += options.criterion == Criterion::gini ? share * share : (share > 0 ? share * std::log2(share) : 0);
        }
        return total * (options.criterion == Criterion::gini ? 1 - sum : -sum);
    }

    static bool goes_left(float value, float threshold, bool missing_left) { return std::isnan(value) ? missing_left : value <= threshold; }

    [[nodiscard]] double children(const std::vector<std::size_t>& rows, std::size_t column, float threshold, bool missing_left, bool& allowed) const {
        std::vector<std::size_t> left;
        std::vector<std::size_t> right;
        for (const std::size_t row : rows) {
            (goes_left(data.x(row, column), threshold, missing_left) ? left : right).push_back(row);
        }
        const double least = options.min_samples_leaf;
        allowed = !left.empty() && !right.empty() && static_cast<double>(left.size()) >= least && static_cast<double>(right.size()) >= least;
        return allowed ? weighted_impurity(left) + weighted_impurity(right) : 0;
    }

    [[nodiscard]] double best(const std::vector<std::size_t>& rows) const {
        double lowest = std::numeric_limits<double>::infinity();
        for (std::size_t column = 0; column < data.x.cols; ++column) {
            std::set<float> values{infinity};
            for (const std::size_t row : rows) {
                if (!std::isnan(data.x(row, column))) {
                    values.insert(data.x(row, column));
                }
            }
            for (const float value : values) {
                for (const bool missing_left : {false, true}) {
                    bool allowed = false;
                    const double found = children(rows, column, value, missing_left, allowed);
                    lowest = allowed ? std::min(lowest, found) : lowest;
                }
            }
        }
        return lowest;
    }

    void check(const Forest& forest, std::size_t node, const std::vector<std::size_t>& rows, std::size_t& visited) const {
        ++visited;
        const double impurity = weighted_impurity(rows);
        REQUIRE(forest.impurity[node] * forest.cover[node] == doctest::Approx(impurity).epsilon(1e-9).scale(1));
        if (forest.feature[node] < 0) {
            const bool could = impurity > 1e-9 && static_cast<double>(rows.size()) >= 2 * options.min_samples_leaf;
            if (could) {
                REQUIRE(best(rows) == std::numeric_limits<double>::infinity());
            }
            return;
        }
        const auto column = static_cast<std::size_t>(forest.feature[node]);
        const float threshold = forest.threshold[node];
        const bool missing_left = forest.missing_left[node] != 0;
        bool allowed = false;
        const double found = children(rows, column, threshold, missing_left, allowed);
        REQUIRE(allowed);
        REQUIRE(found == doctest::Approx(best(rows)).epsilon(1e-9).scale(1));
        std::vector<std::size_t> left;
        std::vector<std::size_t> right;
        float below = -infinity;
        float above = infinity;
        for (const std::size_t row : rows) {
            const float value = data.x(row, column);
            (goes_left(value, threshold, missing_left) ? left : right).push_back(row);
            if (!std::isnan(value)) {
                (value <= threshold ? below : above) = value <= threshold ? std::max(below, value) : std::min(above, value);
            }
        }
        REQUIRE(threshold == (above == infinity ? infinity : threshold_between(below, above)));  // the node's own neighbours
        check(forest, static_cast<std::size_t>(forest.left[node]), left, visited);
        check(forest, static_cast<std::size_t>(forest.right[node]), right, visited);
    }

    void check(const Forest& forest) const {
        std::vector<std::size_t> rows(data.y.size());
        std::iota(rows.begin(), rows.end(), std::size_t{0});
        std::size_t visited = 0;
        check(forest, 0, rows, visited);
        CHECK(visited == forest.n_nodes());
    }
};

TEST_CASE("every split is a best one: ties, NaN, both impurities, leaves of several rows, class and sample weights") {
    std::uint64_t seed = 0;
    for (const Criterion criterion : {Criterion::gini, Criterion::entropy}) {
        for (const double nan_share : {0.0, 0.15}) {
            for (const double levels : {0.0, 2.0}) {
                for (const int kind : {0, 1, 2, 3}) {
                    auto data = test::make_data(120, 5, 3, ++seed, levels, nan_share);
                    ForestOptions options = test::one_plain_tree();
                    options.criterion = criterion;
                    options.min_samples_leaf = kind == 1 ? 4 : 1;
                    if (kind == 2) {
                        options.class_weight = ClassWeight::given;
                        options.class_weights = {1.0, 2.5, 0.5};
                    }
                    RandomStream stream(seed, Purpose::test, 1);
                    for (std::size_t i = 0; kind == 3 && i < data.y.size(); ++i) {
                        data.weights.push_back(0.25 + stream.uniform());
                    }
                    CAPTURE(seed);
                    Oracle{data, options}.check(test::fit(data, options));
                }
            }
        }
    }
}

TEST_CASE("a hand-worked tree of six rows") {
    test::Data data{Matrix<float>(6, 2), {0, 0, 1, 1, 1, 0}, 2, {}};
    data.x.values = {1, 7,  //
                     2, 7,  //
                     3, 7,  //
                     4, 7,  //
                     5, 7,  //
                     6, 7};
    // x0 <= 2.5: rows 0, 1 (class 0). Right: classes 1, 1, 1, 0; x0 <= 5.5 makes both sides pure.
    const Forest forest = test::fit(data, test::one_plain_tree());
    CHECK(forest.feature == std::vector<std::int32_t>{0, -1, 0, -1, -1});
    CHECK(forest.threshold[0] == 2.5F);
    CHECK(forest.threshold[2] == 5.5F);
    CHECK(forest.left == std::vector<std::int32_t>{1, -1, 3, -1, -1});
    CHECK(forest.right == std::vector<std::int32_t>{2, -1, 4, -1, -1});
    CHECK(forest.cover == std::vector<double>{6, 2, 4, 3, 1});
    CHECK(forest.impurity[0] == doctest::Approx(0.5));
    CHECK(forest.impurity[2] == doctest::Approx(1 - 10.0 / 16));
    CHECK(forest.value == std::vector<double>{0.5, 0.5, 1, 0, 0.25, 0.75, 0, 1, 1, 0});
    const auto importances = feature_importances(forest);
    CHECK(importances == std::vector<double>{1, 0});
}

TEST_CASE("limits: depth, leaves, samples, impurity decrease") {
    const auto data = test::make_data(400, 6, 4, 3);
    const auto leaves = [](const Forest& forest) { return std::count(forest.feature.begin(), forest.feature.end(), -1); };
    ForestOptions options = test::one_plain_tree();
    options.max_depth = 3;
    CHECK(leaves(test::fit(data, options)) <= 8);
    options = test::one_plain_tree();
    options.max_leaf_nodes = 9;
    const Forest best_first = test::fit(data, options);
    CHECK(leaves(best_first) == 9);
    validate(best_first);
    options = test::one_plain_tree();
    options.min_samples_leaf = 20;
    for (const double cover : test::fit(data, options).cover) {
        CHECK(cover >= 20);
    }
    options = test::one_plain_tree();
    options.min_weight_fraction_leaf = 0.1;
    for (const double cover : test::fit(data, options).cover) {
        CHECK(cover >= 40);
    }
    options = test::one_plain_tree();
    options.min_samples_split = 50;
    const Forest forest = test::fit(data, options);
    for (std::size_t i = 0; i < forest.n_nodes(); ++i) {
        CHECK((forest.feature[i] < 0 || forest.cover[i] >= 50));
    }
    options = test::one_plain_tree();
    options.min_impurity_decrease = 0.02;
    const Forest pruned = test::fit(data, options);
    CHECK(leaves(pruned) > 1);
    for (std::size_t i = 0; i < pruned.n_nodes(); ++i) {
        if (pruned.feature[i] >= 0) {
            const auto part = [&](std::size_t node) { return pruned.cover[node] * pruned.impurity[node] / 400; };
            CHECK(part(i) - part(static_cast<std::size_t>(pruned.left[i])) - part(static_cast<std::size_t>(pruned.right[i])) >= 0.02 - 1e-12);
        }
    }
}

TEST_CASE("growing best first without reaching the limit grows the same tree, in another order") {
    const auto data = test::make_data(200, 8, 3, 9);
    ForestOptions options = test::one_plain_tree();
    options.max_features = 2;
    const Forest depth_first = test::fit(data, options);
    options.max_leaf_nodes = 1000;
    const Forest best_first = test::fit(data, options);
    std::multimap<double, std::pair<int, float>> a;
    std::multimap<double, std::pair<int, float>> b;
    for (std::size_t i = 0; i < depth_first.n_nodes(); ++i) {
        a.emplace(depth_first.cover[i], std::pair(depth_first.feature[i], depth_first.threshold[i]));
        b.emplace(best_first.cover[i], std::pair(best_first.feature[i], best_first.threshold[i]));
    }
    const auto sorted = [](const auto& map) {
        std::vector<std::tuple<double, int, float>> all;
        for (const auto& [cover, split] : map) {
            all.emplace_back(cover, split.first, split.second);
        }
        std::sort(all.begin(), all.end());
        return all;
    };
    CHECK(sorted(a) == sorted(b));
}

TEST_CASE("NaN unseen in a node goes to the child with more rows") {
    test::Data data{Matrix<float>(5, 1), {0, 0, 0, 1, 1}, 2, {}};
    data.x.values = {1, 2, 3, 4, 5};
    CHECK(test::fit(data, test::one_plain_tree()).missing_left[0] == 1);
    data.y = {0, 0, 1, 1, 1};
    CHECK(test::fit(data, test::one_plain_tree()).missing_left[0] == 0);
}

}  // namespace
}  // namespace emotion::trees
