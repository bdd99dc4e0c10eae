#include "emotion/audio/full.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "contours.hpp"
#include "emotion/audio/egemaps.hpp"
#include "emotion/audio/shape.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t delta_reach = 2;
constexpr double peak_share = 0.1;
constexpr double percents[] = {1.0, 25.0, 50.0, 75.0, 99.0};
constexpr double levels[] = {0.25, 0.5, 0.75, 0.9};
constexpr const char* functional_names[] = {
    "mean",         "std",           "skewness",   "kurtosis",       "percentile1",  "percentile25", "percentile50",    "percentile75",     "percentile99",
    "range25-50",   "range50-75",    "range25-75", "range1-99",      "max_position", "min_position", "slope",           "offset",           "linear_error",
    "curvature",    "quadratic_error", "above25",  "above50",        "above75",      "above90",      "rise_share",      "peaks_per_sec",    "peak_mean",
    "peak_over_mean", "peak_distance_mean", "peak_distance_std", "rising_slope_mean", "rising_slope_std", "falling_slope_mean", "falling_slope_std"};
constexpr std::size_t functional_count = std::size(functional_names);
static_assert(functional_count == 34);

class Functionals {
public:
    explicit Functionals(std::size_t frames) : sorted_(frames) {}

    // Appends the functionals of a contour.
    void append(std::span<const float> x, std::vector<float>& out) {
        std::array<double, functional_count> values{};
        if (!x.empty()) {
            double* next = put_moments(x, values.data());
            next = put_order(x, next);
            next = put_regression(x, next);
            next = put_levels(x, next);
            next = put_peaks(x, next);
            put_slopes(x, next);
        }
        for (const double v : values) {
            out.push_back(static_cast<float>(v));
        }
    }

private:
    double* put_moments(std::span<const float> x, double* out) {
        const auto n = static_cast<double>(x.size());
        double sum = 0;
        for (const float v : x) {
            sum += static_cast<double>(v);
        }
        mean_ = sum / n;
        double second = 0, third = 0, fourth = 0;
        for (const float v : x) {
            const double d = static_cast<double>(v) - mean_, d2 = d * d;
            second += d2;
            third += d2 * d;
            fourth += d2 * d2;
        }
        variance_ = second / n;
        const double deviation = std::sqrt(variance_);
        varies_ = deviation > 1e-6 * std::fabs(mean_) && deviation > 1e-30;
        *out++ = mean_;
        *out++ = deviation;
        *out++ = varies_ ? third / n / (variance_ * deviation) : 0.0;
        *out++ = varies_ ? fourth / n / (variance_ * variance_) : 0.0;
        return out;
    }

    double* put_order(std::span<const float> x, double* out) {
        std::copy(x.begin(), x.end(), sorted_.begin());
        const std::span<float> sorted(sorted_.data(), x.size());
        std::ranges::sort(sorted);
        low_ = static_cast<double>(sorted.front());
        high_ = static_cast<double>(sorted.back());
        std::array<double, 5> p{};
        for (std::size_t i = 0; i < p.size(); ++i) {
            p[i] = percentile_of(sorted, percents[i]);
            *out++ = p[i];
        }
        *out++ = p[2] - p[1];
        *out++ = p[3] - p[2];
        *out++ = p[3] - p[1];
        *out++ = p[4] - p[0];
        const double length = static_cast<double>(x.size());
        *out++ = static_cast<double>(std::ranges::max_element(x) - x.begin()) / length;
        *out++ = static_cast<double>(std::ranges::min_element(x) - x.begin()) / length;
        return out;
    }

    // Lines and parabolas over time by polynomials that are orthogonal on the frames.
    double* put_regression(std::span<const float> x, double* out) const {
        const auto n = static_cast<double>(x.size());
        const double half = 0.5 * (n - 1.0);
        double linear = 0, square = 0, parabola = 0, parabola_square = 0;
        const double mean_square = (n * n - 1.0) / 12.0;
        for (std::size_t t = 0; t < x.size(); ++t) {
            const double u = static_cast<double>(t) - half, q = u * u - mean_square, d = static_cast<double>(x[t]) - mean_;
            linear += u * d;
            square += u * u;
            parabola += q * d;
            parabola_square += q * q;
        }
        const double slope = square > 0.0 ? linear / square : 0.0;
        const double bend = parabola_square > 1e-9 ? parabola / parabola_square : 0.0;
        const double linear_rest = std::max(0.0, variance_ - slope * slope * square / n);
        *out++ = slope / frame_period_s;
        *out++ = mean_ - slope * half;
        *out++ = std::sqrt(linear_rest);
        *out++ = bend * half * half;
        *out++ = std::sqrt(std::max(0.0, linear_rest - bend * bend * parabola_square / n));
        return out;
    }

