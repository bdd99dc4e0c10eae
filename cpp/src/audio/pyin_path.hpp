// The path search of pYIN: Viterbi decoding over voiced bins 0 … n - 1 and unvoiced bins n … 2n - 1 (see pyin.hpp). Of equal paths the one through
// the lowest states is taken, as in librosa.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "emotion/audio/pyin.hpp"
#include "emotion/core/clones.hpp"

namespace emotion::audio {

struct PitchCandidate {
    std::size_t bin;
    double probability;
};

namespace pyin_detail {

inline constexpr std::size_t tile = 16;  // values and kernel weights that are judged together

// most[i] = max of v[16 i … 16 i + 15], for i < n / 16.
EMOTION_CLONES static void tile_maxima(const double* v, std::size_t n, double* most) {
    for (std::size_t i = 0; i < n / tile; ++i) {
        double m = v[i * tile];
        for (std::size_t q = 1; q < tile; ++q) {
            m = v[i * tile + q] > m ? v[i * tile + q] : m;
        }
        most[i] = m;
    }
}

// out[j] = max over d in [0, width) of v[j + width - 1 - d] + kernel[d], for j < n; sums that are at most `least` may be left out. Sixteen weights whose
// largest, plus the largest of the values they meet, is no gain for any of sixteen outputs are passed over: the result is the same, as rounding keeps
// the order. most, kernel_most: maxima of sixteen values and of sixteen weights. v is readable for n + width + 30 values, out for n + 15.
EMOTION_CLONES static void max_plus(const double* v, const double* most, const double* kernel, const double* kernel_most, std::size_t width, double least,
                                    std::size_t n, double* out) {
    typedef double Four __attribute__((vector_size(32)));
    typedef double FourMemory __attribute__((vector_size(32), aligned(8), may_alias));
    const std::size_t tiles = (width + tile - 1) / tile, middle = tiles / 2;
    for (std::size_t j = 0; j < n; j += tile) {
        Four best[4];
        for (Four& b : best) {
            b = Four{} - __builtin_inf();
        }
        double lowest = least;
        for (std::size_t i = 0; i < 2 * middle + 1; ++i) {  // from the middle outwards: the weights fall to both sides
            const std::size_t c = i % 2 == 0 ? middle - i / 2 : middle + i / 2 + 1;
            if (c >= tiles) {
                continue;
            }
            const std::size_t begin = c * tile, end = begin + tile < width ? begin + tile : width;
            const std::size_t from = j + width - end, to = j + width - 1 - begin + tile - 1;  // of v
            double high = most[from / tile];
            for (std::size_t k = from / tile + 1; k <= to / tile; ++k) {
                high = most[k] > high ? most[k] : high;
            }
            if (high + kernel_most[c] <= lowest) {
                continue;
            }
            for (std::size_t d = begin; d < end; ++d) {
                const double* const p = v + j + width - 1 - d;
                for (int q = 0; q < 4; ++q) {
                    const Four x = *reinterpret_cast<const FourMemory*>(p + 4 * q) + kernel[d];
                    best[q] = x > best[q] ? x : best[q];
                }
            }
            Four low = best[0] < best[1] ? best[0] : best[1];
            low = best[2] < low ? best[2] : low;
            low = best[3] < low ? best[3] : low;
            const double ab = low[0] < low[1] ? low[0] : low[1], cd = low[2] < low[3] ? low[2] : low[3];
            const double smallest = ab < cd ? ab : cd;
            lowest = smallest > lowest ? smallest : lowest;
        }
        for (int q = 0; q < 4; ++q) {
            *reinterpret_cast<FourMemory*>(out + j + 4 * q) = best[q];
        }
    }
}

}  // namespace pyin_detail

// The most likely path through voiced bins 0 … n - 1 and unvoiced bins n … 2n - 1.
class PitchPath {
public:
    // segment: frames whose path values are kept at a time; 0: as many as fit into 32 MiB.
    PitchPath(const PyinOptions& o, std::size_t bins, std::size_t per_semitone, std::size_t segment = 0)
        : segment_(segment), bins_(bins), stay_(std::log(1.0 - o.switch_prob)), change_(std::log(o.switch_prob)) {
        const double semitones = std::nearbyint(o.max_transition_rate * 12.0 * static_cast<double>(o.yin.hop_length) / o.yin.sample_rate_hz);
        make_kernel(std::min(semitones * static_cast<double>(per_semitone), 1e15) + 1.0);
        row_ = 2 * ((bins_ + kernel_.size() + 2 * pyin_detail::tile) / pyin_detail::tile * pyin_detail::tile);
        for (std::size_t d = 0; d < kernel_.size(); d += pyin_detail::tile) {
            kernel_most_.push_back(*std::max_element(&kernel_[d], kernel_.data() + std::min(d + pyin_detail::tile, kernel_.size())));
        }
        most_.resize(row_ / 2 / pyin_detail::tile);
    }

