// Permutation tests of two models that predicted the same clips: the models' answers are exchanged for whole clusters (speakers).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/metrics/rates.hpp"

namespace emotion::metrics {

struct PermutationResult {
    double statistic = 0;             // of the data as they are
    double p_value = 1;               // two-sided
    std::uint64_t n_permutations = 1;  // assignments looked at, the data's own included
    bool exact = true;                // all of them, or a random sample
};

struct PermutationOptions {
    std::size_t exact_up_to = 20;    // differing clusters up to which every assignment is visited, 2^(n - 1) of them; at most 30
    std::uint64_t n_resamples = 9999;  // random assignments beyond
    std::uint64_t seed = 0;
};

// Under the null hypothesis each cluster's pair of answers is as likely as the pair exchanged, so every one of the 2^n assignments has the
// same probability, whatever the sizes and the dependence inside clusters (Fisher, "The design of experiments", 1935, section 21; Pitman,
// "Significance tests which may be applied to samples from any populations", 1937). p = share of assignments whose |statistic| is not below
// the observed one; with random assignments (b + 1) / (m + 1) (Phipson & Smyth, "Permutation p-values should never be zero", 2010), so the
// level holds exactly either way. Clusters without a difference are left out: they change nothing.
//
// Exact assignments are walked in the order of a Gray code, so each costs one exchange; the first cluster stays, since exchanging all only
// changes the sign. Random assignment r uses the stream (seed, Purpose::permutation, r). Ties are taken up to 1e-12 of the scale.
// NaN policy: an undefined statistic of an assignment counts as extreme; an undefined observed one gives NaN. Equal results for any number
// of threads. Complexity: assignments x cost of the statistic.

// Statistic: sum of the clusters' differences (their signs are flipped).
[[nodiscard]] PermutationResult sign_flip_test(std::span<const double> differences, const PermutationOptions& options, Parallel& parallel,
                                               StopToken& stop);

// Statistic: rate of model a's total counts minus rate of model b's. a and b hold one row a cluster: its k x k confusion counts.
[[nodiscard]] PermutationResult swap_test(MatrixView<const double> a, MatrixView<const double> b, std::size_t k, std::size_t n_classes, Rate rate,
                                          const PermutationOptions& options, Parallel& parallel, StopToken& stop);

}  // namespace emotion::metrics
