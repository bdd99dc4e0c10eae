#include "emotion/calibration/prior.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"

namespace emotion::calibration {

void validate_priors(std::span<const double> priors, std::size_t n_classes, const char* parameter, const char* caller) {
    if (priors.size() != n_classes) {
        throw InvalidInputError(parameter, caller, "one number a class, " + std::to_string(n_classes), std::to_string(priors.size()));
    }
    double sum = 0;
    for (const double value : priors) {
        if (!(value >= 0.0)) {
            throw InvalidInputError(parameter, caller, "finite and not negative", std::to_string(value));
        }
        sum += value;
    }
    if (!(sum > 0.0 && std::isfinite(sum))) {
        throw InvalidInputError(parameter, caller, "numbers with a finite sum above 0", "a sum of " + std::to_string(sum));
    }
}

void correct_priors(MatrixView<const double> proba, std::span<const double> trained, std::span<const double> target, MatrixView<double> out) {
    constexpr const char* caller = "correct_priors";
    const std::size_t n_classes = proba.cols;
    validate_priors(trained, n_classes, "trained_priors", caller);
    validate_priors(target, n_classes, "target_priors", caller);
    if (out.rows != proba.rows || out.cols != n_classes) {
        throw InvalidInputError("out", caller, "of the shape of proba", "another shape");
    }
    const double trained_sum = std::accumulate(trained.begin(), trained.end(), 0.0);
    const double target_sum = std::accumulate(target.begin(), target.end(), 0.0);
    std::vector<double> ratio(n_classes, 0.0);
    std::vector<double> fallback(n_classes, 0.0);
    double known = 0;
    for (std::size_t k = 0; k < n_classes; ++k) {
        if (trained[k] > 0) {
            ratio[k] = (target[k] / target_sum) / (trained[k] / trained_sum);
            known += target[k];
        }
    }
    for (std::size_t k = 0; k < n_classes; ++k) {
        fallback[k] = known > 0 ? (trained[k] > 0 ? target[k] / known : 0.0) : target[k] / target_sum;
    }
    for (std::size_t i = 0; i < proba.rows; ++i) {
        double sum = 0;
        bool has_nan = false;
        for (std::size_t k = 0; k < n_classes; ++k) {
            const double p = proba(i, k);
            has_nan |= std::isnan(p);
            out(i, k) = p * ratio[k];
            sum += out(i, k);
        }
        for (std::size_t k = 0; k < n_classes; ++k) {
            out(i, k) = has_nan ? std::numeric_limits<double>::quiet_NaN() : sum > 0 && std::isfinite(sum) ? out(i, k) / sum : fallback[k];
        }
    }
}

}  // namespace emotion::calibration
