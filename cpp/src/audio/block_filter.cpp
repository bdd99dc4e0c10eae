#include "block_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

#include "lanes.hpp"
#include "scratch.hpp"
#include "transpose.hpp"
#include "two_step.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t m = BlockFilter::transform;
constexpr std::size_t rows = 16, columns = 64;
static_assert(rows * columns == m);
constexpr std::size_t blocks = 2 * lanes;                       // of a batch
constexpr std::size_t row_stride = (columns + 1) * value_size;  // one value more, so that a column is not all in one set of the cache
constexpr std::size_t column_stride = (rows + 1) * value_size;
constexpr std::size_t stream_size = rows * row_stride;
constexpr std::size_t inverse_size = columns * column_stride;

// exp(-2 pi i b k / n) at 2 (b count + k), k < count.
std::vector<float> roots_of(std::size_t n, std::size_t count, std::size_t b_count) {
    std::vector<float> table;
    for (std::size_t b = 0; b < b_count; ++b) {
        for (std::size_t k = 0; k < count; ++k) {
            const double angle = -2.0 * std::numbers::pi * static_cast<double>(b * k % n) / static_cast<double>(n);
            table.push_back(static_cast<float>(std::cos(angle)));
            table.push_back(static_cast<float>(std::sin(angle)));
        }
    }
    return table;
}

struct Tables {
    std::vector<float> row_roots = roots_of(columns, first_factor(columns), columns / first_factor(columns));
    std::vector<float> column_roots = roots_of(rows, first_factor(rows), rows / first_factor(rows));
    std::vector<float> forward = roots_of(m, rows, columns);  // turn of value k of column c
    std::vector<float> inverse = roots_of(m, columns, rows);  // turn of value c of row k
};
const Tables& tables() {
    static const Tables made;
    return made;
}

// Eight columns of all `down` streams: sample s of the eight columns belongs to stream s % down. source: blocks 0, 1, 2, … of the batch, of which two
// share a lane. values: [stream][column][row].
EMOTION_CLONES void gather_columns(const float* const* source, std::size_t down, std::size_t c, float* values) {
    for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t at = down * (r * columns + c);
        for (std::size_t part = 0; part < 2; ++part) {
            std::size_t stream = 0, column = 0;
            for (std::size_t j = 0; j < down; ++j) {
                TransposeBlock block;
                for (std::size_t l = 0; l < lanes; ++l) {
                    block.r[l] = load(source[2 * l + part] + at + 8 * j);
                }
                transpose(block);
                for (std::size_t i = 0; i < 8; ++i) {
                    store(values + ((stream * 8 + column) * rows + r) * value_size + part * lanes, block.r[i]);
                    if (++stream == down) {
                        stream = 0;
                        ++column;
                    }
                }
            }
        }
    }
}

// Forward, pass 1 of two_step.hpp for eight columns of every stream.
EMOTION_CLONES void transform_columns(const float* values, std::size_t down, std::size_t c, const float* roots, const float* turns, float* streams) {
    for (std::size_t p = 0; p < down; ++p) {
        for (std::size_t i = 0; i < 8; ++i) {
            float* const target = streams + p * stream_size + (c + i) * value_size;
            small_transform<rows>(values + (p * 8 + i) * rows * value_size, roots, Turned{target, row_stride, turns + 2 * (c + i) * rows});
        }
    }
}

// sums[r][q] (+)= z kernel[q][r], real and imaginary part swapped: the forward transform of swapped values is the swapped inverse transform.
struct Multiplied {
    float* sums;
    const float* kernel;
    std::size_t up;
    bool begin;
    EMOTION_INLINE void put(std::size_t q, Complex z) const {
        for (std::size_t r = 0; r < up; ++r) {
            const float* const w = kernel + 2 * (q * up + r);
            const Complex product = times(z, w[0], w[1]);
            const Complex swapped{product.im, product.re};
            float* const at = sums + (r * columns + q) * value_size;
            store_value(at, begin ? swapped : plus(load_value(at), swapped));
        }
    }
};

// Row k: forward pass 2 of every stream, the products with the kernels, and the first pass back, which stores value c of the row in column c.
EMOTION_CLONES void filter_row(const float* streams, std::size_t down, std::size_t up, std::size_t k, const float* kernels, const float* roots,
                               const float* turns, float* inverse) {
    alignas(64) float sums[BlockFilter::most_up * columns * value_size];
    for (std::size_t p = 0; p < down; ++p) {
        const float* const kernel = kernels + (k * down + p) * 2 * columns * up;
        small_transform<columns>(streams + p * stream_size + k * row_stride, roots, Multiplied{sums, kernel, up, p == 0});
    }
    for (std::size_t r = 0; r < up; ++r) {
        float* const target = inverse + r * inverse_size + k * value_size;
        small_transform<columns>(sums + r * columns * value_size, roots, Turned{target, column_stride, turns + 2 * k * columns});
    }
}

struct Strided {
    float* out;
    std::size_t stride;
    EMOTION_INLINE void put(std::size_t k, Complex z) const { store_value(out + k * stride, z); }
};

