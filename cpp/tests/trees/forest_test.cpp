#include "emotion/trees/forest.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "emotion/core/errors.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

// One of every kind of fit.
std::vector<ForestOptions> kinds() {
    std::vector<ForestOptions> all(11);
    for (ForestOptions& options : all) {
        options.n_estimators = 6;
        options.max_features = 3;
        options.seed = 11;
    }
    all[1].criterion = Criterion::entropy;
    all[2].class_weight = ClassWeight::balanced;
    all[3].class_weight = ClassWeight::balanced_subsample;
    all[3].criterion = Criterion::entropy;
    all[4].max_leaf_nodes = 12;
    all[5].min_samples_leaf = 3;
    all[5].max_samples = 50;
    all[6].bootstrap = false;
    all[6].max_features = 0;
    all[7].min_impurity_decrease = 0.01;
    for (std::size_t i = 8; i < all.size(); ++i) {
        all[i].splitter = Splitter::random_cut;
        all[i].bootstrap = i == 9;
    }
    all[9].criterion = Criterion::entropy;
    all[9].class_weight = ClassWeight::balanced;
    all[10].max_leaf_nodes = 60;
    return all;
}

TEST_CASE("equal bits for any number of threads") {
    const auto data = test::make_data(300, 9, 4, 1, 4, 0.05);
    for (const ForestOptions& options : kinds()) {
        OutOfBag bag_one;
        const Forest one = test::fit(data, options, 1, options.bootstrap ? &bag_one : nullptr);
        validate(one);
        for (const int n_threads : {2, 7}) {
            OutOfBag bag;
            CHECK(test::equal(one, test::fit(data, options, n_threads, options.bootstrap ? &bag : nullptr)));
            for (std::size_t i = 0; i < bag.probability.values.size(); ++i) {
                const double a = bag.probability.values[i];
                const double b = bag_one.probability.values[i];
                REQUIRE((a == b || (std::isnan(a) && std::isnan(b))));
            }
        }
    }
}

// The contract of the fold loop: positions in shared codes with mapped values, against codes of the copied, mapped rows.
TEST_CASE("a fit on some positions of shared codes equals a fit on copies of those rows, bit for bit") {
    const auto data = test::make_data(400, 9, 4, 2, 8, 0.05);
    RandomStream stream(3, Purpose::test, 0);
    std::vector<std::int32_t> rows;
    for (int i = 0; i < 260; ++i) {
        rows.push_back(static_cast<std::int32_t>(stream.below(400)));  // with repetitions, as an over-sampler makes them
    }
    const auto map = [](float value) { return std::floor(value * 3.0F) / 3.0F + 100.0F; };  // merges neighbours
    Matrix<float> copied(rows.size(), data.x.cols);
    std::vector<std::int32_t> labels;
    std::vector<double> weights;
    for (std::size_t p = 0; p < rows.size(); ++p) {
        const auto row = static_cast<std::size_t>(rows[p]);
        for (std::size_t c = 0; c < data.x.cols; ++c) {
            copied(p, c) = map(data.x(row, c));
        }
        labels.push_back(data.y[row]);
        weights.push_back(0.5 + stream.uniform());
    }
    test::Input shared(data.x, data.y, rows, 4, map);
    test::Input separate(copied, labels, test::all_rows(rows.size()), 4, test::identity);
    Parallel parallel(1);
    StopToken stop;
    for (const bool weighted : {false, true}) {
        shared.weights = separate.weights = weighted ? weights : std::vector<double>{};
        for (const ForestOptions& options : kinds()) {
            const Forest a = fit_forest(shared.set(), options, parallel, stop);
            const Forest b = fit_forest(separate.set(), options, parallel, stop);
            CHECK(test::equal(a, b));
            CHECK(a.n_nodes() > 20);
        }
    }
}

