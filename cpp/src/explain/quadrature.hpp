// Gauss-Legendre quadrature on (0, 1): exact for polynomials of degree below twice the number of points.
#pragma once

#include <cstddef>
#include <vector>

namespace emotion::explain {

struct Quadrature {
    std::vector<double> at;
    std::vector<double> complement;
    std::vector<double> weight;
    std::vector<double> weight_cold;    // weight / (1 - t)
};

// Points ascend. Newton's method on the Legendre polynomial (Abramowitz & Stegun 25.4.29).
Quadrature gauss_legendre(std::size_t n);

}  // namespace emotion::explain
