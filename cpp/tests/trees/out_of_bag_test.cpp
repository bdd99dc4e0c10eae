#include "emotion/trees/out_of_bag.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "emotion/core/errors.hpp"
#include "forests.hpp"

namespace emotion::trees {
namespace {

// NaN equals NaN: a row without a vote.
bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
    return a.values.size() == b.values.size() && std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0;
}

TEST_CASE("shares made again from the seed have the bits of those that the fit made") {
    for (const std::size_t max_samples : {std::size_t{0}, std::size_t{60}, std::size_t{400}}) {
        for (const bool weighted : {false, true}) {
            auto data = test::make_data(203, 6, 4, 2, 8, 0.1);
            if (weighted) {
                data.weights.assign(203, 0.5);
            }
            ForestOptions options;
            options.n_estimators = 7;
            options.max_features = 2;
            options.max_samples = max_samples;
            options.seed = 11;
            OutOfBag fitted;
            const Forest forest = test::fit(data, options, 1, &fitted);
            StopToken stop;
            for (const int n_threads : {1, 2, 7}) {
                Parallel parallel(n_threads);
                CHECK(same_bits(out_of_bag_of(forest, data.x.view(), options, parallel, stop).probability, fitted.probability));
            }
        }
    }
}

TEST_CASE("a forest without bootstrap and another number of columns are refused") {
    const auto data = test::make_data(20, 3, 2, 1);
    const Forest forest = test::fit(data, test::one_plain_tree());
    Parallel parallel(1);
    StopToken stop;
    CHECK_THROWS_AS(out_of_bag_of(forest, data.x.view(), test::one_plain_tree(), parallel, stop), InvalidInputError);
    const Matrix<float> narrow(20, 2);
    CHECK_THROWS_AS(out_of_bag_of(forest, narrow.view(), ForestOptions{}, parallel, stop), InvalidInputError);
}

}  // namespace
}  // namespace emotion::trees
