// Minimisation of a smooth convex function by L-BFGS.
//
// Source: Nocedal & Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5 with the strong Wolfe line search of algorithms 3.5 and
// 3.6 (c1 = 1e-4, c2 = 0.9) by bisection and cubic steps; ten pairs are kept. Near the optimum, where differences of the function drown in
// rounding, sufficient decrease is asked for up to 8 ulps of the function. Determinism: serial vector sums in a fixed order.
#pragma once

#include <vector>

#include "emotion/linear/minimization.hpp"

namespace emotion::linear {

struct LbfgsOptions {
    double tol = 1e-4;  // on the largest component of the gradient
    int max_iter = 100;
};

// x: the start in, the best point out; it must outlive the minimisation.
Minimization minimization_by_lbfgs(std::vector<double>& x, LbfgsOptions options);

LbfgsResult minimize_lbfgs(std::vector<double>& x, const Evaluate& evaluate, const LbfgsOptions& options);

}  // namespace emotion::linear
