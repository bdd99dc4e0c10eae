#include "emotion/audio/fft.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "plan_cache.hpp"
#include "two_step.hpp"

namespace emotion::audio {
namespace {

// re[t] = w[2t] x[2t], im[t] = w[2t + 1] x[2t + 1] for t < m, all eight frames.
EMOTION_CLONES void gather_packed(const float* signal, std::size_t hop, const float* window, std::size_t m, float* re, float* im) {
    const FrameSource source{signal, hop, window};
    std::size_t t = 0;
    for (; t + 4 <= m; t += 4) {
        Complex z[4];
        source.get(t, z);
        for (std::size_t i = 0; i < 4; ++i) {
            store(re + (t + i) * lanes, z[i].re);
            store(im + (t + i) * lanes, z[i].im);
        }
    }
    for (; t < m; ++t) {
        for (std::size_t l = 0; l < lanes; ++l) {
            re[t * lanes + l] = signal[l * hop + 2 * t] * window[2 * t];
            im[t * lanes + l] = signal[l * hop + 2 * t + 1] * window[2 * t + 1];
        }
    }
}

void gather_plain(const float* signal, std::size_t hop, const float* window, std::size_t n, float* re, float* im) {
    for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t l = 0; l < lanes; ++l) {
            re[t * lanes + l] = signal[l * hop + t] * window[t];
            im[t * lanes + l] = 0.0F;
        }
    }
}

// The attribute needs functions that are no templates.
#define EMOTION_COLUMN_PASS(R)                                                                                                                      \
    EMOTION_CLONES void columns_##R(const float* signal, std::size_t hop, const float* window, std::size_t columns, const float* roots,            \
                                    const float* turns, float* rows, std::size_t stride) {                                                         \
        column_pass<R>(FrameSource{signal, hop, window}, columns, roots, turns, rows, stride);                                                     \
    }                                                                                                                                              \
    EMOTION_CLONES void even_columns_##R(const float* half, std::size_t m, std::size_t columns, const float* roots, const float* turns,            \
                                         float* rows, std::size_t stride) {                                                                        \
        column_pass<R>(EvenSource{half, m}, columns, roots, turns, rows, stride);                                                                  \
    }
#define EMOTION_ROW_PASS(C)                                                                                                                         \
    EMOTION_CLONES void power_rows_##C(const float* rows, std::size_t r, std::size_t stride, const float* roots, const float* wc, const float* ws, \
                                       float* out) {                                                                                               \
        row_pass<C>(rows, r, stride, roots, wc, ws, PowerOut{out});                                                                                \
    }                                                                                                                                              \
    EMOTION_CLONES void complex_rows_##C(const float* rows, std::size_t r, std::size_t stride, const float* roots, const float* wc,                \
                                         const float* ws, float* re, float* im) {                                                                  \
        row_pass<C>(rows, r, stride, roots, wc, ws, ComplexOut{re, im});                                                                           \
    }                                                                                                                                              \
    EMOTION_CLONES void real_rows_##C(const float* rows, std::size_t r, std::size_t stride, const float* roots, const float* wc, const float* ws,  \
                                      float* out, std::size_t count) {                                                                             \
        row_pass<C>(rows, r, stride, roots, wc, ws, RealOut{out, count});                                                                          \
    }
EMOTION_COLUMN_PASS(8)
EMOTION_COLUMN_PASS(16)
EMOTION_COLUMN_PASS(32)
EMOTION_COLUMN_PASS(64)
EMOTION_ROW_PASS(8)
EMOTION_ROW_PASS(16)
EMOTION_ROW_PASS(32)
EMOTION_ROW_PASS(64)

