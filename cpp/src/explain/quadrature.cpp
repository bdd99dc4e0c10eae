#include "quadrature.hpp"

#include <cmath>
#include <numbers>

namespace emotion::explain {

Quadrature gauss_legendre(std::size_t n) {
    Quadrature rule;
    const auto size = static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
        double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (size + 0.5));
        double slope = 1;
        for (int iteration = 0; iteration < 100; ++iteration) {
            double previous = 1;
            double current = x;
            for (std::size_t k = 2; k <= n; ++k) {
                const auto kd = static_cast<double>(k);
                const double next = ((2 * kd - 1) * x * current - (kd - 1) * previous) / kd;
                previous = current;
                current = next;
            }
            slope = size * (x * current - previous) / (x * x - 1);
            const double change = current / slope;
            x -= change;
            if (std::abs(change) < 1e-16) {
                break;
            }
        }
        const double t = (1 - x) / 2;
        const double complement = (1 + x) / 2;
        const double weight = 1 / ((1 - x * x) * slope * slope);
        rule.at.push_back(t);
        rule.complement.push_back(complement);
        rule.weight.push_back(weight);
        rule.weight_cold.push_back(weight / complement);
    }
    return rule;
}

}  // namespace emotion::explain
