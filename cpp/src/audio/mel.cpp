#include "emotion/audio/mel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
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

// Returns the largest result. n is a multiple of eight.
EMOTION_CLONES float db_kernel(float* x, std::size_t n, float amin) {
    constexpr float factor = 4.34294482F;  // 10 / ln 10
    Lane largest = splat(-__builtin_inff());
    for (std::size_t i = 0; i < n; i += lanes) {
        const Lane db = log_lane(lane_max(load(x + i), splat(amin))) * factor;
        largest = lane_max(largest, db);
        store(x + i, db);
    }
    float result = largest[0];
    for (std::size_t l = 1; l < lanes; ++l) {
        result = result < largest[l] ? largest[l] : result;
    }
    return result;
}

EMOTION_CLONES void floor_kernel(float* x, std::size_t n, float floor) {
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = x[i] < floor ? floor : x[i];
    }
}

// Eight rows at a time: eight products a load, enough sums to hide the latency of an addition.
EMOTION_CLONES void multiply_block(const float* m, std::size_t rows, std::size_t cols, const float* x, std::size_t stride, float* out,
                                   std::size_t out_stride) {
    std::size_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        const float* first = m + r * cols;
        Lane sums[8] = {};
        for (std::size_t k = 0; k < cols; ++k) {
            const Lane v = load(x + k * stride);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < 8; ++i) {
                sums[i] += v * first[i * cols + k];
            }
        }
        for (std::size_t i = 0; i < 8; ++i) {
            store(out + (r + i) * out_stride, sums[i]);
        }
    }
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

// Entry (r, k) of the transform and its scale: cos(pi * turns), where turns is taken modulo 2 in whole numbers.
double dct_entry(std::size_t r, std::size_t k, std::size_t n, int type, DctNorm norm) {
    const bool ortho = norm == DctNorm::ortho;
    const double size = 2.0 * static_cast<double>(type == 1 ? n - 1 : n);
    const auto cosine = [](std::size_t above, std::size_t below) {
        return std::cos(std::numbers::pi * static_cast<double>(above % (2 * below)) / static_cast<double>(below));
    };
    const double scale = ortho ? std::sqrt(2.0 / size) * std::numbers::sqrt2 : norm == DctNorm::forward ? 2.0 / size : 2.0;
    constexpr double less = std::numbers::sqrt2 / 2.0;
    if (type == 1) {
        const bool outer_k = k == 0 || k == n - 1, outer_r = r == 0 || r == n - 1;
        return scale * cosine(r * k, n - 1) * (ortho ? (outer_k ? less : 1.0) * (outer_r ? less : 1.0) : outer_k ? 0.5 : 1.0);
    }
    if (type == 2) {
        return scale * cosine((2 * k + 1) * r, 2 * n) * (ortho && r == 0 ? less : 1.0);
    }
    if (type == 3) {
        return scale * cosine((2 * r + 1) * k, 2 * n) * (k > 0 ? 1.0 : ortho ? less : 0.5);
    }
    return scale * cosine((2 * r + 1) * (2 * k + 1), 4 * n);
}

constexpr std::size_t bins_a_look = 4096;  // between two looks at the token

// p may be infinite; weights of norm zero are left alone.
void to_unit_norm(std::span<float> weights, double p, const StopToken& stop) {
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (i % bins_a_look == 0) {
            stop.check();
        }
        const auto w = static_cast<double>(weights[i]);
        sum = std::isinf(p) ? std::max(sum, w) : sum + std::pow(w, p);
    }
    const double norm = std::isinf(p) ? sum : std::pow(sum, 1.0 / p);
    for (float& w : weights) {
        w = norm > 0.0 ? static_cast<float>(static_cast<double>(w) / norm) : w;
    }
}

}  // namespace