TEST_CASE("narrow and wide keys, codes in place and copied together grow the same forest") {
    // With 70,000 unrelated rows in the encoded matrix the codes need more bits, and trees copy the rows of small nodes.
    const auto data = test::make_data(200, 20, 3, 4, 0, 0.05);
    Matrix<float> large(70'000, 20);
    std::copy(data.x.values.begin(), data.x.values.end(), large.values.begin());
    for (std::size_t i = data.x.values.size(); i < large.values.size(); ++i) {
        large.values[i] = static_cast<float>(i) * 1e-3F;
    }
    std::vector<std::int32_t> labels(large.rows, 0);
    std::copy(data.y.begin(), data.y.end(), labels.begin());
    for (const std::size_t n_classes : {std::size_t{3}, std::size_t{5000}}) {
        const test::Input small(data.x, data.y, test::all_rows(200), n_classes, test::identity);
        const test::Input wide(large, labels, test::all_rows(200), n_classes, test::identity);
        REQUIRE(wide.codes.is_wide());
        REQUIRE(wide.codes.has_rows());
        REQUIRE(!small.codes.has_rows());
        ForestOptions options;
        options.n_estimators = 3;
        options.max_features = 5;
        Parallel parallel(1);
        StopToken stop;
        for (const auto class_weight : {ClassWeight::none, ClassWeight::balanced}) {
            options.class_weight = class_weight;
            for (const Splitter splitter : {Splitter::best, Splitter::random_cut}) {
                options.splitter = splitter;
                CHECK(test::equal(fit_forest(small.set(), options, parallel, stop), fit_forest(wide.set(), options, parallel, stop)));
            }
        }
    }
}

TEST_CASE("integer weights split as repeated rows do") {
    auto data = test::make_data(80, 4, 3, 5);
    test::Input repeated(data.x, data.y, test::all_rows(80), 3, test::identity);
    data.weights.assign(80, 1.0);
    for (std::size_t i = 0; i < 80; i += 3) {
        data.weights[i] = 2;
        repeated.rows.push_back(static_cast<std::int32_t>(i));
        repeated.labels.push_back(data.y[i]);
    }
    Parallel parallel(1);
    StopToken stop;
    ForestOptions options = test::one_plain_tree();
    for (const Splitter splitter : {Splitter::best, Splitter::random_cut}) {
        options.splitter = splitter;
        const Forest a = test::fit(data, options);
        const Forest b = fit_forest(repeated.set(), options, parallel, stop);
        CHECK(a.feature == b.feature);
        CHECK(a.threshold == b.threshold);
        CHECK(a.cover == b.cover);
    }
}

TEST_CASE("rows of weight zero have no influence") {
    auto data = test::make_data(60, 3, 2, 6);
    data.weights.assign(60, 1.0);
    std::fill(data.weights.begin() + 40, data.weights.end(), 0.0);
    const Forest a = test::fit(data, test::one_plain_tree());
    for (std::size_t i = 40; i < 60; ++i) {
        data.y[i] = 1 - data.y[i];
        data.x(i, 0) = 1000;
    }
    CHECK(test::equal(a, test::fit(data, test::one_plain_tree())));
}

TEST_CASE("weights whose sum, or the square of it, is zero or infinite are refused") {
    auto data = test::make_data(60, 3, 2, 6);
    for (const double weight : {0.0, 1e-320, 1e-160, 1e150, 1e308}) {
        data.weights.assign(60, weight);
        CHECK_THROWS_AS(test::fit(data, test::one_plain_tree()), InvalidInputError);
    }
    data.weights.assign(60, 1e-100);
    CHECK(test::fit(data, test::one_plain_tree()).n_nodes() > 1);
}

TEST_CASE("out of bag: only trees that drew no copy of the row vote") {
    const auto data = test::make_data(40, 3, 2, 7);
    // Every row three times: a row is out of bag only if none of its copies was drawn.
    std::vector<std::int32_t> rows;
    for (int copy = 0; copy < 3; ++copy) {
        for (std::int32_t r = 0; r < 40; ++r) {
            rows.push_back(r);
        }
    }
    const test::Input input(data.x, data.y, rows, 2, test::identity);
    ForestOptions options;
    options.n_estimators = 400;
    Parallel parallel(1);
    StopToken stop;
    OutOfBag bag;
    const Forest forest = fit_forest(input.set(), options, parallel, stop, &bag);
    REQUIRE(bag.probability.rows == 120);
    for (std::size_t r = 0; r < 40; ++r) {
        CHECK(bag.probability(r, 0) == bag.probability(r + 40, 0));
        CHECK(bag.probability(r, 0) + bag.probability(r, 1) == doctest::Approx(1.0));
    }
    // One tree: rows that it drew have no vote.
    options.n_estimators = 1;
    OutOfBag single;
    static_cast<void>(fit_forest(input.set(), options, parallel, stop, &single));
    int none = 0;
    for (std::size_t r = 0; r < 40; ++r) {
        none += std::isnan(single.probability(r, 0)) ? 1 : 0;
    }
    CHECK(none > 33);  // a row is missed by 120 draws with probability e^-3 = 0.05: 38 of 40 are in the bag on average
    CHECK(none < 40);
}

TEST_CASE("later trees do not depend on earlier ones: first_tree continues a forest") {
    const auto data = test::make_data(100, 4, 3, 8);
    ForestOptions options;
    options.n_estimators = 5;
    const Forest five = test::fit(data, options);
    options.n_estimators = 2;
    options.first_tree = 3;
    const Forest last = test::fit(data, options);
    const auto begin = five.threshold.begin() + five.tree_offsets[3];
    CHECK(std::vector<float>(begin, five.threshold.end()) == last.threshold);
}

TEST_CASE("importances sum to one, find the informative columns, and are zero for a stump without splits") {
    auto data = test::make_data(300, 4, 2, 9);
    for (std::size_t r = 0; r < 300; ++r) {
        data.x(r, 2) = static_cast<float>(data.y[r]);
    }
    ForestOptions options;
    options.n_estimators = 20;
    options.max_features = 2;
    const auto importances = feature_importances(test::fit(data, options));
    CHECK(std::accumulate(importances.begin(), importances.end(), 0.0) == doctest::Approx(1.0));
    CHECK(importances[2] > 0.5);
    std::fill(data.y.begin(), data.y.end(), 0);
    CHECK(feature_importances(test::fit(data, options)) == std::vector<double>(4, 0.0));
}

TEST_CASE("a stop request ends a fit") {
    const auto data = test::make_data(2000, 20, 4, 10);
    const test::Input input(data.x, data.y, test::all_rows(2000), 4, test::identity);
    ForestOptions options;
    options.n_estimators = 1'000'000;
    Parallel parallel(2);
    StopToken stop;
    std::thread stopper([&] {
        while (stop.done() < 2) {
            std::this_thread::yield();
        }
        stop.request_stop();
    });
    CHECK_THROWS_AS(static_cast<void>(fit_forest(input.set(), options, parallel, stop)), Cancelled);
    stopper.join();
}

}  // namespace
}  // namespace emotion::trees