// Eight columns back to time, and to the blocks: target[2 l + part] gets sample t of lane l at t, for t < valid.
EMOTION_CLONES void scatter_columns(const float* inverse, std::size_t c, std::size_t valid, const float* roots, float* const* target) {
    alignas(64) float values[rows * 8 * value_size];
    for (std::size_t i = 0; i < 8; ++i) {
        small_transform<rows>(inverse + (c + i) * column_stride, roots, Strided{values + i * value_size, 8 * value_size});
    }
    for (std::size_t t = c, row = 0; t < valid; t += columns, ++row) {
        for (std::size_t part = 0; part < 2; ++part) {
            TransposeBlock block;
            for (std::size_t i = 0; i < 8; ++i) {
                block.r[i] = load(values + (row * 8 + i) * value_size + (1 - part) * lanes);
            }
            transpose(block);
            for (std::size_t l = 0; l < lanes; ++l) {
                store(target[2 * l + part] + t, block.r[l]);
            }
        }
    }
}

std::size_t ceiling(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

bool BlockFilter::suits(std::size_t up, std::size_t down, std::size_t taps) noexcept {
    return up <= most_up && down <= most_down && taps / down + 2 <= m / 2;
}

BlockFilter::BlockFilter(std::size_t up, std::size_t down, std::span<const float> filters, std::size_t taps, std::span<const std::int64_t> first)
    : up_(up), down_(down), kernels_(2 * m * up * down) {
    const std::int64_t earliest = *std::min_element(first.begin(), first.end());
    const std::int64_t latest = *std::max_element(first.begin(), first.end());
    before_ = earliest < 0 ? ceiling(static_cast<std::size_t>(-earliest), down) : 0;
    const auto shift = static_cast<std::int64_t>(before_ * down);
    const std::size_t reach = (static_cast<std::size_t>(latest + shift) + taps - 1) / down;  // the last sample of a stream that its first output reads
    valid_ = (m - reach) / 8 * 8;
    std::vector<std::complex<double>> roots(m);
    for (std::size_t k = 0; k < m; ++k) {
        roots[k] = std::polar(1.0 / m, 2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(m));
    }
    for (std::size_t r = 0; r < up; ++r) {
        for (std::size_t p = 0; p < down; ++p) {
            std::vector<std::complex<double>> spectrum(m);
            for (std::size_t j = 0; j < taps; ++j) {
                const auto at = static_cast<std::size_t>(static_cast<std::int64_t>(j) + first[r] + shift);
                if (at % down == p) {
                    const double h = static_cast<double>(filters[r * taps + j]);
                    for (std::size_t f = 0; f < m; ++f) {
                        spectrum[f] += h * roots[f * (at / down) % m];
                    }
                }
            }
            for (std::size_t f = 0; f < m; ++f) {  // value q of row k is bin k + rows q
                const std::size_t k = f % rows, q = f / rows;
                float* const kernel = &kernels_[2 * (((k * down + p) * columns + q) * up + r)];
                kernel[0] = static_cast<float>(spectrum[f].real());
                kernel[1] = static_cast<float>(spectrum[f].imag());
            }
        }
    }
}

// A pointer to each of the batch's blocks of input: into x, or to a copy with zeros where x ends.
void BlockFilter::sources(std::span<const float> x, std::size_t block, float* edges, const float** source) const {
    const std::size_t size = m * down_;
    for (std::size_t b = 0; b < blocks; ++b) {
        const auto begin = (static_cast<std::int64_t>((block + b) * valid_) - static_cast<std::int64_t>(before_)) * static_cast<std::int64_t>(down_);
        const auto end = begin + static_cast<std::int64_t>(size), n = static_cast<std::int64_t>(x.size());
        if (begin >= 0 && end <= n) {
            source[b] = x.data() + begin;
            continue;
        }
        float* const copy = edges + b * size;
        std::fill_n(copy, size, 0.0F);
        const std::int64_t from = std::clamp<std::int64_t>(begin, 0, n), to = std::clamp<std::int64_t>(end, from, n);
        std::copy(x.data() + from, x.data() + to, copy + (from - begin));
        source[b] = copy;
    }
}

void BlockFilter::apply(std::span<const float> x, std::span<float> out, const StopToken& stop) const {
    const Tables& t = tables();
    const std::size_t all = ceiling(ceiling(out.size(), up_), valid_);
    Scratch edges(blocks * m * down_), values(down_ * 8 * rows * value_size), streams(down_ * stream_size), inverse(up_ * inverse_size);
    Scratch spilled(blocks * valid_);
    std::array<const float*, blocks> source{};
    std::array<float*, blocks> target{};
    for (std::size_t first = 0; first < all; first += blocks) {
        stop.check();
        sources(x, first, edges.data(), source.data());
        for (std::size_t c = 0; c < columns; c += 8) {
            gather_columns(source.data(), down_, c, values.data());
            transform_columns(values.data(), down_, c, t.column_roots.data(), t.forward.data(), streams.data());
        }
        for (std::size_t k = 0; k < rows; ++k) {
            filter_row(streams.data(), down_, up_, k, kernels_.data(), t.row_roots.data(), t.inverse.data(), inverse.data());
        }
        for (std::size_t r = 0; r < up_; ++r) {
            for (std::size_t b = 0; b < blocks; ++b) {
                const std::size_t at = (first + b) * valid_;
                target[b] = up_ == 1 && at + valid_ <= out.size() ? out.data() + at : spilled.data() + b * valid_;
            }
            for (std::size_t c = 0; c < columns; c += 8) {
                scatter_columns(inverse.data() + r * inverse_size, c, valid_, t.column_roots.data(), target.data());
            }
            for (std::size_t b = 0; b < blocks; ++b) {
                const float* const kept = spilled.data() + b * valid_;
                std::size_t to = (first + b) * valid_ * up_ + r;
                for (std::size_t k = 0; target[b] == kept && k < valid_ && to < out.size(); ++k, to += up_) {
                    out[to] = kept[k];
                }
            }
        }
    }
}

}  // namespace emotion::audio