EMOTION_INLINE Complex load_complex(const float* re, const float* im, std::size_t i) { return {load(re + i * lanes), load(im + i * lanes)}; }
EMOTION_INLINE void store_complex(float* re, float* im, std::size_t i, Complex z) {
    store(re + i * lanes, z.re);
    store(im + i * lanes, z.im);
}
// One radix-4 pass: length n, stride s, from x to y. w[k] = exp(-2 pi i k / (n s)). Worked example: n = 4, s = 1 is the 4-point transform.
EMOTION_CLONES void radix4_pass(std::size_t n, std::size_t s, const float* xr, const float* xi, float* yr, float* yi, const float* wc,
                                const float* ws) {
    const std::size_t quarter = n / 4;
    for (std::size_t p = 0; p < quarter; ++p) {
        const float c1 = wc[p * s], s1 = ws[p * s];
        const float c2 = wc[2 * p * s], s2 = ws[2 * p * s];
        const float c3 = wc[3 * p * s], s3 = ws[3 * p * s];
        for (std::size_t q = 0; q < s; ++q) {
            const Complex a = load_complex(xr, xi, q + s * p);
            const Complex b = load_complex(xr, xi, q + s * (p + quarter));
            const Complex c = load_complex(xr, xi, q + s * (p + 2 * quarter));
            const Complex d = load_complex(xr, xi, q + s * (p + 3 * quarter));
            const Complex apc{a.re + c.re, a.im + c.im};
            const Complex amc{a.re - c.re, a.im - c.im};
            const Complex bpd{b.re + d.re, b.im + d.im};
            const Complex jbmd{d.im - b.im, b.re - d.re};  // i (b - d)
            store_complex(yr, yi, q + s * (4 * p), {apc.re + bpd.re, apc.im + bpd.im});
            store_complex(yr, yi, q + s * (4 * p + 1), times({amc.re - jbmd.re, amc.im - jbmd.im}, c1, s1));
            store_complex(yr, yi, q + s * (4 * p + 2), times({apc.re - bpd.re, apc.im - bpd.im}, c2, s2));
            store_complex(yr, yi, q + s * (4 * p + 3), times({amc.re + jbmd.re, amc.im + jbmd.im}, c3, s3));
        }
    }
}

EMOTION_CLONES void radix2_pass(std::size_t s, const float* xr, const float* xi, float* yr, float* yi) {
    for (std::size_t q = 0; q < s; ++q) {
        const Complex a = load_complex(xr, xi, q);
        const Complex b = load_complex(xr, xi, q + s);
        store_complex(yr, yi, q, {a.re + b.re, a.im + b.im});
        store_complex(yr, yi, q + s, {a.re - b.re, a.im - b.im});
    }
}

// Leaves the transform in re, im; the pointers swap with the work area on the way.
void stockham(std::size_t n, float*& re, float*& im, float*& work_re, float*& work_im, const float* wc, const float* ws) {
    std::size_t s = 1;
    while (n >= 4) {
        radix4_pass(n, s, re, im, work_re, work_im, wc, ws);
        std::swap(re, work_re);
        std::swap(im, work_im);
        n /= 4;
        s *= 4;
    }
    if (n == 2) {
        radix2_pass(s, re, im, work_re, work_im);
        std::swap(re, work_re);
        std::swap(im, work_im);
    }
}

// The spectrum of real frames from the transform Z of x[2t] + i x[2t + 1]: X[k] = E[k] + exp(-2 pi i k / n) O[k] with
// E[k] = (Z[k] + conj Z[m - k]) / 2 and O[k] = (Z[k] - conj Z[m - k]) / 2i; indices modulo m.
EMOTION_INLINE Complex unpack_one(const float* zr, const float* zi, std::size_t m, std::size_t k, const float* wc, const float* ws) {
    const Complex a = load_complex(zr, zi, k == m ? 0 : k);
    const Complex b = load_complex(zr, zi, k == 0 ? 0 : m - k);
    const Complex even{(a.re + b.re) * 0.5F, (a.im - b.im) * 0.5F};
    const Complex odd{(a.im + b.im) * 0.5F, (b.re - a.re) * 0.5F};
    const Complex turned = times(odd, wc[k], ws[k]);
    return {even.re + turned.re, even.im + turned.im};
}

EMOTION_CLONES void unpack(const float* zr, const float* zi, std::size_t m, const float* wc, const float* ws, float* re, float* im) {
    for (std::size_t k = 0; k <= m; ++k) {
        store_complex(re, im, k, unpack_one(zr, zi, m, k, wc, ws));
    }
}

