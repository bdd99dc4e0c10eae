#include "emotion/audio/spectral.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "emotion/audio/mel.hpp"
#include "emotion/core/errors.hpp"
#include "spectral_block.hpp"

namespace emotion::audio {
namespace {

constexpr float tiny = std::numeric_limits<float>::min();
constexpr std::size_t most_network_tail = 16;  // beyond: selection a frame

// A sum below the smallest normal float counts as silence: librosa divides by one there.
EMOTION_INLINE Lane divisor(Lane sum) { return sum < tiny ? splat(1.0F) : sum; }

// The M largest and M smallest values of n bins, by insertion into sorted registers, without branches.
template <int M>
EMOTION_INLINE void extremes(const float* s, std::size_t stride, std::size_t n, float* peak, float* valley) {
    Lane top[M], low[M];  // top descends, low ascends
    for (int j = 0; j < M; ++j) {
        top[j] = splat(-std::numeric_limits<float>::infinity());
        low[j] = splat(std::numeric_limits<float>::infinity());
    }
    for (std::size_t k = 0; k < n; ++k) {
        Lane up = load(s + k * stride);
        Lane down = up;
        for (int j = 0; j < M; ++j) {
            const Lane t = top[j], b = low[j];
            top[j] = lane_max(t, up);
            up = lane_min(t, up);
            low[j] = lane_min(b, down);
            down = lane_max(b, down);
        }
    }
    Lane high_sum = splat(0.0F), low_sum = splat(0.0F);
    for (int j = 0; j < M; ++j) {
        high_sum += top[M - 1 - j];
        low_sum += low[j];
    }
    store(peak, high_sum / static_cast<float>(M));
    store(valley, low_sum / static_cast<float>(M));
}

EMOTION_CLONES void extremes_1_to_4(const float* s, std::size_t stride, std::size_t n, std::size_t m, float* peak, float* valley) {
    switch (m) {
        case 1: extremes<1>(s, stride, n, peak, valley); break;
        case 2: extremes<2>(s, stride, n, peak, valley); break;
        case 3: extremes<3>(s, stride, n, peak, valley); break;
        default: extremes<4>(s, stride, n, peak, valley); break;
    }
}

// 5 <= m <= 16: the network with the sorted values in memory; a bin that improves no frame is passed over.
EMOTION_CLONES void extremes_network(const float* s, std::size_t stride, std::size_t n, std::size_t m, float* peak, float* valley) {
    Lane top[most_network_tail], low[most_network_tail];
    for (std::size_t j = 0; j < m; ++j) {
        top[j] = splat(-std::numeric_limits<float>::infinity());
        low[j] = splat(std::numeric_limits<float>::infinity());
    }
    for (std::size_t k = 0; k < n; ++k) {
        const Lane v = load(s + k * stride);
        if (any_lane(v > top[m - 1])) {
            Lane up = v;
            for (std::size_t j = 0; j < m; ++j) {
                const Lane t = top[j];
                top[j] = lane_max(t, up);
                up = lane_min(t, up);
            }
        }
        if (any_lane(v < low[m - 1])) {
            Lane down = v;
            for (std::size_t j = 0; j < m; ++j) {
                const Lane b = low[j];
                low[j] = lane_min(b, down);
                down = lane_max(b, down);
            }
        }
    }
    Lane high_sum = splat(0.0F), low_sum = splat(0.0F);
    for (std::size_t j = 0; j < m; ++j) {
        high_sum += top[m - 1 - j];
        low_sum += low[j];
    }
    const auto count = static_cast<float>(m);
    store(peak, high_sum / count);
    store(valley, low_sum / count);
}

void extremes_by_selection(Block s, std::size_t n, std::size_t m, float* peak, float* valley) {
    std::vector<float> values(n);
    for (std::size_t l = 0; l < lanes; ++l) {
        for (std::size_t k = 0; k < n; ++k) {
            values[k] = s.data[k * s.stride + l];
        }
        const auto mean_of_first = [&](auto order) {
            std::partial_sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(m), values.end(), order);
            double sum = 0;
            for (std::size_t j = 0; j < m; ++j) {
                sum += values[j];
            }
            return static_cast<float>(sum / static_cast<double>(m));
        };
        peak[l] = mean_of_first(std::greater<>());
        valley[l] = mean_of_first(std::less<>());
    }
}

EMOTION_CLONES void magnitude_kernel(const float* power, std::size_t n, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        out[i] = __builtin_sqrtf(power[i]);
    }
}

EMOTION_CLONES void sum_kernel(const float* s, std::size_t stride, std::size_t bins, float* out) {
    Lane sum = splat(0.0F);
    for (std::size_t k = 0; k < bins; ++k) {
        sum += load(s + k * stride);
    }
    store(out, sum);
}

