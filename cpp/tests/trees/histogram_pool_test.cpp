#include "../../src/trees/histogram_pool.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace emotion::trees;

TEST_CASE("histograms given back are taken again, of the size that is asked for") {
    HistogramPool pool;
    std::unique_ptr<Histogram> first = pool.take(8);
    CHECK(first->size() == 8);
    const Histogram* const memory = first.get();
    pool.give(std::move(first));
    std::unique_ptr<Histogram> again = pool.take(4);
    CHECK(again.get() == memory);
    CHECK(again->size() == 4);
    CHECK(pool.take(4).get() != memory);
    pool.give(std::move(again));
    CHECK(pool.take(16)->size() == 16);
}

TEST_CASE("threads never hold the same histogram") {
    HistogramPool pool;
    std::vector<std::thread> threads;
    std::vector<int> clashes(4, 0);
    for (std::size_t t = 0; t < clashes.size(); ++t) {
        threads.emplace_back([&pool, &clashes, t] {
            for (int i = 0; i < 2000; ++i) {
                std::unique_ptr<Histogram> own = pool.take(2);
                (*own)[0] = static_cast<int>(t);
                (*own)[1] = i;
                clashes[t] += (*own)[0] != static_cast<int>(t) || (*own)[1] != i ? 1 : 0;
                pool.give(std::move(own));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(clashes == std::vector<int>(4, 0));
}
