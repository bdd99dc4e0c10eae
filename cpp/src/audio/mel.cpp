#include "emotion/audio/mel.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <tuple>

#include "blocks.hpp"
#include "emotion/audio/spectral.hpp"
#include "emotion/core/errors.hpp"
#include "plan_cache.hpp"

namespace emotion::audio {
namespace {

// Slaney: 200/3 Hz a mel below 1 kHz, then 27 mels from 1 kHz to 6.4 kHz.
constexpr double hz_a_mel = 200.0 / 3.0;
constexpr double log_start_hz = 1000.0;
const double log_step = std::log(6.4) / 27.0;

double hz_to_mel(double hz, bool htk) {
    if (htk) {
        return 2595.0 * std::log10(1.0 + hz / 700.0);
    }
    return hz < log_start_hz ? hz / hz_a_mel : log_start_hz / hz_a_mel + std::log(hz / log_start_hz) / log_step;
}

double mel_to_hz(double mel, bool htk) {
    if (htk) {
        return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
    }
    const double start = log_start_hz / hz_a_mel;
    return mel < start ? mel * hz_a_mel : log_start_hz * std::exp(log_step * (mel - start));
}

// layout: first bin and number of bins of each band; their weights follow one another.
EMOTION_CLONES void weighted_sums(const float* block, std::size_t stride, const std::uint32_t* layout, std::size_t n_bands, const float* weights,
                                  float* out, std::size_t out_stride) {
    for (std::size_t b = 0; b < n_bands; ++b) {
        const float* first = block + layout[2 * b] * stride;
        const std::size_t n = layout[2 * b + 1];
        Lane even = splat(0.0F), odd = splat(0.0F);
        std::size_t k = 0;
        for (; k + 2 <= n; k += 2) {
            even += load(first + k * stride) * weights[k];
            odd += load(first + (k + 1) * stride) * weights[k + 1];
        }
        if (k < n) {
            even += load(first + k * stride) * weights[k];
        }
        store(out + b * out_stride, even + odd);
        weights += n;
    }
}

EMOTION_CLONES void db_kernel(float* x, std::size_t n, float amin) {
    constexpr float factor = 4.34294482F;  // 10 / ln 10
    for (std::size_t i = 0; i + lanes <= n; i += lanes) {
        store(x + i, log_lane(lane_max(load(x + i), splat(amin))) * factor);
    }
}

// Four rows at a time: four products a load.
EMOTION_CLONES void multiply_block(const float* m, std::size_t rows, std::size_t cols, const float* x, std::size_t stride, float* out,
                                   std::size_t out_stride) {
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float *m0 = m + r * cols, *m1 = m0 + cols, *m2 = m1 + cols, *m3 = m2 + cols;
        Lane a = splat(0.0F), b = a, c = a, d = a;
        for (std::size_t k = 0; k < cols; ++k) {
            const Lane v = load(x + k * stride);
            a += v * m0[k];
            b += v * m1[k];
            c += v * m2[k];
            d += v * m3[k];
        }
        store(out + r * out_stride, a);
        store(out + (r + 1) * out_stride, b);
        store(out + (r + 2) * out_stride, c);
        store(out + (r + 3) * out_stride, d);
    }
    for (; r < rows; ++r) {
        Lane a = splat(0.0F);
        for (std::size_t k = 0; k < cols; ++k) {
            a += load(x + k * stride) * m[r * cols + k];
        }
        store(out + r * out_stride, a);
    }
}

Matrix<float> make_dct(std::size_t n_out, std::size_t n, bool orthonormal) {
    Matrix<float> m(n_out, n);
    for (std::size_t r = 0; r < n_out; ++r) {
        const double scale = !orthonormal ? 2.0 : std::sqrt((r == 0 ? 1.0 : 2.0) / static_cast<double>(n));
        for (std::size_t k = 0; k < n; ++k) {
            const double turns = static_cast<double>(((2 * k + 1) * r) % (4 * n)) / static_cast<double>(2 * n);
            m(r, k) = static_cast<float>(scale * std::cos(std::numbers::pi * turns));
        }
    }
    return m;
}

}  // namespace

MelFilterbank::MelFilterbank(const MelOptions& options) : bins_(options.n_fft / 2 + 1) {
    const double fmax = options.fmax == 0.0 ? options.sample_rate_hz / 2.0 : options.fmax;
    if (options.n_mels < 1 || options.n_mels > 4096) {
        throw InvalidInputError("n_mels", "melspectrogram", "between 1 and 4096", std::to_string(options.n_mels));
    }
    if (!(options.fmin >= 0.0) || !(fmax > options.fmin) || !std::isfinite(fmax)) {
        throw InvalidInputError("fmin and fmax", "melspectrogram", "such that 0 <= fmin < fmax",
                                std::to_string(options.fmin) + " and " + std::to_string(fmax));
    }
    const std::vector<double> f = fft_frequencies(options.sample_rate_hz, options.n_fft);
    std::vector<double> corners(options.n_mels + 2);
    const double low = hz_to_mel(options.fmin, options.htk), high = hz_to_mel(fmax, options.htk);
    for (std::size_t i = 0; i < corners.size(); ++i) {
        corners[i] = mel_to_hz(low + (high - low) * static_cast<double>(i) / static_cast<double>(options.n_mels + 1), options.htk);
    }
    for (std::size_t b = 0; b < options.n_mels; ++b) {
        const double left = corners[b], centre = corners[b + 1], right = corners[b + 2];
        const double scale = options.slaney_norm ? 2.0 / (right - left) : 1.0;
        std::uint32_t first_bin = 0, count = 0;
        for (std::size_t k = 0; k < bins_; ++k) {
            const double weight = std::min((f[k] - left) / (centre - left), (right - f[k]) / (right - centre));
            if (weight > 0.0) {
                first_bin = count == 0 ? static_cast<std::uint32_t>(k) : first_bin;
                ++count;
                weights_.push_back(static_cast<float>(weight * scale));
            }
        }
        layout_.push_back(first_bin);
        layout_.push_back(count);
    }
}

