#include "emotion/audio/pyin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "pyin_path.hpp"

namespace emotion::audio {
namespace {

// ln gamma(x), x > 0, by Stirling's series after the recurrence (std::lgamma writes to a global).
double log_gamma(double x) {
    double shift = 0.0;
    for (; x < 12.0; x += 1.0) {
        shift -= std::log(x);
    }
    const double z = 1.0 / (x * x);
    const double series = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z / 1188)))) / x;
    return shift + (x - 0.5) * std::log(x) - x + 0.5 * std::log(2.0 * std::numbers::pi) + series;
}

// The continued fraction of the incomplete beta function, by the modified Lentz method.
double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300;
    const auto guarded = [](double v) { return std::abs(v) < tiny ? tiny : v; };
    double c = 1.0, d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0)), value = d;
    for (int m = 1; m <= 500; ++m) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
        d = 1.0 / guarded(1.0 + even * d);
        c = guarded(1.0 + even / c);
        value *= d * c;
        d = 1.0 / guarded(1.0 + odd * d);
        c = guarded(1.0 + odd / c);
        value *= d * c;
        if (std::abs(d * c - 1.0) < 1e-15) {
            break;
        }
    }
    return value;
}

// Probabilities of the troughs of one frame.
class Observation {
public:
    // stop outlives the object.
    Observation(const PyinOptions& o, std::size_t lags, const StopToken& stop)
        : o_(o), stop_(stop), mass_(o.n_thresholds), tail_(o.n_thresholds + 1), share_(lags + 1) {
        double before = 0.0;
        for (std::size_t s = 0; s < o.n_thresholds; ++s) {
            stop_.check();
            const double cdf = incomplete_beta(o.beta_a, o.beta_b, threshold(s));
            mass_[s] = cdf - before;
            tail_[s + 1] = tail_[s] + mass_[s];
            before = cdf;
        }
        decay_ = std::exp(-o.boltzmann_parameter);
        for (std::size_t n = 1; n <= lags; ++n) {
            share_[n] = (1.0 - decay_) / (1.0 - std::exp(-o.boltzmann_parameter * static_cast<double>(n)));
        }
        weight_.resize(o.n_thresholds);
        met_.resize(o.n_thresholds + 1);
        troughs_.reserve(lags);
    }

    // Calls fn(lag index, probability) for the troughs of d' (stride `lanes`, n values), lags ascending.
    template <class F>
    void operator()(const float* d, std::size_t n, F&& fn) {
        find_troughs(d, n);
        if (troughs_.empty()) {
            return;
        }
        std::fill(met_.begin(), met_.end(), std::size_t{0});
        std::size_t lowest = 0;
        for (std::size_t i = 0; i < troughs_.size(); ++i) {
            ++met_[troughs_[i].first_threshold];
            lowest = troughs_[i].height < troughs_[lowest].height ? i : lowest;
        }
        // weight_[s]: the probability of the next trough below threshold s, times that of the threshold.
        for (std::size_t s = 0, count = 0; s < o_.n_thresholds; ++s) {
            count += met_[s];
            weight_[s] = count == 0 ? 0.0 : mass_[s] * share_[count];
        }
        for (std::size_t i = 0; i < troughs_.size(); ++i) {
            stop_.check();
            double sum = 0.0;
            for (std::size_t s = troughs_[i].first_threshold; s < o_.n_thresholds; ++s) {
                sum += weight_[s];
                weight_[s] *= decay_;
            }
            if (i == lowest) {
                sum += o_.no_trough_prob * tail_[troughs_[i].first_threshold];
            }
            if (sum != 0.0) {
                fn(troughs_[i].lag, sum);
            }
        }
    }

private:
    struct Trough {
        std::size_t lag;
        float height;
        std::size_t first_threshold;  // the first of thresholds 1 … n above the trough, counted from 0; n: none
    };
    [[nodiscard]] double threshold(std::size_t s) const {
        return s + 1 == o_.n_thresholds ? 1.0 : static_cast<double>(s + 1) * (1.0 / static_cast<double>(o_.n_thresholds));
    }
    [[nodiscard]] std::size_t first_above(double height) const {
        const double at = std::floor(height * static_cast<double>(o_.n_thresholds)) - 1.0;
        std::size_t s = at > 0.0 ? static_cast<std::size_t>(std::min(at, static_cast<double>(o_.n_thresholds))) : 0;
        while (s < o_.n_thresholds && !(height < threshold(s))) {
            ++s;
        }
        return s;
    }
    void find_troughs(const float* d, std::size_t n) {
        troughs_.clear();
        for (std::size_t i = 0; i < n; ++i) {
            const float here = d[i * lanes];
            const bool low = i == 0       ? here < d[lanes]
                             : i + 1 == n ? here < d[(i - 1) * lanes]
                                          : here < d[(i - 1) * lanes] && here <= d[(i + 1) * lanes];
            if (low) {
                troughs_.push_back({i, here, first_above(static_cast<double>(here))});
            }
        }
    }

    PyinOptions o_;
    const StopToken& stop_;
    std::vector<double> mass_, tail_, share_, weight_;
    double decay_ = 0.0;
    std::vector<std::size_t> met_;
    std::vector<Trough> troughs_;
};

