// The path search of pYIN: Viterbi decoding over voiced bins 0 … n - 1 and unvoiced bins n … 2n - 1 (see pyin.hpp). Of equal paths the one through
// the lowest states is taken, as in librosa.
#pragma once

#include <algorithm>
#include <array>
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
// the order. most, kernel_most: maxima of sixteen values and of sixteen weights. With m = n rounded up to sixteens, v is readable for m + width - 1
// values, most for every sixteen that one of them lies in, and out has room for m.
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

// The most likely path through voiced bins 0 … n - 1 and unvoiced bins n … 2n - 1. The values of the frames are needed again, from the last frame to the
// first, for the way back. Where they do not all fit, some are kept on the way forward, and those between are computed again from the one before them.
class PitchPath {
public:
    // most_kept: frames whose path values are kept at a time; 0: as many as fit into 32 MiB.
    PitchPath(const PyinOptions& o, std::size_t bins, std::size_t per_semitone, std::size_t most_kept = 0)
        : bins_(bins), most_kept_(most_kept > 0 ? most_kept : std::max<std::size_t>(1, (1U << 21) / bins)), stay_(std::log(1.0 - o.switch_prob)),
          change_(std::log(o.switch_prob)) {
        const double semitones = std::nearbyint(o.max_transition_rate * 12.0 * static_cast<double>(o.yin.hop_length) / o.yin.sample_rate_hz);
        make_kernel(std::min(semitones * static_cast<double>(per_semitone), 1e15) + 1.0);
        row_ = 2 * ((bins_ + kernel_.size() + 2 * pyin_detail::tile) / pyin_detail::tile * pyin_detail::tile);
        for (std::size_t d = 0; d < kernel_.size(); d += pyin_detail::tile) {
            kernel_most_.push_back(*std::max_element(&kernel_[d], kernel_.data() + std::min(d + pyin_detail::tile, kernel_.size())));
        }
        most_.resize(row_ / 2 / pyin_detail::tile);
        values_.assign(row_, nothing);
        voiced_.assign(bins_ + 15, 0.0);
        unvoiced_.assign(bins_ + 15, 0.0);
    }

    // Frame t has the candidates [starts[t], starts[t + 1]) and each unvoiced bin the log probability unvoiced[t].
    void decode(const std::vector<std::size_t>& starts, const std::vector<PitchCandidate>& candidates, const std::vector<double>& unvoiced,
                std::vector<std::uint32_t>& path, const StopToken& stop) {
        const std::size_t frames = unvoiced.size();
        const auto observed = [&](std::size_t t) { observe(t, &candidates[starts[t]], starts[t + 1] - starts[t], unvoiced[t]); };
        kept_.resize(std::min(frames, most_kept_) * 2 * bins_);
        kept_frames_.clear();
        best_.assign(frames, {nothing, 0});
        path.resize(frames);
        std::fill_n(voiced_.begin(), bins_, -std::log(2.0 * static_cast<double>(bins_)));
        std::fill_n(unvoiced_.begin(), bins_, -std::log(2.0 * static_cast<double>(bins_)));
        observed(0);
        keep(0);
        go_to(frames - 1, observed, stop);
        path[frames - 1] = best_[frames - 1].state;
        for (std::size_t t = frames - 1; t-- > 0;) {
            stop.check();
            path[t] = before(go_to(t, observed, stop), best_[t], path[t + 1]);
        }
    }

    // Of `frames` frames that follow one whose values are known, where `room` more can be kept: how many to go to the first that is kept, so that the
    // values of all, wanted from the last to the first, are computed as few times as can be (Griewank 1992). With r times for each, fewer than
    // B(room, r) = C(room + r + 1, r) frames are within reach. The frames before the one that is kept must do with r - 1 times, so there are fewer than
    // B(room, r - 1), and those after it have one place less; they are as many as r - 1 times allow, or more.
    [[nodiscard]] static std::size_t stride(std::size_t frames, std::size_t room) {
        std::size_t r = 1, fewer = 1, reach = room + 2;  // B(room, r - 1) and B(room, r)
        for (; reach <= frames; ++r) {
            fewer = reach;
            reach = reach * (room + r + 2) / (r + 1);
        }
        const std::size_t after = fewer * (room + 1) / (room + r);  // B(room - 1, r - 1)
        return std::min(fewer, frames + 1 - after);
    }

private:
    static constexpr double floor_log = -708.3964185322641;  // log of the smallest normal double
    static constexpr double nothing = -std::numeric_limits<double>::infinity();
    struct Best {
        double value;
        std::uint32_t state;
    };
    using Halves = std::array<const double*, 2>;  // the voiced and the unvoiced values of a frame, of the bins alone

    void keep(std::size_t t) {
        double* const place = &kept_[kept_frames_.size() * 2 * bins_];
        for (std::size_t which = 0; which < 2; ++which) {
            std::copy_n(half(which) + margin(), bins_, place + which * bins_);
        }
        kept_frames_.push_back(t);
    }

