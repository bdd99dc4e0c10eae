#include "emotion/audio/pyin.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "pyin_path.hpp"

using namespace emotion;
using namespace emotion::audio;

TEST_CASE("the incomplete beta function: closed forms and symmetry") {
    for (const double x : {0.0, 0.01, 0.3, 0.5, 0.9, 1.0}) {
        CHECK(incomplete_beta(1.0, 1.0, x) == doctest::Approx(x).epsilon(1e-13));
        CHECK(incomplete_beta(1.0, 5.0, x) == doctest::Approx(1.0 - std::pow(1.0 - x, 5)).epsilon(1e-13));
        // I_x(2, 18) = 1 - (1 - x)^19 - 19 x (1 - x)^18
        CHECK(incomplete_beta(2.0, 18.0, x) == doctest::Approx(1.0 - std::pow(1.0 - x, 19) - 19.0 * x * std::pow(1.0 - x, 18)).epsilon(1e-12));
        CHECK(incomplete_beta(0.5, 7.5, x) + incomplete_beta(7.5, 0.5, 1.0 - x) == doctest::Approx(1.0).epsilon(1e-13));
    }
}

TEST_CASE("the banded path equals Viterbi decoding with the whole matrix, whether all frames are kept or some are computed again") {
    RandomStream random(3, Purpose::test, 0);
    for (const std::size_t bins : {2UL, 7UL, 40UL, 41UL}) {
        for (const double rate : {2.0, 9.0, 25.0}) {  // semitones a frame, four bins each
            PyinOptions options;
            options.resolution = 0.25;
            options.yin.hop_length = 100;
            options.yin.sample_rate_hz = 1200.0;
            options.max_transition_rate = rate;
            const std::size_t frames = 90;
            std::vector<std::size_t> starts{0};
            std::vector<PitchCandidate> candidates;
            std::vector<double> unvoiced;
            for (std::size_t t = 0; t < frames; ++t) {
                double left = 1.0;
                for (std::size_t bin = 0; bin < bins; ++bin) {
                    if (random.uniform() < 0.1) {
                        const double p = left * random.uniform();
                        candidates.push_back({bin, std::log(p)});
                        left -= p;
                    }
                }
                starts.push_back(candidates.size());
                unvoiced.push_back(t % 10 < 4 ? std::log(1e-308) : std::log(left / static_cast<double>(bins)));
            }
            candidates.push_back({0, 0.0});
            // The whole matrix.
            const auto width = static_cast<std::size_t>(std::nearbyint(rate) * 4.0) + 1;
            std::vector<std::vector<double>> transition(2 * bins, std::vector<double>(2 * bins, std::log(2.2250738585072014e-308)));
            for (std::size_t i = 0; i < bins; ++i) {
                double total = 0;
                const auto weight = [&](std::size_t j) {
                    const std::size_t apart = i > j ? i - j : j - i;
                    return apart <= width / 2 ? 1.0 - static_cast<double>(apart) / (static_cast<double>(width + 1) / 2) : 0.0;
                };
                for (std::size_t j = 0; j < bins; ++j) {
                    total += weight(j);
                }
                for (std::size_t j = 0; j < bins; ++j) {
                    if (weight(j) > 0) {
                        transition[i][j] = transition[bins + i][bins + j] = std::log(weight(j) / total * 0.99);
                        transition[i][bins + j] = transition[bins + i][j] = std::log(weight(j) / total * 0.01);
                    }
                }
            }
            std::vector<double> value(2 * bins, -std::log(2.0 * static_cast<double>(bins))), next(2 * bins);
            const auto observation = [&](std::size_t t, std::size_t s) {
                if (s >= bins) {
                    return unvoiced[t];
                }
                for (std::size_t i = starts[t]; i < starts[t + 1]; ++i) {
                    if (candidates[i].bin == s) {
                        return candidates[i].probability;
                    }
                }
                return std::log(2.2250738585072014e-308);
            };
            std::vector<std::uint32_t> path;
            PitchPath decoder(options, bins, 4);
            decoder.decode(starts, candidates, unvoiced, path, StopToken{});
            double along = 0;
            for (std::size_t t = 0; t < frames; ++t) {
                if (t > 0) {
                    for (std::size_t s = 0; s < 2 * bins; ++s) {
                        next[s] = -1e300;
                        for (std::size_t k = 0; k < 2 * bins; ++k) {
                            next[s] = std::max(next[s], value[k] + transition[k][s]);
                        }
                    }
                    value = next;
                    along += transition[path[t - 1]][path[t]];
                } else {
                    along = value[0];
                }
                for (std::size_t s = 0; s < 2 * bins; ++s) {
                    value[s] += observation(t, s);
                }
                along += observation(t, path[t]);
            }
            // The path's own probability is the best there is: an oracle that does not depend on how ties are broken.
            CHECK(along == doctest::Approx(*std::max_element(value.begin(), value.end())).epsilon(1e-12));
            for (const std::size_t kept : {1UL, 2UL, 3UL, 7UL, 89UL}) {
                std::vector<std::uint32_t> again;
                PitchPath small(options, bins, 4, kept);
                small.decode(starts, candidates, unvoiced, again, StopToken{});
                CHECK(again == path);
            }
        }
    }
}

