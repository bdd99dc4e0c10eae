#include "emotion/audio/chroma.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <string>

#include "blocks.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/core/errors.hpp"

namespace emotion::audio {
namespace {

// marks[k * 8 + l] = -1 where bin k of frame l is a peak: above the threshold, above its left and not below its right neighbour.
EMOTION_CLONES void mark_peaks(const float* p, std::size_t stride, std::size_t bins, std::size_t first, std::size_t last, float share,
                               float reference, signed char* marks) {
    Lane largest = splat(0.0F);
    for (std::size_t k = 0; k < bins; ++k) {
        largest = lane_max(largest, load(p + k * stride));
    }
    const Lane threshold = share >= 0.0F ? largest * share : splat(reference);
    typedef signed char Mark __attribute__((vector_size(8), aligned(1), may_alias));
    for (std::size_t k = first; k < last; ++k) {
        const Lane here = load(p + k * stride);
        const LaneInt mask = (here > threshold) & (here > load(p + (k - 1) * stride)) & (here >= load(p + (k + 1) * stride));
        *reinterpret_cast<Mark*>(marks + (k - first) * lanes) = __builtin_convertvector(mask, Mark);
    }
}

// The vertex of the parabola through three neighbouring bins; no shift where it lies more than one bin away.
SpectralPeak interpolate(float left, float here, float right, std::size_t k, double bin_hz) {
    const float curvature = right + left - 2.0F * here;
    const float slope = (right - left) / 2.0F;
    const float shift = std::fabs(slope) >= std::fabs(curvature) ? 0.0F : -slope / curvature;
    return {static_cast<float>((static_cast<double>(k) + static_cast<double>(shift)) * bin_hz), here + 0.5F * slope * shift};
}

float median_magnitude(const std::vector<SpectralPeak>& peaks) {
    std::vector<float> values(peaks.size());
    std::ranges::transform(peaks, values.begin(), &SpectralPeak::magnitude);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) * 0.5F;
}

// A0 lies four octaves below A4: 27.5 Hz where A4 is 440 Hz.
double octaves_above_a0(double hz, double tuning, double bins_per_octave) {
    return std::log2(hz / (440.0 * std::exp2(tuning / bins_per_octave) / 16.0));
}

// tonnetz_rows x n: the coordinates of each pitch class. Laps are taken off in integers, so that classes at the same angle have the same bits.
Matrix<double> tonnetz_circles(std::size_t n, const StopToken& stop) {
    constexpr std::array<std::size_t, 3> steps{7, 9, 4};
    constexpr std::array<double, 3> radii{1.0, 1.0, 0.5};
    Matrix<double> circles(tonnetz_rows, n);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (std::size_t c = 0; c < n; ++c) {
            if (c % 4096 == 0) {
                stop.check();
            }
            const double angle = 2.0 * std::numbers::pi * static_cast<double>(steps[i] * c % n) / static_cast<double>(n);
            circles(2 * i, c) = radii[i] * std::sin(angle);
            circles(2 * i + 1, c) = radii[i] * std::cos(angle);
        }
    }
    return circles;
}

constexpr double smallest_total = std::numeric_limits<float>::min();

// Of eight frames and n classes, ascending: adds them to the totals.
EMOTION_CLONES void add_totals(const float* chroma, std::size_t stride, std::size_t n, double* totals) {
    double total[lanes];
    __builtin_memcpy(total, totals, sizeof total);
    for (std::size_t c = 0; c < n; ++c) {
        for (std::size_t l = 0; l < lanes; ++l) {
            total[l] += static_cast<double>(chroma[c * stride + l]);
        }
    }
    __builtin_memcpy(totals, total, sizeof total);
}

// Adds the places of their shares of the totals to the sums; out: what these are so far. circles: rows of `classes` values.
EMOTION_CLONES void add_places(const float* chroma, std::size_t stride, std::size_t n, const double* totals, const double* circles,
                               std::size_t classes, double* so_far, float* out) {
    double total[lanes], sums[tonnetz_rows * lanes];
    __builtin_memcpy(sums, so_far, sizeof sums);
    for (std::size_t l = 0; l < lanes; ++l) {
        total[l] = totals[l] < smallest_total ? 1.0 : totals[l];
    }
    for (std::size_t c = 0; c < n; ++c) {
        double share[lanes];
        for (std::size_t l = 0; l < lanes; ++l) {
            share[l] = static_cast<double>(chroma[c * stride + l]) / total[l];
        }
        for (std::size_t r = 0; r < tonnetz_rows; ++r) {
            for (std::size_t l = 0; l < lanes; ++l) {
                sums[r * lanes + l] += circles[r * classes + c] * share[l];
            }
        }
    }
    __builtin_memcpy(so_far, sums, sizeof sums);
    for (std::size_t i = 0; i < tonnetz_rows * lanes; ++i) {
        out[i] = static_cast<float>(sums[i]);
    }
}

}  // namespace

