#include "emotion/trees/forest.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "../../src/trees/binned_items.hpp"
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

// Every rule that a search must keep, for data of n rows.
std::vector<ForestOptions> many_options() {
    std::vector<ForestOptions> all;
    for (const Criterion criterion : {Criterion::gini, Criterion::entropy}) {
        ForestOptions options;
        options.criterion = criterion;
        options.n_estimators = 3;
        options.max_features = 2;
        options.seed = 5;
        all.push_back(options);
        options.min_samples_leaf = 3;
        options.min_samples_split = 8;
        all.push_back(options);
        options.max_leaf_nodes = 30;
        options.min_weight_fraction_leaf = 0.01;
        all.push_back(options);
    }
    return all;
}

TEST_CASE("where columns have at most 255 values, bins give the trees of the exact search") {
    for (const std::size_t k : {2U, 8U, 11U}) {
        for (const double nan_share : {0.0, 0.1}) {
            const auto data = test::make_data(2500, 5, k, 17 + k, 12, nan_share);
            for (ForestOptions options : many_options()) {
                const Forest exact = test::fit(data, options);
                options.exact_positions = 0;
                CHECK(test::equal(exact, test::fit(data, options)));
                options.class_weight = ClassWeight::balanced;
                const Forest weighted = test::fit(data, options);
                options.exact_positions = most_exact_positions;
                CHECK(test::equal(weighted, test::fit(data, options)));
            }
        }
    }
}

TEST_CASE("trees of bins are the exact trees of the bins' numbers, with thresholds halfway between the bins") {
    for (const std::size_t k : {3U, 8U, 9U}) {
        const auto data = test::make_data(3000, 4, k, 40 + k, 0, 0.05);
        const auto rows = test::all_rows(3000);
        Parallel parallel(1);
        StopToken stop;
        const test::Input input(data.x, data.y, rows, k, test::identity);
        const std::vector<std::uint32_t> items(rows.begin(), rows.end());
        const BinnedItems binned(input.set(), items, parallel, stop);
        test::Data numbers = data;
        for (std::size_t r = 0; r < 3000; ++r) {
            for (std::size_t j = 0; j < 4; ++j) {
                const std::size_t bin = binned.column(j)[r];
                numbers.x(r, j) = bin == binned.bins[j].largest.size() ? std::nanf("") : static_cast<float>(bin);
            }
        }
        for (ForestOptions options : many_options()) {
            const Forest reference = test::fit(numbers, options);
            options.exact_positions = 2999;
            const Forest forest = test::fit(data, options);
            REQUIRE(forest.feature == reference.feature);
            CHECK(forest.left == reference.left);
            CHECK(forest.right == reference.right);
            CHECK(forest.missing_left == reference.missing_left);
            CHECK(forest.value == reference.value);
            for (std::size_t i = 0; i < forest.n_nodes(); ++i) {
                if (forest.feature[i] < 0 || std::isinf(reference.threshold[i])) {
                    continue;
                }
                // The bins on both sides have rows in the node; the mean of their numbers leaves open which, where others lie between.
                const Bins& bins = binned.bins[static_cast<std::size_t>(forest.feature[i])];
                const auto lower = static_cast<std::size_t>(std::floor(reference.threshold[i]));
                if (reference.threshold[i] - std::floor(reference.threshold[i]) == 0.5F && lower + 1 < bins.smallest.size()) {
                    CHECK(forest.threshold[i] >= bins.smallest.front());
                    CHECK(forest.threshold[i] < bins.largest.back());
                }
            }
            StopToken token;
            Matrix<double> out(3000, k);
            Matrix<double> wanted(3000, k);
            predict_proba(forest, data.x.view(), out.view(), parallel, token);
            predict_proba(reference, numbers.x.view(), wanted.view(), parallel, token);
            std::size_t differing = 0;   // a bin that a node lacks may lie on the threshold, for rows that the tree did not draw
            for (std::size_t i = 0; i < out.values.size(); ++i) {
                differing += out.values[i] != wanted.values[i] ? 1 : 0;
            }
            CHECK(differing * 20 < out.values.size());
        }
    }
}

TEST_CASE("bins: equal bits for any number of threads, from codes and from a matrix; out-of-bag rows are read as they are") {
    auto data = test::make_data(4000, 6, 4, 77, 0, 0.02);
    ForestOptions options;
    options.n_estimators = 8;
    options.max_features = 2;
    options.exact_positions = 3999;
    OutOfBag one;
    OutOfBag other;
    const Forest forest = test::fit(data, options, 1, &one);
    for (const int n_threads : {2, 7}) {
        CHECK(test::equal(forest, test::fit(data, options, n_threads)));
    }
    Parallel parallel(2);
    StopToken stop;
    const auto rows = test::all_rows(4000);
    const LabelledRows labelled{data.x.view(), rows, data.y, {}, 4};
    CHECK(test::equal(forest, fit_forest(labelled, options, parallel, stop, &other)));
    for (std::size_t i = 0; i < one.probability.values.size(); ++i) {
        const double a = one.probability.values[i];
        const double b = other.probability.values[i];
        REQUIRE((a == b || (std::isnan(a) && std::isnan(b))));
    }
    options.exact_positions = 4000;
    CHECK(!test::equal(forest, test::fit(data, options)));
    options.splitter = Splitter::random_cut;
    const Forest cuts = test::fit(data, options);
    options.exact_positions = 0;
    CHECK(test::equal(cuts, test::fit(data, options)));
}

}  // namespace
}  // namespace emotion::trees
