// Synthetic rows of small classes between neighbours: SMOTE and Borderline-SMOTE.
//
// Source: Chawla, Bowyer, Hall & Kegelmeyer, "SMOTE", JAIR 16 (2002); Han, Wang & Mao, "Borderline-SMOTE", ICIC 2005.
// Definition: for each class to enlarge, bases are its rows (borderline: those of which at least half, but not all, of the m nearest rows belong
// to other classes). A synthetic row is base + weight (neighbour - base): base uniform, neighbour uniform among the base's k nearest of its
// class (borderline-2: of all classes), weight uniform in [0, 1), in [0, 0.5) where the neighbour is of another class.
// Too few rows: a base with fewer than k candidates uses those there are; one without any is copied (neighbour = base, weight 0); a class
// without a row in danger is left as it is. Each is counted in `shortages`.
// Determinism: the stream of a class is keyed by seed and by its position among the classes that are present; equal bits for any number of
// threads. NaN policy: none may occur. Complexity: that of the neighbours (neighbours.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/core/views.hpp"
#include "emotion/sampling/targets.hpp"

namespace emotion::sampling {

enum class SmoteKind { plain, borderline_1, borderline_2 };
enum class Within { anything, speaker, groups };  // which row metadata neighbours must share

struct SmoteOptions : Targets {
    std::uint64_t seed = 0;
    std::size_t k_neighbors = 5;
    std::size_t m_neighbors = 10;  // borderline only
    SmoteKind kind = SmoteKind::plain;
    Within within = Within::anything;

    [[nodiscard]] const char* caller() const { return kind == SmoteKind::plain ? "SMOTE.fit_resample" : "BorderlineSMOTE.fit_resample"; }

    friend bool operator==(const SmoteOptions&, const SmoteOptions&) = default;
};

// What a class lacked.
struct Shortage {
    std::int64_t wanted = 0;  // synthetic rows asked for
    std::int64_t bases = 0;   // rows that they may start from; 0 with wanted > 0: no row in danger, nothing is drawn
    std::int64_t fewer = 0;   // bases with some neighbours, but fewer than k
    std::int64_t alone = 0;   // bases without a neighbour
};

// Synthetic rows, class by class in ascending order.
struct SyntheticRows {
    std::vector<std::int64_t> base;
    std::vector<std::int64_t> neighbour;
    std::vector<double> weight;
    std::vector<std::int32_t> label;
    std::vector<Shortage> shortages;  // a class
};

// labels: 0 … n_classes-1; classes may be absent. shared: codes of the metadata that `within` names, one a row; empty without it.
// Throws InvalidInputError as rows_to_add, and where `within` lacks its codes; LeakageError where a code is negative (a row without one).
template <class T>
SyntheticRows plan_synthetic_rows(MatrixView<const T> x, std::span<const std::int32_t> labels, std::size_t n_classes,
                                  std::span<const std::int32_t> shared, const SmoteOptions& options, Parallel& parallel, StopToken& stop);

// Computes the rows in float64 and rounds them to T. out: as many rows as `rows` holds; it may follow x in one buffer.
template <class T>
void write_synthetic_rows(MatrixView<const T> x, const SyntheticRows& rows, MatrixView<T> out, Parallel& parallel, StopToken& stop);

}  // namespace emotion::sampling
