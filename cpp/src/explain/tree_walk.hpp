// One tree for eight rows: the inner loop of path-dependent Shapley values (the method is in emotion/explain/tree_shap.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes.hpp"
#include "tree_program.hpp"

namespace emotion::explain {

// The quadrature: points t, 1 - t, weights.
struct Points {
    const double* at = nullptr;
    const double* complement = nullptr;
    const double* weight = nullptr;
    std::size_t n = 0;
};

// Memory of a walk; sizes in blocks of eight lanes. L levels, Q points, S slots, K outputs, F features.
struct WalkMemory {
    const float* x = nullptr;       // F
    double* product = nullptr;      // (L + 1) Q: weight of the point times the factors of the columns on the path
    double* factor = nullptr;       // (L + 1) Q: of the first child's edge, relative to the factor that the path has for the column
    double* kernel = nullptr;       // (L + 1) Q: what a difference of the children's results is weighted with (repeated columns only)
    double* open = nullptr;         // L + 1: whether the row passes all conditions on the edge's column so far
    double* excess = nullptr;       // L + 1: open minus share
    double* result = nullptr;       // S K Q: a subtree's outputs at the points, without the factors above it
    double* sum = nullptr;          // F K: contributions
};

// Adds the tree's contributions to memory.sum.
void walk(const Program& program, const TreeProgram& tree, const Points& points, const WalkMemory& memory);

}  // namespace emotion::explain