EMOTION_CLONES void unpack_power(const float* zr, const float* zi, std::size_t m, const float* wc, const float* ws, float* out) {
    for (std::size_t k = 0; k <= m; ++k) {
        const Complex x = unpack_one(zr, zi, m, k, wc, ws);
        store(out + k * lanes, x.re * x.re + x.im * x.im);
    }
}

// The even sequence of `half` (m + 1 values) as m pairs: re[t] = h[2t], im[t] = h[2t + 1], mirrored beyond m.
EMOTION_CLONES void gather_even(const float* half, std::size_t m, float* re, float* im) {
    for (std::size_t t = 0; t < m; ++t) {
        const std::size_t a = 2 * t, b = 2 * t + 1;
        store(re + t * lanes, load(half + (a <= m ? a : 2 * m - a) * lanes));
        store(im + t * lanes, load(half + (b <= m ? b : 2 * m - b) * lanes));
    }
}

EMOTION_CLONES void unpack_real(const float* zr, const float* zi, std::size_t m, const float* wc, const float* ws, std::size_t count, float* out) {
    for (std::size_t k = 0; k < count; ++k) {
        store(out + k * lanes, unpack_one(zr, zi, m, k, wc, ws).re);
    }
}

EMOTION_CLONES void power_of(const float* re, const float* im, std::size_t bins, float* out) {
    for (std::size_t k = 0; k < bins; ++k) {
        const Complex x = load_complex(re, im, k);
        store(out + k * lanes, x.re * x.re + x.im * x.im);
    }
}

// (yr, yi)[i] = (xr, xi)[i] times (c, s)[i].
EMOTION_CLONES void multiply(std::size_t n, const float* xr, const float* xi, const float* c, const float* s, float* yr, float* yi) {
    for (std::size_t i = 0; i < n; ++i) {
        store_complex(yr, yi, i, times(load_complex(xr, xi, i), c[i], s[i]));
    }
}

void fill_roots(std::size_t n, std::size_t count, std::vector<float>& cosine, std::vector<float>& sine) {
    cosine.resize(count);
    sine.resize(count);
    for (std::size_t k = 0; k < count; ++k) {
        const double angle = -2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
        cosine[k] = static_cast<float>(std::cos(angle));
        sine[k] = static_cast<float>(std::sin(angle));
    }
}

constexpr std::size_t smallest_two_step = 64, largest_two_step = 4096;  // complex values

bool power_of_two(std::size_t n) { return (n & (n - 1)) == 0; }

}  // namespace

struct RealFft::Bluestein {
    std::vector<float> chirp_cosine, chirp_sine;    // exp(-pi i k^2 / m), k < m
    std::vector<float> kernel_cosine, kernel_sine;  // transform of the conjugate chirp, divided by its length
};

// Tables of the transform in two passes: m = rows x columns.
struct RealFft::TwoStep {
    std::size_t rows, columns, stride;
    std::vector<float> row_roots, column_roots, turns;

    explicit TwoStep(std::size_t m);
    void first_pass(const float* signal, std::size_t hop, const float* window, float* work) const;
};

namespace {

// exp(-2 pi i b k / n) at 2 (b a + k), for k < a and b < n / a.
std::vector<float> root_table(std::size_t n, std::size_t a, std::size_t count) {
    std::vector<float> table;
    for (std::size_t b = 0; b < count; ++b) {
        for (std::size_t k = 0; k < a; ++k) {
            const double angle = -2.0 * std::numbers::pi * static_cast<double>((b * k) % n) / static_cast<double>(n);
            table.push_back(static_cast<float>(std::cos(angle)));
            table.push_back(static_cast<float>(std::sin(angle)));
        }
    }
    return table;
}

std::vector<float> small_roots(std::size_t n) { return root_table(n, first_factor(n), n / first_factor(n)); }

}  // namespace

