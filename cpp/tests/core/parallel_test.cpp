#include "emotion/core/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "emotion/core/errors.hpp"

using emotion::Parallel;

TEST_CASE("every index is visited once, for any number of threads") {
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        for (const std::size_t n : {0UL, 1UL, 5UL, 64UL, 1000UL}) {
            std::vector<int> visits(n, 0);
            parallel.blocks(n, 7, [&](std::size_t begin, std::size_t end) {
                CHECK(begin % 7 == 0);
                for (std::size_t i = begin; i < end; ++i) {
                    ++visits[i];
                }
            });
            CHECK(std::accumulate(visits.begin(), visits.end(), 0) == static_cast<int>(n));
            for (const int v : visits) {
                CHECK(v == 1);
            }
        }
    }
}

TEST_CASE("sums over blocks added in order have equal bits for any number of threads") {
    std::vector<double> values(100000);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = 1.0 / static_cast<double>(i + 1);
    }
    std::vector<double> results;
    for (const int threads : {1, 2, 7}) {
        Parallel parallel(threads);
        std::vector<double> partial((values.size() + 999) / 1000);
        parallel.blocks(values.size(), 1000, [&](std::size_t begin, std::size_t end) {
            double sum = 0;
            for (std::size_t i = begin; i < end; ++i) {
                sum += values[i];
            }
            partial[begin / 1000] = sum;
        });
        results.push_back(std::accumulate(partial.begin(), partial.end(), 0.0));
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
}

TEST_CASE("nested calls finish, and scratch of an outer block is never entered twice") {
    Parallel parallel(4);
    std::atomic<int> total{0};
    parallel.each(16, [&](std::size_t) {
        thread_local int depth = 0;
        ++depth;
        CHECK(depth == 1);
        parallel.each(16, [&](std::size_t) { total.fetch_add(1); });
        --depth;
    });
    CHECK(total == 256);
}

TEST_CASE("an exception of a block reaches the caller") {
    for (const int threads : {1, 2}) {
        Parallel parallel(threads);
        CHECK_THROWS_AS(parallel.each(100, [](std::size_t i) {
            if (i == 37) {
                throw std::domain_error("37");
            }
        }),
                        std::domain_error);
    }
}

TEST_CASE("zero threads are refused") { CHECK_THROWS_AS(Parallel(0), emotion::InvalidInputError); }

TEST_CASE("the loaded oneTBB is not older than its headers") {
    CHECK(emotion::tbb_runtime_version() >= emotion::tbb_header_version());
}

TEST_CASE("more threads than oneTBB has workers are cut, and do the same work") {
    Parallel parallel(1'000'000);
    CHECK(parallel.n_threads() == 256);
    std::atomic<int> sum{0};
    parallel.each(1000, [&](std::size_t) { ++sum; });
    CHECK(sum == 1000);
}