TEST_CASE("frames that are not kept are computed again few times") {
    // Frames 1 … n computed on the way from n back to 1, where `room` of them can be kept: the least that is possible, by trying every first stride.
    constexpr std::size_t most = 40;
    for (const std::size_t room : {0UL, 1UL, 2UL, 5UL}) {
        std::vector<std::vector<std::size_t>> least(room + 1, std::vector<std::size_t>(most + 1)), ours = least;
        for (std::size_t c = 0; c <= room; ++c) {
            for (std::size_t n = 1; n <= most; ++n) {
                const auto steps = [&](const auto& table, std::size_t stride) {
                    return c == 0 ? n + table[0][n - 1] : stride + table[c - 1][n - stride] + table[c][stride - 1];
                };
                least[c][n] = steps(least, 1);
                for (std::size_t stride = 2; stride <= n; ++stride) {
                    least[c][n] = std::min(least[c][n], steps(least, stride));
                }
                ours[c][n] = steps(ours, PitchPath::stride(n, c));
                CHECK(ours[c][n] == least[c][n]);
            }
        }
    }
    CHECK(PitchPath::stride(1000, 1000) == 1);
    CHECK(PitchPath::stride(1000, 0) == 1000);
}

TEST_CASE("the path search looks at the stop token") {
    PyinOptions options;
    options.yin.hop_length = 100;
    options.yin.sample_rate_hz = 1200.0;
    StopToken stop;
    stop.request_stop();
    std::vector<std::uint32_t> path;
    PitchPath decoder(options, 50, 4);
    CHECK_THROWS_AS(decoder.decode({0, 0, 0}, {{0, 0.0}}, {-4.0, -4.0}, path, stop), Cancelled);
}

TEST_CASE("a tone between silences: its pitch bin where it sounds, unvoiced elsewhere") {
    std::vector<float> x(32000);
    for (std::size_t i = 8000; i < 24000; ++i) {
        x[i] = static_cast<float>(std::sin(2.0 * std::numbers::pi * 220.0 * static_cast<double>(i) / 16000.0));
    }
    PyinOptions options;
    options.yin = {55.0, 880.0, 16000.0, 1024, 256, true};
    const std::size_t frames = DifferenceFunction(options.yin, "pyin").frames(x.size());
    std::vector<double> f0(frames), prob(frames);
    std::vector<std::uint8_t> voiced(frames);
    pyin(x, options, f0, voiced, prob, StopToken{});
    for (std::size_t t = 0; t < frames; ++t) {
        const bool inside = t * 256 > 8600 && t * 256 < 23400, outside = t * 256 < 7400 || t * 256 > 24600;
        if (inside) {
            CHECK(voiced[t] == 1);
            // A bin: the frame counts as zero beyond its end, which moves the trough a little.
            CHECK(f0[t] == doctest::Approx(220.0).epsilon(0.006));
            CHECK(prob[t] > 0.85);
        } else if (outside) {
            CHECK(voiced[t] == 0);
            CHECK(prob[t] == 0.0);
        }
    }
}

TEST_CASE("options out of range are refused") {
    const std::vector<float> x(4000);
    const auto refused = [&](auto change) {
        PyinOptions options;
        change(options);
        std::vector<double> f0(1), prob(1);
        std::vector<std::uint8_t> voiced(1);
        CHECK_THROWS_AS(pyin(x, options, f0, voiced, prob, StopToken{}), InvalidInputError);
    };
    refused([](PyinOptions& o) { o.n_thresholds = 0; });
    refused([](PyinOptions& o) { o.beta_a = 0.0; });
    refused([](PyinOptions& o) { o.beta_b = std::nan(""); });
    refused([](PyinOptions& o) { o.resolution = 1.0; });
    refused([](PyinOptions& o) { o.switch_prob = 1.0; });
    refused([](PyinOptions& o) { o.no_trough_prob = -0.1; });
    refused([](PyinOptions& o) { o.max_transition_rate = 0.0; });
    refused([](PyinOptions& o) { o.boltzmann_parameter = 0.0; });
    refused([](PyinOptions& o) { o.yin.fmax_hz = o.yin.fmin_hz * 1.0001; });
}