Matrix<float> MelFilterbank::dense() const {
    Matrix<float> m(size(), bins_);
    auto weight = weights_.begin();
    for (std::size_t b = 0; b < size(); ++b) {
        std::copy_n(weight, layout_[2 * b + 1], m.row(b).begin() + layout_[2 * b]);
        weight += layout_[2 * b + 1];
    }
    return m;
}

void MelFilterbank::apply_block(const float* block, std::size_t stride, float* out, std::size_t out_stride) const {
    weighted_sums(block, stride, layout_.data(), size(), weights_.data(), out, out_stride);
}

void MelFilterbank::apply(MatrixView<const float> s, MatrixView<float> out) const {
    std::vector<float> values(size() * lanes);
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        apply_block(block.data, block.stride, values.data(), lanes);
        for (std::size_t b = 0; b < size(); ++b) {
            std::copy_n(&values[b * lanes], count, &out(b, first));
        }
    });
}

void power_to_db(std::span<float> x, float amin, float top_db) {
    db_kernel(x.data(), x.size(), amin);
    const std::size_t whole = x.size() / lanes * lanes;
    if (whole < x.size()) {  // the same kernel, so that a value does not depend on its place
        float tail[lanes];
        std::fill_n(tail, lanes, amin);
        std::copy(x.begin() + static_cast<std::ptrdiff_t>(whole), x.end(), tail);
        db_kernel(tail, lanes, amin);
        std::copy_n(tail, x.size() - whole, x.begin() + static_cast<std::ptrdiff_t>(whole));
    }
    if (top_db < 0 || x.empty()) {
        return;
    }
    const float floor = *std::ranges::max_element(x) - top_db;
    for (float& v : x) {
        v = std::max(v, floor);
    }
}

std::shared_ptr<const Matrix<float>> dct_matrix(std::size_t n_out, std::size_t n, bool orthonormal) {
    static PlanCache<std::tuple<std::size_t, std::size_t, bool>, Matrix<float>> cache(16);
    return cache.get({n_out, n, orthonormal}, [&] { return std::make_shared<const Matrix<float>>(make_dct(n_out, n, orthonormal)); });
}

void multiply(MatrixView<const float> m, MatrixView<const float> x, MatrixView<float> out) {
    std::vector<float> values(m.rows * lanes);
    for_each_block(x, [&](Block block, std::size_t first, std::size_t count) {
        multiply_block(m.data, m.rows, m.cols, block.data, block.stride, values.data(), lanes);
        for (std::size_t r = 0; r < m.rows; ++r) {
            std::copy_n(&values[r * lanes], count, &out(r, first));
        }
    });
}

void delta(MatrixView<const float> x, std::size_t width, std::size_t order, MatrixView<float> out) {
    if (width < 3 || width % 2 == 0 || width > x.cols) {
        throw InvalidInputError("width", "delta", "odd, at least 3 and at most the number of frames (" + std::to_string(x.cols) + ")",
                                std::to_string(width));
    }
    if (order < 1 || order >= width) {
        throw InvalidInputError("order", "delta", "at least 1 and below width (" + std::to_string(width) + ")", std::to_string(order));
    }
    // The leading coefficient of a least-squares polynomial is the projection on the monic orthogonal polynomial of that degree
    // (three-term recurrence); times order! it is the derivative, the same anywhere in the window.
    const std::size_t half = width / 2;
    std::vector<double> previous(width, 0.0), current(width, 1.0), next(width);
    double previous_norm = 1.0, factorial = 1.0;
    const auto norm_of = [](const std::vector<double>& p) {
        double sum = 0;
        for (const double v : p) {
            sum += v * v;
        }
        return sum;
    };
    for (std::size_t degree = 0; degree < order; ++degree) {
        const double norm = norm_of(current);
        const double b = degree == 0 ? 0.0 : norm / previous_norm;
        for (std::size_t i = 0; i < width; ++i) {
            next[i] = (static_cast<double>(i) - static_cast<double>(half)) * current[i] - b * previous[i];
        }
        previous.swap(current);
        current.swap(next);
        previous_norm = norm;
        factorial *= static_cast<double>(degree + 1);
    }
    const double scale = factorial / norm_of(current);
    for (double& c : current) {
        c *= scale;
    }
    const std::size_t inner = x.cols - width + 1;
    for (std::size_t r = 0; r < x.rows; ++r) {
        const float* row = x.data + r * x.cols;
        float* target = out.data + r * x.cols;
        for (std::size_t t = 0; t < inner; ++t) {
            double sum = 0;
            for (std::size_t i = 0; i < width; ++i) {
                sum += current[i] * static_cast<double>(row[t + i]);
            }
            target[t + half] = static_cast<float>(sum);
        }
        std::fill_n(target, half, target[half]);
        std::fill_n(target + half + inner, half, target[half + inner - 1]);
    }
}

}  // namespace emotion::audio