TuningEstimator::TuningEstimator(double sample_rate_hz, std::size_t n_fft, const TuningOptions& options)
    : options_(options), bin_hz_(sample_rate_hz / static_cast<double>(n_fft)), bins_(n_fft / 2 + 1) {
    const std::vector<double> f = fft_frequencies(sample_rate_hz, n_fft);
    const double high = std::min(options.fmax_hz, sample_rate_hz / 2.0);
    first_bin_ = static_cast<std::size_t>(std::lower_bound(f.begin(), f.end(), options.fmin_hz) - f.begin());
    last_bin_ = static_cast<std::size_t>(std::lower_bound(f.begin(), f.end(), high) - f.begin());
    first_bin_ = std::max<std::size_t>(first_bin_, 1);
    last_bin_ = std::max(first_bin_, std::min(last_bin_, bins_ - 1));
    marks_.resize((last_bin_ - first_bin_) * lanes);
}

void TuningEstimator::add_block(const float* block, std::size_t stride, std::size_t count) {
    mark_peaks(block, stride, bins_, first_bin_, last_bin_, options_.threshold, options_.reference, marks_.data());
    for (std::size_t k = first_bin_; k < last_bin_; ++k) {
        const signed char* row = &marks_[(k - first_bin_) * lanes];
        std::uint64_t any = 0;
        std::memcpy(&any, row, lanes);
        if (any == 0) {
            continue;
        }
        for (std::size_t l = 0; l < count; ++l) {
            if (row[l] != 0) {
                const float* here = block + k * stride + l;
                const SpectralPeak peak = interpolate(*(here - stride), *here, *(here + stride), k, bin_hz_);
                if (peak.frequency_hz > 0) {
                    peaks_.push_back(peak);
                }
            }
        }
    }
}

double TuningEstimator::tuning(std::size_t bins_per_octave) const {
    if (peaks_.empty()) {
        return 0.0;
    }
    const float threshold = median_magnitude(peaks_);
    const auto cells = static_cast<int>(options_.cells);
    const auto edge = [&](int i) { return -0.5 + static_cast<double>(i) / cells; };
    std::vector<std::size_t> counts(options_.cells);
    for (const SpectralPeak& peak : peaks_) {
        if (peak.magnitude < threshold) {
            continue;
        }
        const float place = static_cast<float>(bins_per_octave) * std::log2(peak.frequency_hz / 27.5F);
        float residual = place - std::floor(place);
        residual = residual >= 0.5F ? residual - 1.0F : residual;
        int cell = std::clamp(static_cast<int>((static_cast<double>(residual) + 0.5) * cells), 0, cells - 1);
        cell += cell + 1 < cells && static_cast<double>(residual) >= edge(cell + 1) ? 1 : 0;
        cell -= cell > 0 && static_cast<double>(residual) < edge(cell) ? 1 : 0;
        ++counts[static_cast<std::size_t>(cell)];
    }
    return edge(static_cast<int>(std::max_element(counts.begin(), counts.end()) - counts.begin()));
}

std::optional<double> estimate_tuning(MatrixView<const float> power_spectrum, double sample_rate_hz, std::size_t n_fft, std::size_t bins_per_octave,
                                      const TuningOptions& options) {
    TuningEstimator estimator(sample_rate_hz, n_fft, options);
    for_each_block(power_spectrum, [&](Block block, std::size_t, std::size_t count) { estimator.add_block(block.data, block.stride, count); });
    return estimator.empty() ? std::nullopt : std::optional(estimator.tuning(bins_per_octave));
}