    // Frame t has the candidates [starts[t], starts[t + 1]) and each unvoiced bin the log probability unvoiced[t].
    void decode(const std::vector<std::size_t>& starts, const std::vector<PitchCandidate>& candidates, const std::vector<double>& unvoiced,
                std::vector<std::uint32_t>& path, const StopToken& stop) {
        const std::size_t frames = unvoiced.size();
        const std::size_t segment = std::min(frames, segment_ > 0 ? segment_ : std::max<std::size_t>(64, (4U << 20) / row_));
        const std::size_t segments = (frames + segment - 1) / segment;
        values_.assign(segment * row_, nothing);
        voiced_.assign(bins_ + 15, 0.0);
        unvoiced_.assign(bins_ + 15, 0.0);
        std::vector<double> kept(segments * row_);
        best_.assign(frames, {nothing, 0});
        path.resize(frames);
        const auto run = [&](std::size_t s) {
            for (std::size_t t = s * segment; t < std::min(frames, (s + 1) * segment); ++t) {
                stop.check();
                double* const now = &values_[(t - s * segment) * row_];
                if (t == 0) {
                    std::fill_n(voiced_.begin(), bins_, -std::log(2.0 * static_cast<double>(bins_)));
                    std::fill_n(unvoiced_.begin(), bins_, -std::log(2.0 * static_cast<double>(bins_)));
                } else if (t == s * segment) {
                    continue;  // restored or carried over
                } else {
                    step(now - row_, best_[t - 1].value);
                }
                observe(t, &candidates[starts[t]], starts[t + 1] - starts[t], unvoiced[t], now);
            }
        };
        for (std::size_t s = 0; s < segments; ++s) {
            if (s > 0) {  // the first frame of the segment from the last of the one before
                const std::size_t t = s * segment;
                step(&values_[(segment - 1) * row_], best_[t - 1].value);
                observe(t, &candidates[starts[t]], starts[t + 1] - starts[t], unvoiced[t], values_.data());
            }
            run(s);
            std::copy_n(values_.begin(), row_, kept.begin() + static_cast<std::ptrdiff_t>(s * row_));
        }
        std::uint32_t state = best_[frames - 1].state;
        path[frames - 1] = state;
        for (std::size_t s = segments; s-- > 0;) {
            if (s + 1 < segments) {
                std::copy_n(kept.begin() + static_cast<std::ptrdiff_t>(s * row_), row_, values_.begin());
                run(s);
                state = before(&values_[(segment - 1) * row_], best_[(s + 1) * segment - 1], state);
                path[(s + 1) * segment - 1] = state;
            }
            for (std::size_t t = std::min(frames, (s + 1) * segment) - 1; t > s * segment; --t) {
                state = before(&values_[(t - 1 - s * segment) * row_], best_[t - 1], state);
                path[t - 1] = state;
            }
        }
    }

private:
    static constexpr double floor_log = -708.3964185322641;  // log of the smallest normal double
    static constexpr double nothing = -std::numeric_limits<double>::infinity();
    struct Best {
        double value;
        std::uint32_t state;
    };

    // kernel_[q]: log weight of a step by q + lowest_ bins; edge_[k]: what the row of bin k gains because its triangle is cut off.
    void make_kernel(double width) {
        const bool odd = std::fmod(width, 2.0) == 1.0;
        const double reach = static_cast<double>(bins_ - 1), middle = std::floor(width / 2.0);
        // librosa centres a triangle of even width half a bin below or above, by the parity of the number of bins.
        const double left = odd || bins_ % 2 == 1 ? -middle : 1.0 - middle, first = std::max(left, -reach);
        const double last = std::min(left + width - 1.0, reach);
        std::vector<double> weight(static_cast<std::size_t>(last - first) + 1);
        for (std::size_t q = 0; q < weight.size(); ++q) {
            const double place = first - left + static_cast<double>(q), rank = std::min(place, width - 1.0 - place);
            weight[q] = odd ? 2.0 * (rank + 1.0) / (width + 1.0) : (2.0 * rank + 1.0) / width;
        }
        lowest_ = static_cast<long>(first);
        const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
        kernel_.resize(weight.size());
        std::transform(weight.begin(), weight.end(), kernel_.begin(), [&](double w) { return std::log(w / total); });
        edge_.resize(bins_);
        for (std::size_t k = 0; k < bins_; ++k) {
            double inside = 0.0;
            for (std::size_t q = 0; q < weight.size(); ++q) {
                const long to = static_cast<long>(k + q) + lowest_;
                inside += to >= 0 && to < static_cast<long>(bins_) ? weight[q] : 0.0;
            }
            edge_[k] = inside == total ? 0.0 : std::log(total / inside);
        }
    }