EMOTION_CLONES void centroid_kernel(const float* s, std::size_t stride, std::size_t bins, const float* f, const float* sum, float* out) {
    Lane a = splat(0.0F), b = splat(0.0F);
    std::size_t k = 0;
    for (; k + 2 <= bins; k += 2) {
        a += load(s + k * stride) * f[k];
        b += load(s + (k + 1) * stride) * f[k + 1];
    }
    if (k < bins) {
        a += load(s + k * stride) * f[k];
    }
    store(out, (a + b) / divisor(load(sum)));
}

EMOTION_CLONES void bandwidth_kernel(const float* s, std::size_t stride, std::size_t bins, const float* f, const float* sum, const float* centroid,
                                     float* out) {
    Lane a = splat(0.0F);
    const Lane c = load(centroid);
    for (std::size_t k = 0; k < bins; ++k) {
        const Lane d = f[k] - c;
        a += load(s + k * stride) * (d * d);
    }
    store(out, a / divisor(load(sum)));
}

EMOTION_CLONES void rolloff_kernel(const float* s, std::size_t stride, std::size_t bins, float roll_percent, const float* sum, std::int32_t* out) {
    const Lane threshold = load(sum) * roll_percent;
    Lane running = splat(0.0F);
    LaneInt below = splat_int(0);
    for (std::size_t k = 0; k < bins; ++k) {
        running += load(s + k * stride);
        below -= running < threshold;  // -1 where true
    }
    store_int(out, below);
}

// The logarithms are summed as exponents and products of mantissas: 32 mantissas in [1, 2) stay far below overflow.
EMOTION_CLONES void flatness_kernel(const float* p, std::size_t stride, std::size_t bins, float amin, float* out) {
    constexpr std::size_t run = 32;
    LaneInt exponents = splat_int(0);
    Lane log_sum = splat(0.0F), sum = splat(0.0F);
    for (std::size_t start = 0; start < bins; start += run) {
        const std::size_t end = start + run < bins ? start + run : bins;
        Lane product = splat(1.0F);
        for (std::size_t k = start; k < end; ++k) {
            const Lane v = lane_max(load(p + k * stride), splat(amin));
            const LaneInt bits = bits_of(v);
            exponents += (bits >> 23) - 127;
            product *= float_of((bits & 0x007FFFFF) | 0x3F800000);
            sum += v;
        }
        log_sum += log_lane(product);
    }
    const auto n = static_cast<float>(bins);
    store(out, (log_sum + __builtin_convertvector(exponents, Lane) * 0.69314718F) / n);
    store(out + lanes, sum / n);
}

}  // namespace

void magnitude_block(const float* power, std::size_t bins, float* magnitude) { magnitude_kernel(power, bins * lanes, magnitude); }

void sum_block(Block s, std::size_t bins, float* out) { sum_kernel(s.data, s.stride, bins, out); }

void centroid_block(Block s, std::size_t bins, const float* f, const float* sum, float* out) {
    centroid_kernel(s.data, s.stride, bins, f, sum, out);
}

void bandwidth_block(Block s, std::size_t bins, const float* f, const float* sum, const float* centroid, float* out) {
    bandwidth_kernel(s.data, s.stride, bins, f, sum, centroid, out);
    magnitude_kernel(out, lanes, out);
}

void rolloff_block(Block s, std::size_t bins, float roll_percent, const float* sum, std::size_t* out) {
    std::int32_t below[lanes];
    rolloff_kernel(s.data, s.stride, bins, roll_percent, sum, below);
    for (std::size_t l = 0; l < lanes; ++l) {
        out[l] = std::min(static_cast<std::size_t>(below[l]), bins - 1);
    }
}

void flatness_block(Block power, std::size_t bins, float amin, float* out) {
    float parts[2 * lanes];  // mean logarithm, mean
    flatness_kernel(power.data, power.stride, bins, amin, parts);
    for (std::size_t l = 0; l < lanes; ++l) {
        out[l] = static_cast<float>(std::exp(static_cast<double>(parts[l])) / static_cast<double>(parts[lanes + l]));
    }
}

void contrast_block(Block s, const ContrastBand& band, float* peak, float* valley) {
    const std::size_t n = band.last - band.first;
    const std::size_t m = std::min(band.tail, n);
    const Block part{s.data + band.first * s.stride, s.stride};
    if (m <= 4) {
        extremes_1_to_4(part.data, part.stride, n, m, peak, valley);
    } else if (m <= most_network_tail) {
        extremes_network(part.data, part.stride, n, m, peak, valley);
    } else {
        extremes_by_selection(part, n, m, peak, valley);
    }
}

std::vector<double> fft_frequencies(double sample_rate_hz, std::size_t n_fft) {
    std::vector<double> f(n_fft / 2 + 1);
    const double unit = 1.0 / (static_cast<double>(n_fft) * (1.0 / sample_rate_hz));
    for (std::size_t k = 0; k < f.size(); ++k) {
        f[k] = static_cast<double>(k) * unit;
    }
    return f;
}