Matrix<float> chroma_filterbank(const ChromaOptions& o, const StopToken& stop) {
    if (o.n_chroma < 1 || o.n_chroma > 1024) {
        throw InvalidInputError("n_chroma", "chroma_stft", "between 1 and 1024", std::to_string(o.n_chroma));
    }
    const std::size_t bins = o.n_fft / 2 + 1;
    const auto n = static_cast<double>(o.n_chroma);
    std::vector<double> place(bins + 1);  // in chroma bins; one more for the width of the last
    for (std::size_t k = 1; k <= bins; ++k) {
        place[k] = n * octaves_above_a0(static_cast<double>(k) * o.sample_rate_hz / static_cast<double>(o.n_fft), o.tuning, n);
    }
    place[0] = place[1] - 1.5 * n;  // bin 0 has no logarithm: one and a half octaves below bin 1
    const double half = std::nearbyint(n / 2.0);
    const std::size_t rotation = o.base_c ? 3 * (o.n_chroma / 12) % o.n_chroma : 0;  // from A to C
    Matrix<float> weights(o.n_chroma, bins);
    std::vector<double> column(o.n_chroma);
    for (std::size_t k = 0; k < bins; ++k) {
        stop.check();
        const double width = std::max(place[k + 1] - place[k], 1.0);
        double square = 0;
        for (std::size_t c = 0; c < o.n_chroma; ++c) {
            const double shifted = place[k] - static_cast<double>(c) + half + 10.0 * n;
            const double distance = shifted - n * std::floor(shifted / n) - half;
            column[c] = std::exp(-0.5 * (2.0 * distance / width) * (2.0 * distance / width));
            square += column[c] * column[c];
        }
        const double octave = (place[k] / n - o.ctroct) / o.octwidth;
        const double scale = (o.octwidth > 0 ? std::exp(-0.5 * octave * octave) : 1.0) / std::sqrt(square);
        for (std::size_t c = 0; c < o.n_chroma; ++c) {
            weights((c + o.n_chroma - rotation) % o.n_chroma, k) = static_cast<float>(column[c] * scale);
        }
    }
    return weights;
}

void normalize_columns(MatrixView<float> x) {
    for (std::size_t t = 0; t < x.cols; ++t) {
        float largest = 0;
        for (std::size_t r = 0; r < x.rows; ++r) {
            largest = std::max(largest, x(r, t));
        }
        if (largest >= std::numeric_limits<float>::min()) {
            for (std::size_t r = 0; r < x.rows; ++r) {
                x(r, t) /= largest;
            }
        }
    }
}

void tonnetz(MatrixView<const float> chroma, MatrixView<float> out, const StopToken& stop) {
    static const Matrix<double> of_twelve = tonnetz_circles(12, {});  // what plans ask for, block by block
    const Matrix<double> own = chroma.rows == 12 ? Matrix<double>() : tonnetz_circles(chroma.rows, stop);
    const Matrix<double>& circles = chroma.rows == 12 ? of_twelve : own;
    for_each_block(chroma, [&](Block block, std::size_t first, std::size_t count) {
        constexpr std::size_t some = 1U << 16;  // classes between two looks at the token
        std::array<double, lanes> totals{};
        std::array<double, tonnetz_rows * lanes> sums{};
        std::array<float, tonnetz_rows * lanes> values{};
        for (std::size_t c = 0; c < chroma.rows; c += some) {
            stop.check();
            add_totals(block.data + c * block.stride, block.stride, std::min(some, chroma.rows - c), totals.data());
        }
        for (std::size_t c = 0; c < chroma.rows; c += some) {
            stop.check();
            add_places(block.data + c * block.stride, block.stride, std::min(some, chroma.rows - c), totals.data(), &circles.values[c], chroma.rows,
                       sums.data(), values.data());
        }
        for (std::size_t r = 0; r < tonnetz_rows; ++r) {
            std::copy_n(&values[r * lanes], count, &out(r, first));
        }
    });
}

void tonnetz(MatrixView<const double> chroma, MatrixView<double> out, const StopToken& stop) {
    const Matrix<double> circles = tonnetz_circles(chroma.rows, stop);
    std::vector<double> totals(chroma.cols);
    for (std::size_t c = 0; c < chroma.rows; ++c) {
        stop.check();
        for (std::size_t t = 0; t < chroma.cols; ++t) {
            totals[t] += chroma(c, t);
        }
    }
    for (double& total : totals) {
        total = total < smallest_total ? 1.0 : total;
    }
    for (std::size_t r = 0; r < tonnetz_rows; ++r) {
        const std::span<double> sums = out.row(r);
        std::ranges::fill(sums, 0.0);
        for (std::size_t c = 0; c < chroma.rows; ++c) {
            stop.check();
            for (std::size_t t = 0; t < chroma.cols; ++t) {
                sums[t] += circles(r, c) * (chroma(c, t) / totals[t]);
            }
        }
    }
}

}  // namespace emotion::audio
