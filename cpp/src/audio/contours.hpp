// Functionals of one contour, shared by the feature sets. Every function takes any number of frames, none included, and gives finite values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace emotion::audio {

struct Moments {
    double mean = 0;
    double deviation = 0;  // ddof 0
};

inline Moments moments_of(std::span<const float> x) {
    if (x.empty()) {
        return {};
    }
    const auto n = static_cast<double>(x.size());
    double sum = 0, squares = 0;
    for (const float v : x) {
        sum += static_cast<double>(v);
    }
    const double mean = sum / n;
    for (const float v : x) {
        const double d = static_cast<double>(v) - mean;
        squares += d * d;
    }
    return {mean, std::sqrt(squares / n)};
}

// The coefficient of variation s / mean of values whose mean may have any sign: exact up to a magnitude of 5. Beyond, the mean is below a fifth of s,
// less than what tells the mean of a clip's frames from 0: there 25 mean / s, which goes on without a jump through 0 at mean 0. 0 where s is no
// more than the rounding of the mean.
inline double signed_variation_of(const Moments& m) {
    constexpr double most = 5.0;
    const double size = std::fabs(m.mean);
    if (m.deviation <= 1e-6 * size) {
        return 0.0;
    }
    return m.deviation <= most * size ? m.deviation / m.mean : most * most * m.mean / m.deviation;
}

// The same of values that are not negative: s / mean, at most 10.
inline double variation_of(const Moments& m) {
    constexpr double most = 10.0;
    if (m.deviation <= 1e-6 * std::fabs(m.mean)) {
        return 0.0;
    }
    return m.deviation >= most * std::fabs(m.mean) ? most : m.deviation / std::fabs(m.mean);
}

// By linear interpolation between the order statistics; 0 for none.
inline double percentile_of(std::span<const float> sorted, double percent) {
    if (sorted.empty()) {
        return 0.0;
    }
    const double at = percent / 100.0 * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, sorted.size() - 1);
    const double share = at - static_cast<double>(low);
    return (1.0 - share) * static_cast<double>(sorted[low]) + share * static_cast<double>(sorted[high]);
}

// The slopes of the rising (sign 1) or falling (sign -1) monotone parts of some stretches, in units a second: mean and deviation over time.
class Slopes {
public:
    Slopes(double sign, double period_s) : sign_(sign), period_s_(period_s) {}

    void add(std::span<const float> stretch) {
        std::size_t start = 0;
        for (std::size_t t = 1; t <= stretch.size(); ++t) {
            const bool onward = t < stretch.size() && sign_ * static_cast<double>(stretch[t] - stretch[t - 1]) > 0.0;
            if (!onward) {
                if (t - 1 > start) {
                    const double time = static_cast<double>(t - 1 - start) * period_s_;
                    const double slope = static_cast<double>(stretch[t - 1] - stretch[start]) / time;
                    time_ += time;
                    sum_ += time * slope;
                    squares_ += time * slope * slope;
                }
                start = t;
            }
        }
    }
    [[nodiscard]] Moments moments() const {
        if (time_ <= 0.0) {
            return {};
        }
        const double mean = sum_ / time_;
        return {mean, std::sqrt(std::max(0.0, squares_ / time_ - mean * mean))};
    }

private:
    double sign_, period_s_;
    double time_ = 0, sum_ = 0, squares_ = 0;
};

// The places of the maxima that rise by at least `share` of the range above the minimum before and fall as far after; appended to `peaks`.
inline void find_peaks(std::span<const float> x, double share, std::vector<std::size_t>& peaks) {
    if (x.empty()) {
        return;
    }
    const auto [lowest, highest] = std::minmax_element(x.begin(), x.end());
    const double range = static_cast<double>(*highest) - static_cast<double>(*lowest);
    if (range <= 1e-6 * std::fabs(static_cast<double>(*highest))) {
        return;
    }
    const auto step = static_cast<float>(share * range);
    float minimum = x[0];
    std::size_t top = 0;
    bool risen = false;
    for (std::size_t t = 0; t < x.size(); ++t) {
        if (!risen) {
            minimum = std::min(minimum, x[t]);
            risen = x[t] >= minimum + step;
            top = t;
        } else if (x[t] > x[top]) {
            top = t;
        } else if (x[t] <= x[top] - step) {
            peaks.push_back(top);
            risen = false;
            minimum = x[t];
        }
    }
}

// The stretches of frames whose mark is `wanted`: [first, last).
inline std::vector<std::pair<std::size_t, std::size_t>> stretches_of(std::span<const unsigned char> marks, bool wanted) {
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (std::size_t t = 0; t < marks.size(); ++t) {
        if ((marks[t] != 0) == wanted) {
            if (!found.empty() && found.back().second == t) {
                found.back().second = t + 1;
            } else {
                found.emplace_back(t, t + 1);
            }
        }
    }
    return found;
}

}  // namespace emotion::audio