    // A row holds the voiced and the unvoiced values (with edge_ added), each between margins that no path comes from.
    [[nodiscard]] std::size_t margin() const { return static_cast<std::size_t>(static_cast<long>(kernel_.size()) - 1 + lowest_); }
    [[nodiscard]] const double* half(const double* row, std::size_t which) const { return row + which * (row_ / 2); }

    // A number whose sums with the cost of staying and of changing are both at most `jump`.
    [[nodiscard]] double least_that_counts(double jump) const {
        double least = jump - std::max(stay_, change_);
        while (std::max(least + stay_, least + change_) > jump) {
            least = std::nextafter(least, nothing);
        }
        return least;
    }

    void step(const double* row, double best) {
        // Bin j is reached from bin j - lowest_ - q, which is value j + width - 1 - q of a half row. What is at most `least` loses against the jump.
        const double jump = best + floor_log, least = least_that_counts(jump);
        for (std::size_t which = 0; which < 2; ++which) {
            pyin_detail::tile_maxima(half(row, which), row_ / 2, most_.data());
            pyin_detail::max_plus(half(row, which), most_.data(), kernel_.data(), kernel_most_.data(), kernel_.size(), least, bins_,
                                  (which == 0 ? voiced_ : unvoiced_).data());
        }
        for (std::size_t j = 0; j < bins_; ++j) {
            const double v = voiced_[j], u = unvoiced_[j];
            voiced_[j] = std::max(std::max(v + stay_, u + change_), jump);
            unvoiced_[j] = std::max(std::max(v + change_, u + stay_), jump);
        }
    }

    void observe(std::size_t t, const PitchCandidate* candidates, std::size_t n, double unvoiced, double* row) {
        double* const v = row + margin();
        double* const u = row + row_ / 2 + margin();
        for (std::size_t j = 0; j < bins_; ++j) {
            v[j] = voiced_[j] + floor_log;
            u[j] = unvoiced_[j] + unvoiced;
        }
        for (std::size_t i = 0; i < n; ++i) {
            v[candidates[i].bin] = voiced_[candidates[i].bin] + candidates[i].probability;
        }
        Best best{nothing, 0};
        for (std::size_t j = 0; j < bins_; ++j) {
            best = v[j] > best.value ? Best{v[j], static_cast<std::uint32_t>(j)} : best;
        }
        for (std::size_t j = 0; j < bins_; ++j) {
            best = u[j] > best.value ? Best{u[j], static_cast<std::uint32_t>(bins_ + j)} : best;
        }
        best_[t] = best;
        for (std::size_t j = 0; j < bins_; ++j) {
            v[j] += edge_[j];
            u[j] += edge_[j];
        }
    }

    // The state before `state` on its best path; of equal ones the first.
    [[nodiscard]] std::uint32_t before(const double* row, Best jump, std::uint32_t state) const {
        const bool is_voiced = state < bins_;
        const long j = static_cast<long>(is_voiced ? state : state - bins_);
        Best best{nothing, 0};
        for (std::size_t which = 0; which < 2; ++which) {
            const double* const v = half(row, which) + margin();
            const double cost = (which == 0) == is_voiced ? stay_ : change_;
            for (std::size_t d = kernel_.size(); d-- > 0;) {
                const long k = j - lowest_ - static_cast<long>(d);
                if (k >= 0 && k < static_cast<long>(bins_) && v[k] + kernel_[d] + cost > best.value) {
                    best = {v[k] + kernel_[d] + cost, static_cast<std::uint32_t>(static_cast<std::size_t>(k) + which * bins_)};
                }
            }
        }
        const double far = jump.value + floor_log;
        return far > best.value || (far == best.value && jump.state < best.state) ? jump.state : best.state;
    }

    std::size_t segment_, bins_, row_ = 0;
    double stay_, change_;
    long lowest_ = 0;
    std::vector<double> kernel_, kernel_most_, most_, edge_, values_, voiced_, unvoiced_;
    std::vector<Best> best_;
};

}  // namespace emotion::audio
