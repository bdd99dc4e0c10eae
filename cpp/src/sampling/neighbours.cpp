#include "emotion/sampling/neighbours.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "emotion/core/clones.hpp"

namespace emotion::sampling {
namespace {

constexpr std::size_t lanes = 16;         // rows of a panel, packed column by column
constexpr std::size_t group = 6;          // rows that one tile takes on the other side: 6 x 16 sums fit the registers of AVX2 and AVX-512
constexpr std::size_t chunk_panels = 4;   // panels of one kernel call: small enough that limits are fresh
constexpr std::size_t block_panels = 12;
constexpr std::size_t block_rows = block_panels * lanes;  // a multiple of `group`
constexpr float no_hit = -std::numeric_limits<float>::max();
constexpr double infinite = std::numeric_limits<double>::infinity();

using Floats [[gnu::vector_size(64), gnu::may_alias, gnu::aligned(4)]] = float;
using Ints [[gnu::vector_size(64), gnu::may_alias, gnu::aligned(4)]] = int;
using Doubles [[gnu::vector_size(64)]] = double;
using EightFloats [[gnu::vector_size(32), gnu::may_alias, gnu::aligned(4)]] = float;
using EightDoubles [[gnu::vector_size(64), gnu::may_alias, gnu::aligned(8)]] = double;

// What one call of the kernel reads and writes: bounds of the squared distances of 6 rows to the 16 of each panel.
struct Tile {
    const float* rows[group];     // each the first value of a row inside its panel: column c is at c * 16
    float row_norm[group];        // squared norms, lowered by their share of the rounding
    float row_limit[group];
    const float* panels;
    const float* column_norm;
    const float* column_limit;
    float* bounds;                // chunk_panels x 6 x 16; written for panels with a hit
    bool* hit;                    // a panel: whether some bound is within its row's or its column's limit
};

#define EMOTION_LARGER(a, b) ((a) > (b) ? (a) : (b))
#define EMOTION_SMALLER(a, b) ((a) < (b) ? (a) : (b))
EMOTION_CLONES void bound_tile(const Tile* tile, std::size_t n_panels, std::size_t n_columns) {
    const float* const r0 = tile->rows[0];
    const float* const r1 = tile->rows[1];
    const float* const r2 = tile->rows[2];
    const float* const r3 = tile->rows[3];
    const float* const r4 = tile->rows[4];
    const float* const r5 = tile->rows[5];
    for (std::size_t p = 0; p < n_panels; ++p) {
        const float* const panel = tile->panels + p * n_columns * lanes;
        Floats a0{}, a1{}, a2{}, a3{}, a4{}, a5{};
        for (std::size_t c = 0; c < n_columns * lanes; c += lanes) {
            const Floats b = *reinterpret_cast<const Floats*>(panel + c);
            a0 += r0[c] * b;
            a1 += r1[c] * b;
            a2 += r2[c] * b;
            a3 += r3[c] * b;
            a4 += r4[c] * b;
            a5 += r5[c] * b;
        }
        const Floats norm = *reinterpret_cast<const Floats*>(tile->column_norm + p * lanes);
        const Floats limit = *reinterpret_cast<const Floats*>(tile->column_limit + p * lanes);
        const Floats zero{};
        const float* const row_norm = tile->row_norm;
        const float* const row_limit = tile->row_limit;
        a0 = (norm + row_norm[0]) - (a0 + a0);
        a1 = (norm + row_norm[1]) - (a1 + a1);
        a2 = (norm + row_norm[2]) - (a2 + a2);
        a3 = (norm + row_norm[3]) - (a3 + a3);
        a4 = (norm + row_norm[4]) - (a4 + a4);
        a5 = (norm + row_norm[5]) - (a5 + a5);
        // How far the bounds are above the larger of their two limits: the sign of a difference is exact.
        const Floats e0 = a0 - EMOTION_LARGER(limit, zero + row_limit[0]);
        const Floats e1 = a1 - EMOTION_LARGER(limit, zero + row_limit[1]);
        const Floats e2 = a2 - EMOTION_LARGER(limit, zero + row_limit[2]);
        const Floats e3 = a3 - EMOTION_LARGER(limit, zero + row_limit[3]);
        const Floats e4 = a4 - EMOTION_LARGER(limit, zero + row_limit[4]);
        const Floats e5 = a5 - EMOTION_LARGER(limit, zero + row_limit[5]);
        const Floats e01 = EMOTION_SMALLER(e0, e1);
        const Floats e23 = EMOTION_SMALLER(e2, e3);
        const Floats e45 = EMOTION_SMALLER(e4, e5);
        const Floats e03 = EMOTION_SMALLER(e01, e23);
        const Floats least = EMOTION_SMALLER(e03, e45);
        alignas(64) long long found[8];
        *reinterpret_cast<Ints*>(found) = least <= 0.0F;
        tile->hit[p] = ((found[0] | found[1]) | (found[2] | found[3]) | (found[4] | found[5]) | (found[6] | found[7])) != 0;
        if (tile->hit[p]) {
            Floats* const out = reinterpret_cast<Floats*>(tile->bounds + p * group * lanes);
            out[0] = a0;
            out[1] = a1;
            out[2] = a2;
            out[3] = a3;
            out[4] = a4;
            out[5] = a5;
        }
    }
}

#undef EMOTION_LARGER
#undef EMOTION_SMALLER

[[gnu::always_inline]] inline void eight(const float* values, Doubles& to) {
    to = __builtin_convertvector(*reinterpret_cast<const EightFloats*>(values), Doubles);
}
[[gnu::always_inline]] inline void eight(const double* values, Doubles& to) { to = *reinterpret_cast<const EightDoubles*>(values); }

// Eight sums of every eighth column, then added in order.
template <class T>
[[gnu::always_inline]] inline double squared_distance_of(const T* a, const T* b, std::size_t n) {
    Doubles sum{};
    const std::size_t whole = n - n % 8;
    for (std::size_t c = 0; c < whole; c += 8) {
        Doubles from;
        Doubles d;
        eight(a + c, d);
        eight(b + c, from);
        d -= from;
        sum += d * d;
    }
    for (std::size_t c = whole; c < n; ++c) {
        const double d = static_cast<double>(a[c]) - static_cast<double>(b[c]);
        sum[c - whole] += d * d;
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

EMOTION_CLONES double squared_distance(const float* a, const float* b, std::size_t n) { return squared_distance_of(a, b, n); }
EMOTION_CLONES double squared_distance(const double* a, const double* b, std::size_t n) { return squared_distance_of(a, b, n); }

// All rows, packed in panels of 16 with zeros behind the last.
struct Packed {
    std::vector<float> panels;
    std::vector<float> norm;     // lowered; one a row, padded to whole blocks
    double squared_scale = 0;    // from squared distances to those of packed rows; 0: values too wide apart, every pair gets the full sum
};

template <class T>
Packed pack(MatrixView<const T> x, std::span<const std::int32_t> rows) {
    const std::size_t n = rows.size();
    std::vector<double> centre(x.cols);
    for (const std::int32_t r : rows) {
        const T* const row = x.data + static_cast<std::size_t>(r) * x.cols;
        for (std::size_t c = 0; c < x.cols; ++c) {
            centre[c] += static_cast<double>(row[c]);
        }
    }
    double largest = 0;
    for (double& c : centre) {
        c /= static_cast<double>(n);
    }
    for (const std::int32_t r : rows) {
        const T* const row = x.data + static_cast<std::size_t>(r) * x.cols;
        for (std::size_t c = 0; c < x.cols; ++c) {
            largest = std::max(largest, std::fabs(static_cast<double>(row[c]) - centre[c]));
        }
    }
    Packed packed;
    packed.norm.assign((n + block_rows - 1) / block_rows * block_rows, std::numeric_limits<float>::infinity());
    packed.panels.assign((n + lanes - 1) / lanes * lanes * x.cols, 0.0F);
    const double scale = largest > 0 && std::isfinite(largest) ? std::ldexp(1.0, -std::ilogb(largest) - 1) : 0.0;
    packed.squared_scale = std::isfinite(scale * scale) ? scale * scale : 0.0;
    if (packed.squared_scale == 0) {
        std::fill_n(packed.norm.begin(), n, 0.0F);
        return packed;
    }
    const double slack = static_cast<double>(x.cols + 32) * 0x1.0p-24;
    for (std::size_t i = 0; i < n; ++i) {
        const T* const row = x.data + static_cast<std::size_t>(rows[i]) * x.cols;
        float* const to = packed.panels.data() + (i / lanes) * lanes * x.cols + i % lanes;
        double norm = 0;
        for (std::size_t c = 0; c < x.cols; ++c) {
            const auto value = static_cast<float>((static_cast<double>(row[c]) - centre[c]) * scale);
            to[c * lanes] = value;
            norm += static_cast<double>(value) * static_cast<double>(value);
        }
        packed.norm[i] = static_cast<float>(norm * (1 - slack) - 1e-30);
    }
    return packed;
}

template <class T>
class Search {
public:
    Search(MatrixView<const T> x, std::span<const std::int32_t> rows, std::span<const std::int32_t> queries, std::size_t k, bool both_sides)
        : x_(x), rows_(rows), queries_(queries), k_(k), both_sides_(both_sides), packed_(pack(x, rows)), best_(queries.size() * k, infinite),
          row_(queries.size() * k, std::numeric_limits<std::int32_t>::max()),
          limit_(blocks_of(queries.size()) * block_rows, std::numeric_limits<float>::infinity()),
          locks_(std::make_unique<std::mutex[]>(blocks_of(queries.size()))) {}

    void run(Parallel& parallel, StopToken& stop) {
        locked_ = parallel.n_threads() > 1;
        const std::size_t across = blocks_of(rows_.size());
        const std::size_t down = blocks_of(queries_.size());
        std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // the diagonal first: it gives every row a limit
        for (std::size_t offset = 0; offset < across; ++offset) {
            for (std::size_t i = 0; i < down; ++i) {
                if (!both_sides_ || i + offset < across) {
                    pairs.emplace_back(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(both_sides_ ? i + offset : (i + offset) % across));
                }
            }
        }
        parallel.blocks(pairs.size(), 8, [&](std::size_t begin, std::size_t end) {
            std::vector<float> bounds(chunk_panels * group * lanes);
            for (std::size_t p = begin; p < end; ++p) {
                compare(pairs[p].first, pairs[p].second, bounds, stop);
            }
        });
    }

    Neighbours result() {
        Neighbours found;
        found.k = k_;
        found.row = std::move(row_);
        found.squared_distance = std::move(best_);
        for (std::int32_t& position : found.row) {
            position = rows_[static_cast<std::size_t>(position)];
        }
        return found;
    }

private:
    static std::size_t blocks_of(std::size_t n) { return (n + block_rows - 1) / block_rows; }

    // Limits of one block as a task saw them last; other tasks may have lowered them since.
    using Limits = std::array<float, block_rows>;

    void read_limits(std::size_t block, Limits& limits) {
        const auto from = limit_.begin() + static_cast<std::ptrdiff_t>(block * block_rows);
        std::unique_lock lock(locks_[block], std::defer_lock);
        if (locked_) {
            lock.lock();
        }
        std::copy(from, from + static_cast<std::ptrdiff_t>(block_rows), limits.begin());
    }

    void compare(std::size_t down, std::size_t across, std::vector<float>& bounds, StopToken& stop) {
        Limits row_limits;
        Limits column_limits;
        read_limits(down, row_limits);
        column_limits.fill(no_hit);
        if (both_sides_) {
            read_limits(across, column_limits);
        }
        bool hit[chunk_panels] = {};
        Tile tile{};
        tile.bounds = bounds.data();
        tile.hit = hit;
        const std::size_t first_query = down * block_rows;
        const std::size_t n_queries = std::min(block_rows, queries_.size() - first_query);
        const std::size_t first_row = across * block_rows;
        const std::size_t n_rows = std::min(block_rows, rows_.size() - first_row);
        for (std::size_t column = 0; column < n_rows; column += chunk_panels * lanes) {
            stop.check();
            const std::size_t n_panels = std::min(chunk_panels, (n_rows - column + lanes - 1) / lanes);
            tile.panels = packed_.panels.data() + (first_row + column) * x_.cols;
            tile.column_norm = packed_.norm.data() + first_row + column;
            tile.column_limit = column_limits.data() + column;
            for (std::size_t q = 0; q < n_queries; q += group) {
                fill_rows(tile, first_query + q, std::min(group, n_queries - q), row_limits.data() + q);
                bound_tile(&tile, n_panels, x_.cols);
                for (std::size_t p = 0; p < n_panels; ++p) {
                    if (hit[p]) {
                        look(first_query + q, first_row + column + p * lanes, bounds.data() + p * group * lanes, row_limits, column_limits);
                    }
                }
            }
        }
    }

    void fill_rows(Tile& tile, std::size_t query, std::size_t n, const float* limits) const {
        for (std::size_t r = 0; r < group; ++r) {
            const auto i = static_cast<std::size_t>(queries_[query + std::min(r, n - 1)]);
            tile.rows[r] = packed_.panels.data() + (i / lanes) * lanes * x_.cols + i % lanes;
            tile.row_norm[r] = packed_.norm[i];
            tile.row_limit[r] = r < n ? limits[r] : no_hit;
        }
    }

    // The pairs of one panel whose bounds are within a limit.
    void look(std::size_t query, std::size_t first, const float* bounds, Limits& row_limits, Limits& column_limits) {
        const std::size_t n = std::min(group, queries_.size() - query);
        const std::size_t m = std::min(lanes, rows_.size() - first);
        for (std::size_t r = 0; r < n; ++r) {
            const auto i = static_cast<std::size_t>(queries_[query + r]);
            float& row_limit = row_limits[(query + r) % block_rows];
            for (std::size_t l = 0; l < m; ++l) {
                const std::size_t j = first + l;
                const float bound = bounds[r * lanes + l];
                float& column_limit = column_limits[j % block_rows];
                const bool for_row = bound <= row_limit;
                const bool for_column = bound <= column_limit;
                if ((!for_row && !for_column) || i == j || (both_sides_ && j < i)) {
                    continue;
                }
                const double d = squared_distance(at(i), at(j), x_.cols);
                if (for_row) {
                    row_limit = insert(query + r, j, d);
                }
                if (for_column) {
                    column_limit = insert(j, i, d);
                }
            }
        }
    }

    [[nodiscard]] const T* at(std::size_t i) const { return x_.data + static_cast<std::size_t>(rows_[i]) * x_.cols; }

    // Keeps the pair if it is among the k best of the query; returns the query's limit.
    float insert(std::size_t query, std::size_t j, double d) {
        const std::size_t block = query / block_rows;
        std::unique_lock lock(locks_[block], std::defer_lock);
        if (locked_) {
            lock.lock();
        }
        double* const best = best_.data() + query * k_;
        std::int32_t* const row = row_.data() + query * k_;
        const auto position = static_cast<std::int32_t>(j);
        const auto before = [&](std::size_t s) { return d < best[s] || (d == best[s] && position < row[s]); };
        if (!before(k_ - 1)) {
            return limit_[query];
        }
        std::size_t s = k_ - 1;
        for (; s > 0 && before(s - 1); --s) {
            best[s] = best[s - 1];
            row[s] = row[s - 1];
        }
        best[s] = d;
        row[s] = position;
        if (packed_.squared_scale > 0 && std::isfinite(best[k_ - 1])) {
            limit_[query] = std::nextafter(static_cast<float>(best[k_ - 1] * packed_.squared_scale), std::numeric_limits<float>::max());
        }
        return limit_[query];
    }

    MatrixView<const T> x_;
    std::span<const std::int32_t> rows_;
    std::span<const std::int32_t> queries_;
    std::size_t k_;
    bool both_sides_;
    bool locked_ = false;
    Packed packed_;
    std::vector<double> best_;        // queries x k, ascending
    std::vector<std::int32_t> row_;   // positions within rows_
    std::vector<float> limit_;        // a query: what a bound must not exceed
    std::unique_ptr<std::mutex[]> locks_;  // a block of queries
};

}  // namespace

template <class T>
Neighbours nearest_neighbours(MatrixView<const T> x, std::span<const std::int32_t> rows, std::span<const std::int32_t> queries, std::size_t k,
                              Parallel& parallel, StopToken& stop) {
    k = std::min(k, rows.empty() ? 0 : rows.size() - 1);
    if (k == 0 || queries.empty()) {
        return {};
    }
    if (2 * queries.size() <= rows.size()) {
        Search<T> search(x, rows, queries, k, false);
        search.run(parallel, stop);
        return search.result();
    }
    std::vector<std::int32_t> everyone(rows.size());
    for (std::size_t i = 0; i < everyone.size(); ++i) {
        everyone[i] = static_cast<std::int32_t>(i);
    }
    Search<T> search(x, rows, everyone, k, true);
    search.run(parallel, stop);
    Neighbours all = search.result();
    for (std::size_t q = 0; q < queries.size(); ++q) {  // queries ascend, so nothing is overwritten before it is read
        const std::size_t from = static_cast<std::size_t>(queries[q]) * k;
        std::copy_n(all.row.begin() + static_cast<std::ptrdiff_t>(from), k, all.row.begin() + static_cast<std::ptrdiff_t>(q * k));
        std::copy_n(all.squared_distance.begin() + static_cast<std::ptrdiff_t>(from), k, all.squared_distance.begin() + static_cast<std::ptrdiff_t>(q * k));
    }
    all.row.resize(queries.size() * k);
    all.squared_distance.resize(queries.size() * k);
    return all;
}

template Neighbours nearest_neighbours(MatrixView<const float>, std::span<const std::int32_t>, std::span<const std::int32_t>, std::size_t, Parallel&,
                                       StopToken&);
template Neighbours nearest_neighbours(MatrixView<const double>, std::span<const std::int32_t>, std::span<const std::int32_t>, std::size_t, Parallel&,
                                       StopToken&);

}  // namespace emotion::sampling
