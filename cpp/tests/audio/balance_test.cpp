#include "emotion/audio/balance.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace emotion::audio;

namespace {

constexpr std::size_t bins = 257;
constexpr double bin_hz = 31.25;

// A lane block whose frame l has the power fn(bin, l).
template <class F>
std::vector<float> block_of(F&& fn) {
    std::vector<float> power(bins * 8);
    for (std::size_t k = 0; k < bins; ++k) {
        for (std::size_t l = 0; l < 8; ++l) {
            power[k * 8 + l] = static_cast<float>(fn(k, l));
        }
    }
    return power;
}

}  // namespace

TEST_CASE("silence has no balance") {
    const SpectralBalance plan(16'000, 512);
    SpectralBalance::Memory memory;
    BalanceBlock out;
    plan.apply(block_of([](std::size_t, std::size_t) { return 0.0; }).data(), memory, out);
    for (std::size_t l = 0; l < 8; ++l) {
        CHECK(out.hammarberg_index[l] == 0.0F);
        CHECK(std::fabs(out.slope_low[l]) < 1e-6F);
        CHECK(std::fabs(out.slope_middle[l]) < 1e-6F);
        CHECK(out.flux[l] == 0.0F);
    }
}

TEST_CASE("a spectrum that falls by a constant number of decibels a hertz has that slope, and the ratios of its sums and peaks") {
    const SpectralBalance plan(16'000, 512);
    SpectralBalance::Memory memory;
    BalanceBlock out;
    const auto slope_of = [](std::size_t l) { return -0.002 * static_cast<double>(l); };
    const auto power_of = [&](std::size_t k, std::size_t l) { return std::pow(10.0, slope_of(l) * static_cast<double>(k) * bin_hz / 10.0); };
    plan.apply(block_of(power_of).data(), memory, out);
    for (std::size_t l = 0; l < 8; ++l) {
        double below = 0, above = 0;
        for (std::size_t k = 2; k <= 160; ++k) {  // 62.5 … 1000 Hz and 1031.25 … 5000 Hz
            (k <= 32 ? below : above) += power_of(k, l);
        }
        CHECK(out.alpha_ratio[l] == doctest::Approx(10.0 * std::log10(above / below)).epsilon(1e-5));
        CHECK(out.hammarberg_index[l] == doctest::Approx(-slope_of(l) * 64.0 * bin_hz).epsilon(1e-4));
        CHECK(static_cast<double>(out.slope_low[l]) == doctest::Approx(slope_of(l)).epsilon(1e-4));
        CHECK(static_cast<double>(out.slope_middle[l]) == doctest::Approx(slope_of(l)).epsilon(1e-4));
    }
}

TEST_CASE("flux compares with the frame before, across blocks") {
    const SpectralBalance plan(16'000, 512);
    SpectralBalance::Memory memory;
    BalanceBlock out;
    // Frame t has all its energy, (t + 1)^4, in bin 20 but every third frame's in bin 40: the level never counts, a change of bin is sqrt(2).
    const auto bin_of_frame = [](std::size_t t) { return t % 3 == 2 ? 40U : 20U; };
    for (std::size_t first = 0; first < 24; first += 8) {
        plan.apply(block_of([&](std::size_t k, std::size_t l) {
                       return k == bin_of_frame(first + l) ? std::pow(static_cast<double>(first + l + 1), 4.0) : 0.0;
                   }).data(),
                   memory, out);
        for (std::size_t l = 0; l < 8; ++l) {
            const std::size_t t = first + l;
            const bool moved = t > 0 && bin_of_frame(t) != bin_of_frame(t - 1);
            CHECK(static_cast<double>(out.flux[l]) == doctest::Approx(moved ? std::sqrt(2.0) : 0.0).epsilon(1e-5));
        }
    }
}
