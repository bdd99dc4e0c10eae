#include "emotion/sampling/smote.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"
#include "emotion/core/memory.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/sampling/neighbours.hpp"

namespace emotion::sampling {
namespace {

constexpr std::size_t rows_a_task = 256;

// Neighbours of some rows, as many as each has.
struct NeighbourLists {
    std::vector<std::int32_t> row;      // all lists, one behind the other
    std::vector<std::size_t> start;     // a base; one more at the end
};

void check_shared(std::span<const std::int32_t> shared, std::size_t n_rows, const SmoteOptions& options) {
    if (options.within == Within::anything) {
        return;
    }
    const std::string name = options.within == Within::speaker ? "speaker" : "groups";
    if (shared.size() != n_rows) {
        throw InvalidInputError(name, options.caller(), "given, one a row, because within='" + name + "'", shared.empty() ? "None" : std::to_string(shared.size()) + " values");
    }
    if (std::any_of(shared.begin(), shared.end(), [](std::int32_t code) { return code < 0; })) {
        throw LeakageError(name + " of " + options.caller() + " must be known for each row; got rows that a sampler before it made from two " +
                           (options.within == Within::speaker ? "speakers" : "groups") + ": give that sampler within='" + name + "'");
    }
}

// The rows that one search covers: candidates share the metadata, bases are some of them.
struct Part {
    std::vector<std::int32_t> rows;     // ascending
    std::vector<std::int32_t> queries;  // positions within rows, ascending
    std::vector<std::size_t> base;      // a query: its number among all bases
};

// Splits candidates and bases (both ascending row numbers, bases among the candidates) by their codes.
std::vector<Part> split(std::span<const std::int32_t> candidates, std::span<const std::int32_t> bases, std::span<const std::int32_t> shared) {
    std::vector<Part> parts(shared.empty() ? 1 : static_cast<std::size_t>(*std::max_element(shared.begin(), shared.end())) + 1);
    std::size_t b = 0;
    for (const std::int32_t row : candidates) {
        Part& part = parts[shared.empty() ? 0 : static_cast<std::size_t>(shared[static_cast<std::size_t>(row)])];
        if (b < bases.size() && bases[b] == row) {
            part.queries.push_back(static_cast<std::int32_t>(part.rows.size()));
            part.base.push_back(b++);
        }
        part.rows.push_back(row);
    }
    std::erase_if(parts, [](const Part& part) { return part.queries.empty(); });
    return parts;
}

template <class T>
NeighbourLists neighbours_of(MatrixView<const T> x, std::span<const std::int32_t> candidates, std::span<const std::int32_t> bases,
                             std::span<const std::int32_t> shared, std::size_t k, Parallel& parallel, StopToken& stop) {
    const std::vector<Part> parts = split(candidates, bases, shared);
    std::vector<Neighbours> found(parts.size());
    parallel.each(parts.size(), [&](std::size_t p) { found[p] = nearest_neighbours(x, parts[p].rows, parts[p].queries, k, parallel, stop); });
    std::vector<std::pair<std::uint32_t, std::uint32_t>> place(bases.size());  // part, query
    for (std::size_t p = 0; p < parts.size(); ++p) {
        for (std::size_t q = 0; q < parts[p].base.size(); ++q) {
            place[parts[p].base[q]] = {static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(q)};
        }
    }
    NeighbourLists lists;
    lists.start.push_back(0);
    for (const auto& [part, query] : place) {
        const std::span<const std::int32_t> list = found[part].of(query);
        lists.row.insert(lists.row.end(), list.begin(), list.end());
        lists.start.push_back(lists.row.size());
    }
    return lists;
}

// Rows of each enlarged class of which at least half, but not all, of the nearest rows are of other classes.
template <class T>
std::vector<std::vector<std::int32_t>> rows_in_danger(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const std::int64_t> wanted,
                                                      std::span<const std::int32_t> everyone, std::span<const std::int32_t> shared, std::size_t m,
                                                      Parallel& parallel, StopToken& stop) {
    std::vector<std::int32_t> asked;
    std::copy_if(everyone.begin(), everyone.end(), std::back_inserter(asked),
                 [&](std::int32_t row) { return wanted[static_cast<std::size_t>(labels[static_cast<std::size_t>(row)])] > 0; });
    const NeighbourLists lists = neighbours_of(x, everyone, asked, shared, m, parallel, stop);
    std::vector<std::vector<std::int32_t>> danger(wanted.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const std::int32_t label = labels[static_cast<std::size_t>(asked[i])];
        const std::size_t n = lists.start[i + 1] - lists.start[i];
        std::size_t others = 0;
        for (std::size_t s = lists.start[i]; s < lists.start[i + 1]; ++s) {
            others += labels[static_cast<std::size_t>(lists.row[s])] != label ? 1 : 0;
        }
        if (2 * others >= n && others < n) {
            danger[static_cast<std::size_t>(label)].push_back(asked[i]);
        }
    }
    return danger;
}

Shortage shortage_of(const NeighbourLists& lists, std::int64_t wanted, std::size_t k) {
    Shortage shortage{wanted, static_cast<std::int64_t>(lists.start.size()) - 1, 0, 0};
    for (std::size_t i = 0; i + 1 < lists.start.size(); ++i) {
        const std::size_t n = lists.start[i + 1] - lists.start[i];
        shortage.alone += n == 0 ? 1 : 0;
        shortage.fewer += n > 0 && n < k ? 1 : 0;
    }
    return shortage;
}

void draw(std::span<const std::int32_t> bases, const NeighbourLists& lists, std::span<const std::int32_t> labels, std::int32_t label,
          std::int64_t wanted, RandomStream stream, SyntheticRows& rows) {
    for (std::int64_t i = 0; i < wanted; ++i) {
        const std::size_t b = stream.below(bases.size());
        const std::size_t n = lists.start[b + 1] - lists.start[b];
        const std::int32_t neighbour = n == 0 ? bases[b] : lists.row[lists.start[b] + stream.below(n)];
        const double share = n == 0 ? 0.0 : stream.uniform();
        rows.base.push_back(bases[b]);
        rows.neighbour.push_back(neighbour);
        rows.weight.push_back(labels[static_cast<std::size_t>(neighbour)] == label ? share : 0.5 * share);
        rows.label.push_back(label);
    }
}

}  // namespace

template <class T>
SyntheticRows plan_synthetic_rows(MatrixView<const T> x, std::span<const std::int32_t> labels, std::size_t n_classes,
                                  std::span<const std::int32_t> shared, const SmoteOptions& options, Parallel& parallel, StopToken& stop) {
    check_shared(shared, labels.size(), options);
    if (labels.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw InvalidInputError("X", options.caller(), "at most 2147483647 rows", std::to_string(labels.size()));
    }
    if (options.within == Within::anything) {
        shared = {};
    }
    const ClassRows classes(labels, n_classes);
    const std::vector<std::int64_t> wanted = rows_to_add(classes.counts, options, options.caller());
    const auto n_made = static_cast<std::size_t>(std::accumulate(wanted.begin(), wanted.end(), std::int64_t{0}));
    check_memory(labels.size() + n_made, x.cols * sizeof(T) + 2 * sizeof(std::int64_t) + sizeof(double), "sampling_strategy", options.caller(),
                 "the rows of the result");
    std::vector<std::int32_t> everyone(options.kind == SmoteKind::plain ? 0 : labels.size());
    std::iota(everyone.begin(), everyone.end(), 0);
    std::vector<std::vector<std::int32_t>> danger;
    if (options.kind != SmoteKind::plain) {
        danger = rows_in_danger(x, labels, wanted, everyone, shared, options.m_neighbors, parallel, stop);
    }
    SyntheticRows rows;
    rows.shortages.resize(n_classes);
    std::uint64_t stream_index = 0;
    for (std::size_t k = 0; k < n_classes; ++k) {
        const std::vector<std::int32_t> members(classes.of(k).begin(), classes.of(k).end());
        if (members.empty()) {
            continue;
        }
        const RandomStream stream(options.seed, Purpose::synthetic_rows, stream_index++);
        if (wanted[k] == 0) {
            continue;
        }
        const std::vector<std::int32_t>& bases = options.kind == SmoteKind::plain ? members : danger[k];
        const std::vector<std::int32_t>& candidates = options.kind == SmoteKind::borderline_2 ? everyone : members;
        rows.shortages[k].wanted = wanted[k];
        if (!bases.empty()) {
            const NeighbourLists lists = neighbours_of(x, candidates, bases, shared, options.k_neighbors, parallel, stop);
            rows.shortages[k] = shortage_of(lists, wanted[k], options.k_neighbors);
            draw(bases, lists, labels, static_cast<std::int32_t>(k), wanted[k], stream, rows);
        }
    }
    return rows;
}

template <class T>
void write_synthetic_rows(MatrixView<const T> x, const SyntheticRows& rows, MatrixView<T> out, Parallel& parallel, StopToken& stop) {
    parallel.blocks(rows.base.size(), rows_a_task, [&](std::size_t begin, std::size_t end) {
        stop.check();
        for (std::size_t i = begin; i < end; ++i) {
            const T* const base = x.data + static_cast<std::size_t>(rows.base[i]) * x.cols;
            const T* const neighbour = x.data + static_cast<std::size_t>(rows.neighbour[i]) * x.cols;
            T* const to = out.data + i * x.cols;
            for (std::size_t c = 0; c < x.cols; ++c) {
                const auto from = static_cast<double>(base[c]);
                to[c] = static_cast<T>(from + rows.weight[i] * (static_cast<double>(neighbour[c]) - from));
            }
        }
    });
}

#define EMOTION_INSTANTIATE(T)                                                                                                              \
    template SyntheticRows plan_synthetic_rows(MatrixView<const T>, std::span<const std::int32_t>, std::size_t, std::span<const std::int32_t>, \
                                               const SmoteOptions&, Parallel&, StopToken&);                                                   \
    template void write_synthetic_rows(MatrixView<const T>, const SyntheticRows&, MatrixView<T>, Parallel&, StopToken&);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::sampling