RealFft::TwoStep::TwoStep(std::size_t m) : rows(8), columns(8) {
    while (rows * columns < m) {
        (rows > columns ? columns : rows) *= 2;
    }
    stride = (columns + 1) * value_size;  // one value more than a row, so that a column is not all in one set of the cache
    row_roots = small_roots(columns);
    column_roots = small_roots(rows);
    turns = root_table(m, rows, columns);
}

void RealFft::TwoStep::first_pass(const float* signal, std::size_t hop, const float* window, float* work) const {
    const auto pass = rows == 8 ? columns_8 : rows == 16 ? columns_16 : rows == 32 ? columns_32 : columns_64;
    pass(signal, hop, window, columns, column_roots.data(), turns.data(), work, stride);
}

RealFft::RealFft(std::size_t n) : n_(n), m_(n % 2 == 0 ? n / 2 : n), stockham_(m_) {
    if (n < 1 || n > max_size) {
        throw InvalidInputError("n", "RealFft", "between 1 and 1048576", std::to_string(n));
    }
    if (!power_of_two(m_)) {
        stockham_ = 1;
        while (stockham_ < 2 * m_ - 1) {
            stockham_ *= 2;
        }
    }
    fill_roots(stockham_, stockham_, cosine_, sine_);
    if (packed()) {
        fill_roots(n, n / 2 + 1, unpack_cosine_, unpack_sine_);
    }
    if (packed() && stockham_ == m_ && m_ >= smallest_two_step && m_ <= largest_two_step) {
        two_step_ = std::make_unique<const TwoStep>(m_);
    }
    if (stockham_ == m_) {
        return;
    }
    auto b = std::make_unique<Bluestein>();
    b->chirp_cosine.resize(m_);
    b->chirp_sine.resize(m_);
    std::vector<float> lanes_re(stockham_ * lanes), lanes_im(stockham_ * lanes), work_re(stockham_ * lanes), work_im(stockham_ * lanes);
    for (std::size_t k = 0; k < m_; ++k) {
        const auto square = static_cast<double>((static_cast<unsigned long long>(k) * k) % (2 * m_));  // the angle modulo 2 pi, exactly
        const double angle = std::numbers::pi * square / static_cast<double>(m_);
        b->chirp_cosine[k] = static_cast<float>(std::cos(angle));
        b->chirp_sine[k] = static_cast<float>(-std::sin(angle));
        for (const std::size_t at : {k, (stockham_ - k) % stockham_}) {
            lanes_re[at * lanes] = static_cast<float>(std::cos(angle));
            lanes_im[at * lanes] = static_cast<float>(std::sin(angle));
        }
    }
    float *re = lanes_re.data(), *im = lanes_im.data(), *wr = work_re.data(), *wi = work_im.data();
    stockham(stockham_, re, im, wr, wi, cosine_.data(), sine_.data());
    b->kernel_cosine.resize(stockham_);
    b->kernel_sine.resize(stockham_);
    const float scale = 1.0F / static_cast<float>(stockham_);
    for (std::size_t k = 0; k < stockham_; ++k) {
        b->kernel_cosine[k] = re[k * lanes] * scale;
        b->kernel_sine[k] = im[k * lanes] * scale;
    }
    bluestein_ = std::move(b);
}

RealFft::~RealFft() = default;

std::shared_ptr<const RealFft> RealFft::get(std::size_t n) {
    static PlanCache<std::size_t, RealFft> cache(16);
    return cache.get(n, [&] { return std::make_shared<const RealFft>(n); });
}

std::size_t RealFft::scratch_size() const noexcept { return 4 * lanes * (stockham_ > bins() ? stockham_ : bins()); }

// re, im hold m_ values on entry; on return they point to the transform.
void RealFft::complex_transform(float*& re, float*& im, float* work_re, float* work_im) const {
    if (!bluestein_) {
        stockham(stockham_, re, im, work_re, work_im, cosine_.data(), sine_.data());
        return;
    }
    const Bluestein& b = *bluestein_;
    multiply(m_, re, im, b.chirp_cosine.data(), b.chirp_sine.data(), re, im);
    for (std::size_t i = m_ * lanes; i < stockham_ * lanes; ++i) {
        re[i] = 0.0F;
        im[i] = 0.0F;
    }
    stockham(stockham_, re, im, work_re, work_im, cosine_.data(), sine_.data());
    multiply(stockham_, re, im, b.kernel_cosine.data(), b.kernel_sine.data(), re, im);
    stockham(stockham_, im, re, work_im, work_re, cosine_.data(), sine_.data());  // real and imaginary part swapped: the inverse
    multiply(m_, re, im, b.chirp_cosine.data(), b.chirp_sine.data(), re, im);
}