    [[nodiscard]] Halves last_kept() const {
        const double* const place = &kept_[(kept_frames_.size() - 1) * 2 * bins_];
        return {place, place + bins_};
    }

    // The values of a frame, from the last kept one that is not after it. Frames after it are kept no longer.
    template <class F>
    Halves go_to(std::size_t target, F&& observed, const StopToken& stop) {
        while (kept_frames_.back() > target) {
            kept_frames_.pop_back();
        }
        std::size_t t = kept_frames_.back();
        if (t == target) {
            return last_kept();
        }
        for (std::size_t which = 0; which < 2; ++which) {
            std::copy_n(last_kept()[which], bins_, values_.data() + which * (row_ / 2) + margin());
        }
        while (t < target) {
            const std::size_t room = kept_.size() / (2 * bins_) - kept_frames_.size();
            for (const std::size_t next = t + stride(target - t, room); t < next;) {
                step(best_[t].value, stop);
                observed(++t);
            }
            if (room > 0) {
                keep(t);
            }
        }
        return {half(0) + margin(), half(1) + margin()};
    }

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
        make_edges(weight, odd ? (width + 1.0) / 2.0 : width);
    }

    // unit: what makes whole numbers of the weights, so that their sums are exact (below 2^53).
    void make_edges(const std::vector<double>& weight, double unit) {
        std::vector<double> sum(weight.size() + 1);  // of the first weights
        for (std::size_t q = 0; q < weight.size(); ++q) {
            sum[q + 1] = sum[q] + std::nearbyint(weight[q] * unit);
        }
        edge_.resize(bins_);
        const long last = static_cast<long>(weight.size());
        for (std::size_t k = 0; k < bins_; ++k) {
            const long first_inside = -static_cast<long>(k) - lowest_, end = static_cast<long>(bins_) + first_inside;
            const double inside = sum[static_cast<std::size_t>(std::min(end, last))] - sum[static_cast<std::size_t>(std::max(first_inside, 0L))];
            edge_[k] = inside == sum.back() ? 0.0 : std::log(sum.back() / inside);
        }
    }

    // values_ holds the voiced and the unvoiced values of the current frame (with edge_ added), each between margins that no path comes from.
    [[nodiscard]] std::size_t margin() const { return static_cast<std::size_t>(static_cast<long>(kernel_.size()) - 1 + lowest_); }
    [[nodiscard]] const double* half(std::size_t which) const { return values_.data() + which * (row_ / 2); }

    // A number whose sums with the cost of staying and of changing are both at most `jump`.
    [[nodiscard]] double least_that_counts(double jump) const {
        double least = jump - std::max(stay_, change_);
        while (std::max(least + stay_, least + change_) > jump) {
            least = std::nextafter(least, nothing);
        }
        return least;
    }

    // voiced_ and unvoiced_ of the next frame, before it is observed.
    void step(double best, const StopToken& stop) {
        // Bin j is reached from bin j - lowest_ - q, which is value j + width - 1 - q of a half row. What is at most `least` loses against the jump.
        const double jump = best + floor_log, least = least_that_counts(jump);
        constexpr std::size_t tile = pyin_detail::tile;
        const std::size_t some = std::max<std::size_t>(1, (std::size_t{1} << 24) / kernel_.size() / tile) * tile;  // a few milliseconds of outputs
        for (std::size_t which = 0; which < 2; ++which) {
            pyin_detail::tile_maxima(half(which), row_ / 2, most_.data());
            for (std::size_t j = 0; j < bins_; j += some) {
                stop.check();
                pyin_detail::max_plus(half(which) + j, most_.data() + j / tile, kernel_.data(), kernel_most_.data(), kernel_.size(), least,
                                      std::min(some, bins_ - j), (which == 0 ? voiced_ : unvoiced_).data() + j);
            }
        }
        for (std::size_t j = 0; j < bins_; ++j) {
            const double v = voiced_[j], u = unvoiced_[j];
            voiced_[j] = std::max(std::max(v + stay_, u + change_), jump);
            unvoiced_[j] = std::max(std::max(v + change_, u + stay_), jump);
        }
    }

    void observe(std::size_t t, const PitchCandidate* candidates, std::size_t n, double unvoiced) {
        double* const v = values_.data() + margin();
        double* const u = v + row_ / 2;
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
    [[nodiscard]] std::uint32_t before(const Halves& values, Best jump, std::uint32_t state) const {
        const bool is_voiced = state < bins_;
        const long j = static_cast<long>(is_voiced ? state : state - bins_);
        Best best{nothing, 0};
        for (std::size_t which = 0; which < 2; ++which) {
            const double* const v = values[which];
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

    std::size_t bins_, most_kept_, row_ = 0;
    double stay_, change_;
    long lowest_ = 0;
    std::vector<double> kernel_, kernel_most_, most_, edge_, values_, voiced_, unvoiced_;
    std::vector<double> kept_;               // the values of kept_frames_, one after another, voiced and unvoiced
    std::vector<std::size_t> kept_frames_;   // ascending, from frame 0
    std::vector<Best> best_;
};

}  // namespace emotion::audio
