#include "../../src/trees/gradient_splits.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "boostings.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::trees {
namespace {

struct Fixture {
    Fixture(std::size_t n, double missing, double least_fraction = 0) : x(test::random_rows(n, 20, 3, missing)), weight(n, 1.0) {
        rows.resize(n);
        std::iota(rows.begin(), rows.end(), 0);
        binned = std::make_unique<BinnedRows>(x.view(), rows, std::span<const std::uint8_t>{}, std::span<const double>{}, 255, parallel, stop);
        data = {binned.get(), {}, std::vector<double>(n), std::vector<double>(n), &weight};
        RandomStream stream(5, Purpose::test, n);
        for (std::uint32_t r = 0; r < n; ++r) {
            data.drawn.push_back(r);
            data.g[r] = stream.uniform() - 0.5 + (x(r, 2) > 0.4F ? 0.3 : 0.0);
            data.h[r] = 0.05 + 0.2 * stream.uniform();
        }
        options.min_samples_leaf = 5;
        options.min_weight_fraction_leaf = least_fraction;
    }
    [[nodiscard]] GradientSplits splits(bool split_nodes) { return {data, options, 0, parallel, split_nodes, stop}; }
    [[nodiscard]] Histogram histogram() const { return Histogram(binned->block_offset.back() * bin_words, 77); }

    Matrix<float> x;
    std::vector<std::int32_t> rows;
    std::vector<double> weight;
    Parallel parallel{2};
    StopToken stop;
    std::unique_ptr<BinnedRows> binned;
    GradientRows data;
    BoostingOptions options;
};

TEST_CASE("rows, one histogram of them, and a parent's less the others' give one split") {
    for (const double missing : {0.0, 0.1}) {
        for (const double least : {0.0, 0.01}) {
            Fixture f(700, missing, least);
            GradientSplits splits = f.splits(false);
            const GradientSplits::Rows all = f.data.drawn;
            for (const std::size_t n : {std::size_t{20}, std::size_t{64}, std::size_t{127}, most_sorted}) {
                const auto few = all.first(n);
                const Sums sums = splits.sums(few);
                Histogram own = f.histogram();
                splits.accumulate(few, own);
                const GradientSplit wanted = splits.best(3, few, sums, &own);
                const GradientSplit found = splits.best(3, few, sums, nullptr);
                CHECK(wanted.place >= 0);
                CHECK(found.gain == wanted.gain);
                CHECK(found.place == wanted.place);
                CHECK(found.bin == wanted.bin);
                CHECK(found.missing_left == wanted.missing_left);

                Histogram rest = f.histogram();
                Histogram by_rows = f.histogram();
                Histogram by_child = f.histogram();
                splits.accumulate(all.subspan(n), rest);
                splits.accumulate(all, by_rows);
                by_child = by_rows;
                splits.subtract_rows(by_rows, few);
                splits.subtract_child(by_child, own);
                CHECK(by_rows == rest);
                CHECK(by_child == rest);
            }
        }
    }
}

// At most 255 rows: every cut is one of the bins'. Gradients are rounded to 1 part in 8191 of the largest.
TEST_CASE("the gain is the best that any cut of the rows has") {
    for (const std::size_t n : {std::size_t{60}, std::size_t{250}}) {
        Fixture f(n, 0.0);
        GradientSplits splits = f.splits(true);
        const Sums sums = splits.sums(f.data.drawn);
        Histogram histogram = f.histogram();
        splits.accumulate(f.data.drawn, histogram);
        const GradientSplit found = splits.best(0, f.data.drawn, sums, n <= most_sorted ? nullptr : &histogram);
        double g = 0;
        double h = 0;
        for (const std::uint32_t r : f.data.drawn) {
            g += f.data.g[r];
            h += f.data.h[r];
        }
        double best = 0;
        for (std::size_t c = 0; c < f.x.cols; ++c) {
            std::vector<std::uint32_t> order = f.data.drawn;
            std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return f.x(a, c) < f.x(b, c); });
            double left_g = 0;
            double left_h = 0;
            for (std::size_t i = 0; i + 1 < n; ++i) {
                left_g += f.data.g[order[i]];
                left_h += f.data.h[order[i]];
                const double l2 = f.options.l2_regularization;
                if (i + 1 >= 5 && n - i - 1 >= 5) {
                    best = std::max(best, 0.5 * (left_g * left_g / (left_h + l2) + (g - left_g) * (g - left_g) / (h - left_h + l2) - g * g / (h + l2)));
                }
            }
        }
        CHECK(found.gain <= best * 1.001);
        CHECK(found.gain >= best * 0.999);
    }
}

}  // namespace
}  // namespace emotion::trees