MelFilterbank::MelFilterbank(const MelOptions& options, const StopToken& stop) : bins_(options.n_fft / 2 + 1) {
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
        stop.check();
        const double left = corners[b], centre = corners[b + 1], right = corners[b + 2];
        std::uint32_t first_bin = 0, count = 0;
        const std::size_t first_weight = weights_.size();
        const double scale = options.slaney_norm ? 2.0 / (right - left) : 1.0;
        const auto begin = std::lower_bound(f.begin(), f.end(), left), end = std::upper_bound(begin, f.end(), right);
        for (auto hz = begin; hz != end; ++hz) {
            if (static_cast<std::size_t>(hz - begin) % bins_a_look == 0) {
                stop.check();
            }
            const double weight = std::min((*hz - left) / (centre - left), (right - *hz) / (right - centre));
            if (weight > 0.0) {
                first_bin = count == 0 ? static_cast<std::uint32_t>(hz - f.begin()) : first_bin;
                ++count;
                weights_.push_back(static_cast<float>(weight * scale));
            }
        }
        if (!options.slaney_norm && options.norm > 0.0) {
            to_unit_norm(std::span(weights_).subspan(first_weight), options.norm, stop);
        }
        empty_bands_ = empty_bands_ || (count == 0 && left != 0.0);
        layout_.push_back(first_bin);
        layout_.push_back(count);
    }
}

void MelFilterbank::dense(MatrixView<float> out, const StopToken& stop) const {
    auto weight = weights_.begin();
    for (std::size_t b = 0; b < size(); ++b) {
        stop.check();
        const std::span<float> row = out.row(b);
        std::ranges::fill(row, 0.0F);
        std::copy_n(weight, layout_[2 * b + 1], row.begin() + layout_[2 * b]);
        weight += layout_[2 * b + 1];
    }
}

Matrix<float> MelFilterbank::dense() const {
    Matrix<float> m(size(), bins_);
    dense(m.view(), {});
    return m;
}

void MelFilterbank::apply_block(const float* block, std::size_t stride, float* out, std::size_t out_stride) const {
    weighted_sums(block, stride, layout_.data(), size(), weights_.data(), out, out_stride);
}

void MelFilterbank::apply(MatrixView<const float> s, MatrixView<float> out, const StopToken& stop) const {
    std::vector<float> values(size() * lanes);
    for_each_block(s, [&](Block block, std::size_t first, std::size_t count) {
        stop.check();
        apply_block(block.data, block.stride, values.data(), lanes);
        for (std::size_t b = 0; b < size(); ++b) {
            std::copy_n(&values[b * lanes], count, &out(b, first));
        }
    });
}

void power_to_db(std::span<float> x, float amin, float top_db) {
    const std::size_t whole = x.size() / lanes * lanes;
    float largest = db_kernel(x.data(), whole, amin);
    if (whole < x.size()) {  // the same kernel, so that a value does not depend on its place
        float tail[lanes];
        std::fill_n(tail, lanes, amin);
        std::copy(x.begin() + static_cast<std::ptrdiff_t>(whole), x.end(), tail);
        largest = std::max(largest, db_kernel(tail, lanes, amin));  // what fills it up is amin, the least of all
        std::copy_n(tail, x.size() - whole, x.begin() + static_cast<std::ptrdiff_t>(whole));
    }
    if (top_db < 0 || x.empty()) {
        return;
    }
    floor_kernel(x.data(), x.size(), largest - top_db);
}

std::shared_ptr<const Matrix<float>> dct_matrix(std::size_t n_out, std::size_t n, int type, DctNorm norm, const StopToken& stop) {
    if (type < 1 || type > 4 || (type == 1 && n < 2)) {
        throw InvalidInputError("dct_type", "mfcc", "1 to 4, and 1 only for at least 2 bands", std::to_string(type) + " for " + std::to_string(n));
    }
    static PlanCache<std::tuple<std::size_t, std::size_t, int, DctNorm>, Matrix<float>> cache(16);
    return cache.get({n_out, n, type, norm}, [&] {
        auto m = std::make_shared<Matrix<float>>(n_out, n);
        for (std::size_t r = 0; r < n_out; ++r) {
            for (std::size_t k = 0; k < n; ++k) {
                if (k % 4096 == 0) {
                    stop.check();
                }
                (*m)(r, k) = static_cast<float>(dct_entry(r, k, n, type, norm));
            }
        }
        return std::shared_ptr<const Matrix<float>>(std::move(m));
    });
}

