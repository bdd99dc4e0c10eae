#include "emotion/trees/boosting.hpp"

#include <doctest/doctest.h>

#include "emotion/core/errors.hpp"
#include "emotion/trees/boosting_predictor.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

Boosting fit(const test::Data& data, const BoostingOptions& options, int n_threads = 1, std::span<const std::uint8_t> held = {}, BoostingTrace* trace = nullptr) {
    const auto rows = test::all_rows(data.y.size());
    Parallel parallel(n_threads);
    StopToken stop;
    return fit_boosting({data.x.view(), rows, data.y, data.weights, data.n_classes}, held, options, parallel, stop, nullptr, trace);
}

TEST_CASE("the training loss falls, and a model is valid and equal for any number of threads") {
    for (const std::size_t n_classes : {2U, 4U}) {
        const auto data = test::make_data(400, 9, n_classes, 1, 0, 0.05);
        BoostingOptions options;
        options.n_estimators = 8;
        BoostingTrace trace;
        const Boosting one = fit(data, options, 1, {}, &trace);
        validate(one);
        CHECK(one.n_rounds() == 8);
        for (std::size_t i = 1; i < trace.train.size(); ++i) {
            CHECK(trace.train[i] < trace.train[i - 1]);
        }
        for (const int n_threads : {2, 7}) {
            const Boosting other = fit(data, options, n_threads);
            CHECK(other.threshold == one.threshold);
            CHECK(other.value == one.value);
            CHECK(other.gain == one.gain);
        }
    }
}

TEST_CASE("holdout rows train nothing; positions of a larger matrix act as copied rows") {
    auto data = test::make_data(300, 5, 3, 2);
    std::vector<std::uint8_t> held(300, 0);
    std::fill(held.begin() + 240, held.end(), std::uint8_t{1});
    BoostingOptions options;
    options.n_estimators = 5;
    const Boosting with = fit(data, options, 1, held);
    std::vector<std::int32_t> rows(240);
    std::iota(rows.begin(), rows.end(), 0);
    Parallel serial(1);
    StopToken stop;
    const std::span<const std::int32_t> labels(data.y.data(), 240);
    const Boosting without = fit_boosting({data.x.view(), rows, labels, {}, 3}, {}, options, serial, stop);
    CHECK(with.value == without.value);
    CHECK(with.threshold == without.threshold);
}

TEST_CASE("bins made once serve every fit of the same rows, holdout, max_bins and class weights, and change no bit") {
    const auto data = test::make_data(300, 6, 3, 4, 1, 0.05);
    std::vector<std::uint8_t> held(300, 0);
    std::fill(held.begin() + 250, held.end(), std::uint8_t{1});
    const auto rows = test::all_rows(300);
    const LabelledRows labelled{data.x.view(), rows, data.y, data.weights, data.n_classes};
    Parallel serial(1);
    StopToken stop;
    BoostingOptions options;
    options.n_estimators = 4;
    options.max_bins = 20;
    options.class_weight = ClassWeight::balanced;
    const BoostingBins bins(labelled, held, options, serial, stop);
    for (const double rate : {0.1, 0.7}) {
        options.learning_rate = rate;
        options.max_leaf_nodes = rate > 0.5 ? 4 : -1;
        REQUIRE(bins.serves(held, options));
        const Boosting with = fit_boosting(labelled, held, options, serial, stop, nullptr, nullptr, &bins);
        const Boosting without = fit_boosting(labelled, held, options, serial, stop);
        CHECK(with.value == without.value);
        CHECK(with.threshold == without.threshold);
        CHECK(with.gain == without.gain);
    }
    BoostingOptions others = options;
    others.max_bins = 21;
    CHECK_FALSE(bins.serves(held, others));
    others = options;
    others.class_weight = ClassWeight::none;
    CHECK_FALSE(bins.serves(held, others));
    CHECK_FALSE(bins.serves({}, options));
    CHECK_THROWS_AS(fit_boosting(labelled, {}, options, serial, stop, nullptr, nullptr, &bins), InvalidInputError);
}

TEST_CASE("bad options and data are refused; a stop is obeyed") {
    const auto data = test::make_data(30, 2, 2, 1);
    const auto refused = [&](auto&& change) {
        BoostingOptions options;
        change(options);
        CHECK_THROWS_AS(fit(data, options), InvalidInputError);
    };
    refused([](BoostingOptions& o) { o.n_estimators = 0; });
    refused([](BoostingOptions& o) { o.learning_rate = -1; });
    refused([](BoostingOptions& o) { o.max_bins = 256; });
    refused([](BoostingOptions& o) { o.subsample = 0; });
    refused([](BoostingOptions& o) { o.class_weight = ClassWeight::given; });
    auto bad = data;
    bad.y[3] = 2;
    CHECK_THROWS_AS(fit(bad, BoostingOptions{}), InvalidInputError);
    const std::vector<std::uint8_t> all(30, 1);
    CHECK_THROWS_AS(fit(data, BoostingOptions{}, 1, all), InvalidInputError);
    Parallel serial(1);
    StopToken stop;
    stop.request_stop();
    const auto rows = test::all_rows(30);
    CHECK_THROWS_AS(fit_boosting({data.x.view(), rows, data.y, {}, 2}, {}, BoostingOptions{}, serial, stop), Cancelled);
}

}  // namespace
}  // namespace emotion::trees