std::vector<ContrastBand> contrast_bands(double sample_rate_hz, std::size_t n_fft, double fmin, std::size_t n_bands, double quantile) {
    return contrast_bands(fft_frequencies(sample_rate_hz, n_fft), sample_rate_hz, fmin, n_bands, quantile);
}

std::vector<ContrastBand> contrast_bands(std::span<const double> f, double sample_rate_hz, double fmin, std::size_t n_bands, double quantile) {
    std::vector<ContrastBand> bands(n_bands + 1);
    for (std::size_t b = 0; b <= n_bands; ++b) {
        const double low = b == 0 ? 0.0 : fmin * std::exp2(static_cast<double>(b) - 1.0);
        const double high = fmin * std::exp2(static_cast<double>(b));
        if (low >= 0.5 * sample_rate_hz) {
            throw InvalidInputError("fmin and n_bands", "spectral_contrast", "such that every band starts below the Nyquist frequency",
                                    "a band from " + std::to_string(low) + " Hz at " + std::to_string(sample_rate_hz) + " Hz");
        }
        auto first = static_cast<std::size_t>(std::lower_bound(f.begin(), f.end(), low) - f.begin());
        auto last = static_cast<std::size_t>(std::upper_bound(f.begin(), f.end(), high) - f.begin());
        if (b == n_bands) {
            last = f.size();
        }
        first -= b > 0 && first > 0 ? 1 : 0;  // librosa: one bin of overlap below, and the top bin belongs to the next band
        const std::size_t counted = last > first ? last - first : 0;
        last -= b < n_bands ? 1 : 0;
        if (last <= first || counted < 2) {
            throw InvalidInputError("fmin, n_bands and n_fft", "spectral_contrast", "such that every band holds a bin",
                                    "an empty band from " + std::to_string(low) + " Hz");
        }
        bands[b] = {first, last, static_cast<std::size_t>(std::max(1.0, std::nearbyint(quantile * static_cast<double>(counted))))};
    }
    return bands;
}

void spectral_centroid(MatrixView<const float> s, std::span<const float> f, std::span<float> out) {
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        float sum[lanes], value[lanes];
        sum_block(block, s.rows, sum);
        centroid_block(block, s.rows, f.data(), sum, value);
        std::copy_n(value, count, out.begin() + static_cast<std::ptrdiff_t>(first));
    });
}

void spectral_bandwidth(MatrixView<const float> s, std::span<const float> f, std::span<const float> centroid, bool norm, std::span<float> out) {
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        float sum[lanes], middle[lanes] = {}, value[lanes];
        sum_block(block, s.rows, sum);
        std::fill_n(sum, norm ? 0 : lanes, 1.0F);
        std::copy_n(centroid.begin() + static_cast<std::ptrdiff_t>(first), count, middle);
        bandwidth_block(block, s.rows, f.data(), sum, middle, value);
        std::copy_n(value, count, out.begin() + static_cast<std::ptrdiff_t>(first));
    });
}

void spectral_rolloff(MatrixView<const float> s, std::span<const float> f, float roll_percent, std::span<float> out) {
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        float sum[lanes];
        std::size_t bin[lanes];
        sum_block(block, s.rows, sum);
        rolloff_block(block, s.rows, roll_percent, sum, bin);
        for (std::size_t l = 0; l < count; ++l) {
            out[first + l] = f[bin[l]];
        }
    });
}

void spectral_flatness(MatrixView<const float> power_spectrum, float amin, std::span<float> out) {
    for_each_block(power_spectrum, [&](Block block, std::size_t first, std::size_t count) {
        float value[lanes];
        flatness_block(block, power_spectrum.rows, amin, value);
        std::copy_n(value, count, out.begin() + static_cast<std::ptrdiff_t>(first));
    });
}

void contrast_extremes(MatrixView<const float> s, std::span<const ContrastBand> bands, MatrixView<float> peak, MatrixView<float> valley) {
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        float high[lanes], low[lanes];
        for (std::size_t b = 0; b < bands.size(); ++b) {
            contrast_block(block, bands[b], high, low);
            std::copy_n(high, count, &peak(b, first));
            std::copy_n(low, count, &valley(b, first));
        }
    });
}

void contrast_to_db(MatrixView<float> peak, MatrixView<float> valley) {
    power_to_db({peak.data, peak.size()}, 1e-10F, 80.0F);
    power_to_db({valley.data, valley.size()}, 1e-10F, 80.0F);
    for (std::size_t i = 0; i < peak.size(); ++i) {
        peak.data[i] -= valley.data[i];
    }
}

}  // namespace emotion::audio
