#include "emotion/calibration/temperature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

// Log-probabilities minus the largest of their row, so that every exponential below is at most 1.
Matrix<double> centred_logs(MatrixView<const double> proba) {
    Matrix<double> logs(proba.rows, proba.cols);
    for (std::size_t i = 0; i < proba.rows; ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < proba.cols; ++k) {
            logs(i, k) = std::log(std::max(proba(i, k), probability_floor));
            largest = std::max(largest, logs(i, k));
        }
        for (std::size_t k = 0; k < proba.cols; ++k) {
            logs(i, k) -= largest;
        }
    }
    return logs;
}

struct Derivatives {
    double slope = 0;
    double curvature = 0;
};

Derivatives loss_derivatives(const Matrix<double>& logs, std::span<const std::int64_t> y, std::span<const double> weight, double beta) {
    Derivatives d;
    for (std::size_t i = 0; i < logs.rows; ++i) {
        const auto row = logs.row(i);
        double sum = 0;
        double first = 0;
        double second = 0;
        for (const double l : row) {
            const double e = std::exp(beta * l);
            sum += e;
            first += e * l;
            second += e * l * l;
        }
        const double mean = first / sum;
        const double w = weight.empty() ? 1.0 : weight[i];
        d.slope += w * (mean - row[static_cast<std::size_t>(y[i])]);
        d.curvature += w * std::max(0.0, second / sum - mean * mean);
    }
    return d;
}

// The beta in [low, high] of least loss; 1 where the loss does not depend on it.
double least_loss(const Matrix<double>& logs, std::span<const std::int64_t> y, std::span<const double> weight, double low, double high) {
    const auto flat = [&](std::size_t i) { return std::all_of(logs.row(i).begin(), logs.row(i).end(), [](double l) { return l == 0.0; }); };
    bool any_information = false;
    for (std::size_t i = 0; i < logs.rows && !any_information; ++i) {
        any_information = !flat(i) && (weight.empty() || weight[i] > 0);
    }
    if (!any_information) {
        return 1.0;
    }
    if (loss_derivatives(logs, y, weight, low).slope >= 0) {
        return low;
    }
    if (loss_derivatives(logs, y, weight, high).slope <= 0) {
        return high;
    }
    double beta = 1.0;
    for (int step = 0; step < 200; ++step) {
        const Derivatives d = loss_derivatives(logs, y, weight, beta);
        (d.slope < 0 ? low : high) = beta;
        double next = beta - d.slope / d.curvature;
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        const bool settled = std::abs(next - beta) <= 1e-12 * beta;
        beta = next;
        if (settled) {
            break;
        }
    }
    return beta;
}

}  // namespace

void apply_temperature(MatrixView<const double> proba, double temperature, MatrixView<double> out) {
    if (!(temperature >= min_temperature && temperature <= max_temperature)) {
        throw InvalidInputError("temperature", "apply_temperature", "from 0.05 to 20", std::to_string(temperature));
    }
    if (out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("out", "apply_temperature", "of the shape of proba", "another shape");
    }
    const double beta = 1.0 / temperature;
    for (std::size_t i = 0; i < proba.rows; ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        bool has_nan = false;
        for (std::size_t k = 0; k < proba.cols; ++k) {
            has_nan |= std::isnan(proba(i, k));
            const double l = beta * std::log(std::max(proba(i, k), probability_floor));
            out(i, k) = l;
            largest = std::max(largest, l);
        }
        double sum = 0;
        for (double& v : out.row(i)) {
            v = std::exp(v - largest);
            sum += v;
        }
        for (double& v : out.row(i)) {
            v = has_nan ? std::numeric_limits<double>::quiet_NaN() : v / sum;
        }
    }
}

double fit_temperature(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight) {
    check_training_rows(proba, y, weight, "fit_temperature");
    const double beta = least_loss(centred_logs(proba), y, weight, 1.0 / max_temperature, 1.0 / min_temperature);
    return std::clamp(1.0 / beta, min_temperature, max_temperature);
}

double fit_inverse_temperature(MatrixView<const double> scores, std::span<const std::int64_t> y, std::span<const double> weight) {
    constexpr double widest = 1e6;
    constexpr double unknown = -1e12;  // a probability of exactly 0 at every beta of the range
    constexpr const char* caller = "fit_inverse_temperature";
    check_codes_and_weights(scores.rows, scores.cols, y, weight, caller);
    Matrix<double> logs(scores.rows, scores.cols);
    double spread = 0;
    for (std::size_t i = 0; i < scores.rows; ++i) {
        double largest = -std::numeric_limits<double>::infinity();
        for (const double value : scores.row(i)) {
            if (!(value < std::numeric_limits<double>::infinity())) {
                throw InvalidInputError("scores", caller, "finite, or minus infinity for a class that the model does not know", std::to_string(value));
            }
            largest = std::max(largest, value);
        }
        for (std::size_t k = 0; k < scores.cols; ++k) {
            logs(i, k) = scores(i, k) - largest;
            spread = std::isinf(scores(i, k)) ? spread : std::max(spread, -logs(i, k));
        }
    }
    if (!(spread > 0) || !std::isfinite(spread)) {
        return 1.0;
    }
    for (double& value : logs.values) {
        value = std::isinf(value) ? unknown : value / spread;
    }
    return least_loss(logs, y, weight, 1.0 / widest, widest) / spread;
}

}  // namespace emotion::calibration