void multiply(MatrixView<const float> m, MatrixView<const float> x, MatrixView<float> out, const StopToken& stop) {
    std::vector<float> values(m.rows * lanes);
    // Rows between two looks at the token: some ten milliseconds of work, and eight at a time as the kernel takes them.
    const std::size_t some = std::max<std::size_t>((std::size_t{1} << 21) / std::max<std::size_t>(m.cols, 1) / 8, 1) * 8;
    for_each_block(x, [&](Block block, std::size_t first, std::size_t count) {
        for (std::size_t r = 0; r < m.rows; r += some) {
            stop.check();
            multiply_block(m.data + r * m.cols, std::min(some, m.rows - r), m.cols, block.data, block.stride, &values[r * lanes], lanes);
        }
        for (std::size_t r = 0; r < m.rows; ++r) {
            std::copy_n(&values[r * lanes], count, &out(r, first));
        }
    });
}

namespace {

// Weights of the derivative, at one place, of the polynomial fitted to `width` values: the sum over the monic orthogonal polynomials p of the points
// (three-term recurrence) of p(i) p^(order)(place) / |p|^2. The polynomials are made anew for each place: O(width) memory and O(width degree) time.
class DerivativeWeights {
public:
    DerivativeWeights(std::size_t width, std::size_t order, std::size_t degree)
        : half_(static_cast<double>(width / 2)), order_(order), degree_(degree), previous_(width), current_(width), next_(width), weights_(width),
          older_(degree + 2), powers_(degree + 2), newer_(degree + 2) {}

    // Whether all places have the same weights: of degree = order only the last polynomial counts, and its derivative is order! anywhere.
    [[nodiscard]] bool same_anywhere() const { return order_ == degree_; }

    // place: 0 … width - 1. The weights hold until the next call.
    const std::vector<double>& at(std::size_t place, const StopToken& stop) {
        const double x = static_cast<double>(place) - half_;
        begin();
        for (std::size_t j = 0; j <= degree_; ++j) {
            stop.check();
            if (norms_.size() == j) {
                norms_.push_back(std::inner_product(current_.begin(), current_.end(), current_.begin(), 0.0));
                if (!std::isfinite(norms_.back())) {
                    throw InvalidInputError("polyorder", "delta", "so low that its polynomials over width samples fit double precision",
                                            std::to_string(degree_));
                }
            }
            if (j >= order_) {
                const double scale = derivative(j, x, stop) / norms_[j];
                for (std::size_t i = 0; i < weights_.size(); ++i) {
                    weights_[i] += current_[i] * scale;
                }
            }
            advance(j == 0 ? 0.0 : norms_[j] / norms_[j - 1]);
        }
        return weights_;
    }

private:
    void begin() {
        std::ranges::fill(weights_, 0.0);
        std::ranges::fill(previous_, 0.0);
        std::ranges::fill(current_, 1.0);
        std::ranges::fill(older_, 0.0);
        std::ranges::fill(powers_, 0.0);
        powers_[0] = 1.0;
    }

    // The derivative at x of the current polynomial, of degree j.
    [[nodiscard]] double derivative(std::size_t j, double x, const StopToken& stop) const {
        double sum = 0;
        for (std::size_t k = j + 1; k-- > order_;) {
            stop.check();
            double falling = powers_[k];
            for (std::size_t i = 0; i < order_; ++i) {
                falling *= static_cast<double>(k - i);
            }
            sum = sum * x + falling;
        }
        return sum;
    }