void RealFft::forward(const float* signal, std::size_t hop, const float* window, float* re, float* im, float* scratch) const {
    if (two_step_) {
        const TwoStep& t = *two_step_;
        t.first_pass(signal, hop, window, scratch);
        const auto pass = t.columns == 8 ? complex_rows_8 : t.columns == 16 ? complex_rows_16 : t.columns == 32 ? complex_rows_32 : complex_rows_64;
        pass(scratch, t.rows, t.stride, t.row_roots.data(), unpack_cosine_.data(), unpack_sine_.data(), re, im);
        return;
    }
    const std::size_t part = scratch_size() / 4;
    float *zr = scratch, *zi = scratch + part;
    if (packed()) {
        gather_packed(signal, hop, window, m_, zr, zi);
    } else {
        gather_plain(signal, hop, window, n_, zr, zi);
    }
    complex_transform(zr, zi, scratch + 2 * part, scratch + 3 * part);
    if (packed()) {
        unpack(zr, zi, m_, unpack_cosine_.data(), unpack_sine_.data(), re, im);
        return;
    }
    for (std::size_t i = 0; i < bins() * lanes; ++i) {
        re[i] = zr[i];
        im[i] = zi[i];
    }
}

void RealFft::power(const float* signal, std::size_t hop, const float* window, float* out, float* scratch) const {
    if (two_step_) {
        const TwoStep& t = *two_step_;
        t.first_pass(signal, hop, window, scratch);
        const auto pass = t.columns == 8 ? power_rows_8 : t.columns == 16 ? power_rows_16 : t.columns == 32 ? power_rows_32 : power_rows_64;
        pass(scratch, t.rows, t.stride, t.row_roots.data(), unpack_cosine_.data(), unpack_sine_.data(), out);
        return;
    }
    const std::size_t part = scratch_size() / 4;
    float *zr = scratch, *zi = scratch + part;
    if (packed()) {
        gather_packed(signal, hop, window, m_, zr, zi);
    } else {
        gather_plain(signal, hop, window, n_, zr, zi);
    }
    complex_transform(zr, zi, scratch + 2 * part, scratch + 3 * part);
    if (packed()) {
        unpack_power(zr, zi, m_, unpack_cosine_.data(), unpack_sine_.data(), out);
    } else {
        power_of(zr, zi, bins(), out);
    }
}

void RealFft::even(const float* half, std::size_t count, float* out, float* scratch) const {
    if (!packed() || count > bins()) {
        throw std::logic_error("RealFft::even needs an even size and at most bins() values");
    }
    if (two_step_) {
        const TwoStep& t = *two_step_;
        const auto first = t.rows == 8 ? even_columns_8 : t.rows == 16 ? even_columns_16 : t.rows == 32 ? even_columns_32 : even_columns_64;
        first(half, m_, t.columns, t.column_roots.data(), t.turns.data(), scratch, t.stride);
        const auto pass = t.columns == 8 ? real_rows_8 : t.columns == 16 ? real_rows_16 : t.columns == 32 ? real_rows_32 : real_rows_64;
        pass(scratch, t.rows, t.stride, t.row_roots.data(), unpack_cosine_.data(), unpack_sine_.data(), out, count);
        return;
    }
    const std::size_t part = scratch_size() / 4;
    float *zr = scratch, *zi = scratch + part;
    gather_even(half, m_, zr, zi);
    complex_transform(zr, zi, scratch + 2 * part, scratch + 3 * part);
    unpack_real(zr, zi, m_, unpack_cosine_.data(), unpack_sine_.data(), count, out);
}

}  // namespace emotion::audio
