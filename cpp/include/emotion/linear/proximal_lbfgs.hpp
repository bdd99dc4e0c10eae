// Minimisation of a smooth convex function plus weighted absolute values, sum_j l1_j |x_j|.
//
// Definition: a proximal quasi-Newton method. Each step minimises the smooth part's quadratic model, whose Hessian is the compact L-BFGS matrix of
// 20 pairs, plus the absolute values; the model is solved by coordinate descent over the coordinates that are not zero or want to leave zero, and
// by exact solves for the signs that it finds. Steps are halved until the whole function decreases enough (c1 = 1e-4, up to 8 ulps of it).
// Source: Byrd, Nocedal & Schnabel, "Representations of quasi-Newton matrices" (1994), theorem 2.3; Lee, Sun & Saunders, "Proximal Newton-type
// methods" (2014); Scheinberg & Tang, "Practical inexact proximal quasi-Newton method" (2016). The end: no component of the smallest subgradient is
// larger than tol, which holds at the optimum alone (Karush-Kuhn-Tucker). Complexity: one evaluation, and O(40 free coordinates) a sweep, an iteration.
// NaN policy: the function is finite at the start; steps to where it is not are shortened. Determinism: serial, in a fixed order.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "emotion/linear/lbfgs.hpp"

namespace emotion::linear {

// The function that is asked for is the smooth part. x: the start in, the best point out. l1: one weight of at least 0 a coordinate. Both must outlive
// the minimisation. The value of the result includes the absolute values. check, where given, is called between sweeps, which may be long; it may throw.
Minimization minimization_by_proximal_lbfgs(std::vector<double>& x, std::span<const double> l1, LbfgsOptions options, std::function<void()> check = {});

LbfgsResult minimize_proximal_lbfgs(std::vector<double>& x, std::span<const double> l1, const Evaluate& evaluate, const LbfgsOptions& options,
                                    const std::function<void()>& check = {});

// The largest component of the smallest subgradient at x, where the smooth part has this gradient: 0 at the optimum.
double largest_subgradient(const std::vector<double>& x, const std::vector<double>& gradient, std::span<const double> l1);

}  // namespace emotion::linear