    // The next polynomial: x current - b previous.
    void advance(double b) {
        for (std::size_t i = 0; i < next_.size(); ++i) {
            next_[i] = (static_cast<double>(i) - half_) * current_[i] - b * previous_[i];
        }
        for (std::size_t k = 0; k < newer_.size(); ++k) {
            newer_[k] = (k > 0 ? powers_[k - 1] : 0.0) - b * older_[k];
        }
        previous_.swap(current_);
        current_.swap(next_);
        older_.swap(powers_);
        powers_.swap(newer_);
    }

    double half_;
    std::size_t order_, degree_;
    std::vector<double> previous_, current_, next_, weights_;  // at the points
    std::vector<double> older_, powers_, newer_;               // the same polynomials by powers
    std::vector<double> norms_;
};

// sums[t] += sum_i w[i] x[t + i] in float64, i in order, for t < n.
EMOTION_CLONES void add_windows(const float* x, std::size_t n, const double* w, std::size_t width, double* sums) {
    for (std::size_t i = 0; i < width; ++i) {
        const double weight = w[i];
        for (std::size_t t = 0; t < n; ++t) {
            sums[t] += weight * static_cast<double>(x[t + i]);
        }
    }
}

// out[t] = sum_i w[i] x[t + i], for t < n.
void weighted_windows(const float* x, std::size_t n, const std::vector<double>& w, float* out, const StopToken& stop) {
    constexpr std::size_t some = 2048;  // outputs whose sums stay near, and weights between two looks at the token
    std::array<double, some> sums;
    for (std::size_t first = 0; first < n; first += some) {
        const std::size_t count = std::min(some, n - first);
        sums.fill(0.0);
        for (std::size_t i = 0; i < w.size(); i += some) {
            stop.check();
            add_windows(x + first + i, count, &w[i], std::min(some, w.size() - i), sums.data());
        }
        std::transform(sums.data(), sums.data() + count, out + first, [](double sum) { return static_cast<float>(sum); });
    }
}

float weighted_sum(const std::vector<double>& w, const float* x) {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        sum += w[i] * static_cast<double>(x[i]);
    }
    return static_cast<float>(sum);
}

}  // namespace

void delta(MatrixView<const float> x, std::size_t width, std::size_t order, std::size_t degree, MatrixView<float> out, const StopToken& stop) {
    if (width < 3 || width % 2 == 0 || width > x.cols) {
        throw InvalidInputError("width", "delta", "odd, at least 3 and at most the number of frames (" + std::to_string(x.cols) + ")",
                                std::to_string(width));
    }
    if (order < 1 || degree >= width) {
        throw InvalidInputError(order == degree ? "order" : "polyorder", "delta", "below width (" + std::to_string(width) + ")", std::to_string(degree));
    }
    DerivativeWeights weights(width, order, degree);
    const std::size_t half = width / 2, inner = x.cols - width + 1;
    const auto row = [&](std::size_t r) { return x.data + r * x.cols; };
    const auto target = [&](std::size_t r) { return out.data + r * x.cols; };
    const std::vector<double>& middle = weights.at(half, stop);
    for (std::size_t r = 0; r < x.rows; ++r) {
        weighted_windows(row(r), inner, middle, target(r) + half, stop);
        if (weights.same_anywhere()) {
            std::fill_n(target(r), half, weighted_sum(middle, row(r)));
            std::fill_n(target(r) + half + inner, half, weighted_sum(middle, row(r) + inner - 1));
        }
    }
    for (std::size_t place = 0; !weights.same_anywhere() && place < width; ++place) {
        if (place == half) {
            continue;
        }
        const std::size_t from = place < half ? 0 : inner - 1;
        const std::vector<double>& w = weights.at(place, stop);
        for (std::size_t r = 0; r < x.rows; ++r) {
            stop.check();
            target(r)[from + place] = weighted_sum(w, row(r) + from);
        }
    }
}

}  // namespace emotion::audio