void check(const PyinOptions& o) {
    const auto demand = [](bool holds, const char* parameter, const char* rule, double value) {
        if (!holds) {
            throw InvalidInputError(parameter, "pyin", rule, std::to_string(value));
        }
    };
    demand(o.n_thresholds >= 1 && o.n_thresholds <= 100'000, "n_thresholds", "between 1 and 100000", static_cast<double>(o.n_thresholds));
    demand(o.beta_a > 0.0 && o.beta_a <= 1e4 && o.beta_b > 0.0 && o.beta_b <= 1e4, "beta_parameters", "two numbers above 0 and at most 10000",
           o.beta_a > 0.0 && o.beta_a <= 1e4 ? o.beta_b : o.beta_a);
    demand(o.boltzmann_parameter > 0.0 && o.boltzmann_parameter <= 1e4, "boltzmann_parameter", "above 0 and at most 10000", o.boltzmann_parameter);
    demand(o.resolution >= 1e-3 && o.resolution < 1.0, "resolution", "at least 0.001 and below 1", o.resolution);
    demand(o.max_transition_rate > 0.0 && o.max_transition_rate <= 1e6, "max_transition_rate", "above 0", o.max_transition_rate);
    demand(o.switch_prob > 0.0 && o.switch_prob < 1.0, "switch_prob", "above 0 and below 1", o.switch_prob);
    demand(o.no_trough_prob >= 0.0 && o.no_trough_prob <= 1.0, "no_trough_prob", "between 0 and 1", o.no_trough_prob);
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
    if (x <= 0.0 || x >= 1.0) {
        return x <= 0.0 ? 0.0 : 1.0;
    }
    const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
    return x < (a + 1.0) / (a + b + 2.0) ? front * beta_fraction(a, b, x) / a : 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

void pyin(std::span<const float> samples, const PyinOptions& options, std::span<double> f0_hz, std::span<std::uint8_t> voiced,
          std::span<double> voiced_prob, const StopToken& stop) {
    const DifferenceFunction plan(options.yin, "pyin");
    check(options);
    if (f0_hz.empty()) {
        return;
    }
    const double fmin = options.yin.fmin_hz, rate = options.yin.sample_rate_hz;
    const double per_octave = 12.0 * std::ceil(1.0 / options.resolution);
    const auto bins = static_cast<std::size_t>(std::floor(per_octave * std::log2(options.yin.fmax_hz / fmin))) + 1;
    if (bins < 2) {
        throw InvalidInputError("fmax", "pyin", "at least one pitch bin above fmin", std::to_string(options.yin.fmax_hz));
    }

    Observation observation(options, plan.lags(), stop);
    std::vector<PitchCandidate> candidates;
    std::vector<std::size_t> starts{0};
    std::vector<double> unvoiced(f0_hz.size()), mass(bins);
    plan.blocks(samples, stop, [&](std::size_t first, std::size_t count, const float* block) {
        for (std::size_t l = 0; l < count; ++l) {
            const float* const d = block + l;
            const auto begin = static_cast<std::ptrdiff_t>(candidates.size());
            observation(d, plan.lags(), [&](std::size_t i, double probability) {
                const bool edge = i == 0 || i + 1 == plan.lags();
                const auto at = [&](std::size_t k) { return static_cast<double>(d[k * lanes]); };
                const double period = static_cast<double>(plan.min_period() + i) + (edge ? 0.0 : parabolic_shift(at(i - 1), at(i), at(i + 1)));
                const double place = std::nearbyint(per_octave * std::log2(rate / period / fmin));
                const double bin = std::min(std::max(place, 0.0), static_cast<double>(bins));
                // As in librosa, a candidate above the last bin is dropped, and of two in one bin the longer period counts.
                if (bin < static_cast<double>(bins)) {
                    const auto index = static_cast<std::size_t>(bin);
                    if (static_cast<std::ptrdiff_t>(candidates.size()) > begin && candidates.back().bin == index) {
                        candidates.back().probability = probability;
                    } else {
                        candidates.push_back({index, probability});
                    }
                }
            });
            double sum = 0.0;
            for (auto i = static_cast<std::ptrdiff_t>(candidates.size()); i-- > begin;) {  // bins ascending
                PitchCandidate& c = candidates[static_cast<std::size_t>(i)];
                sum += c.probability;
                c.probability = std::log(c.probability);
            }
            const double prob = std::min(std::max(sum, 0.0), 1.0);
            voiced_prob[first + l] = prob;
            unvoiced[first + l] = std::log((1.0 - prob) / static_cast<double>(bins) + std::numeric_limits<double>::min());
            starts.push_back(candidates.size());
        }
    });

    candidates.push_back({0, 0.0});  // so that a pointer to the last frame's none is a pointer into the vector
    std::vector<std::uint32_t> path;
    PitchPath(options, bins, static_cast<std::size_t>(std::ceil(1.0 / options.resolution))).decode(starts, candidates, unvoiced, path, stop);
    for (std::size_t t = 0; t < path.size(); ++t) {
        voiced[t] = path[t] < bins ? 1 : 0;
        f0_hz[t] = fmin * std::exp2(static_cast<double>(path[t] % bins) / per_octave);
    }
}

}  // namespace emotion::audio