    double* put_levels(std::span<const float> x, double* out) const {
        for (const double level : levels) {
            const auto threshold = static_cast<float>(low_ + level * (high_ - low_));
            std::size_t above = 0;
            for (const float v : x) {
                above += v > threshold ? 1U : 0U;
            }
            *out++ = varies_ ? static_cast<double>(above) / static_cast<double>(x.size()) : 0.0;
        }
        std::size_t rising = 0;
        for (std::size_t t = 1; t < x.size(); ++t) {
            rising += x[t] > x[t - 1] ? 1U : 0U;
        }
        *out++ = static_cast<double>(rising) / static_cast<double>(x.size());
        return out;
    }

    double* put_peaks(std::span<const float> x, double* out) {
        peaks_.clear();
        if (varies_) {
            find_peaks(x, peak_share, peaks_);
        }
        double height = 0, distance = 0, distance_square = 0;
        for (std::size_t i = 0; i < peaks_.size(); ++i) {
            height += static_cast<double>(x[peaks_[i]]);
            if (i > 0) {
                const double d = static_cast<double>(peaks_[i] - peaks_[i - 1]) * frame_period_s;
                distance += d;
                distance_square += d * d;
            }
        }
        const auto n = static_cast<double>(peaks_.size());
        const double mean_height = peaks_.empty() ? high_ : height / n;
        const double mean_distance = peaks_.size() > 1 ? distance / (n - 1.0) : 0.0;
        const double spread = peaks_.size() > 1 ? distance_square / (n - 1.0) - mean_distance * mean_distance : 0.0;
        *out++ = n / (static_cast<double>(x.size()) * frame_period_s);
        *out++ = mean_height;
        *out++ = mean_height - mean_;
        *out++ = mean_distance;
        *out++ = std::sqrt(std::max(0.0, spread));
        return out;
    }

    static void put_slopes(std::span<const float> x, double* out) {
        for (const double sign : {1.0, -1.0}) {
            Slopes slopes(sign, frame_period_s);
            slopes.add(x);
            const Moments moments = slopes.moments();
            *out++ = moments.mean;
            *out++ = moments.deviation;
        }
    }

    std::vector<float> sorted_;
    std::vector<std::size_t> peaks_;
    double mean_ = 0, variance_ = 0, low_ = 0, high_ = 0;
    bool varies_ = false;
};

// The slope of five frames around each, the ends repeated; per frame.
void delta_of(std::span<const float> x, std::span<float> out) {
    const auto last = static_cast<std::ptrdiff_t>(x.size()) - 1;
    const auto at = [&](std::ptrdiff_t t) { return x[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(t, 0, last))]; };
    for (std::ptrdiff_t t = 0; t <= last; ++t) {
        float sum = 0.0F;
        for (std::ptrdiff_t reach = 1; reach <= static_cast<std::ptrdiff_t>(delta_reach); ++reach) {
            sum += static_cast<float>(reach) * (at(t + reach) - at(t - reach));
        }
        out[static_cast<std::size_t>(t)] = sum / 10.0F;
    }
}

std::vector<std::string> make_names() {
    std::vector<std::string> names = egemaps_names();
    for (const std::string& descriptor : wide_descriptor_names()) {
        for (const char* delta : {"", "_delta"}) {
            for (const char* functional : functional_names) {
                names.push_back(descriptor + delta + "_" + functional);
            }
        }
    }
    return names;
}

}  // namespace

const std::vector<std::string>& full_names() {
    static const std::vector<std::string> names = make_names();
    return names;
}

std::vector<float> full(const Descriptors& descriptors, const StopToken& stop) {
    const std::size_t frames = descriptors.rows.cols;
    const std::vector<unsigned char> all(frames, 1);
    std::vector<float> out = egemaps(descriptors), values(frames), deltas(frames);
    out.reserve(full_names().size());
    Functionals functionals(frames);
    for (std::size_t r = 0; r < row::wide_count; ++r) {
        stop.check();
        const std::span<const float> contour = descriptors.rows.row(r);
        std::size_t n = 0;
        const std::vector<unsigned char>* const marks = descriptors.marks_of(r);
        for (const auto& [first, last] : stretches_of(marks == nullptr ? all : *marks, true)) {
            const std::span<const float> stretch = contour.subspan(first, last - first);
            std::ranges::copy(stretch, values.begin() + static_cast<std::ptrdiff_t>(n));
            delta_of(stretch, {deltas.data() + n, stretch.size()});
            n += stretch.size();
        }
        functionals.append({values.data(), n}, out);
        functionals.append({deltas.data(), n}, out);
    }
    return out;
}

}  // namespace emotion::audio
