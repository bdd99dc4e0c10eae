#include "emotion/calibration/sigmoid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

double log_odds(double p) {
    const double c = std::min(std::max(p, probability_floor), 1.0 - probability_floor);
    return std::log(c / (1.0 - c));
}

// 1 / (1 + exp(z)) without overflow.
double falling_sigmoid(double z) { return z >= 0 ? std::exp(-z) / (1.0 + std::exp(-z)) : 1.0 / (1.0 + std::exp(z)); }

// One class against the rest: the rows' log-odds, targets and weights.
class PlattProblem {
public:
    PlattProblem(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, std::size_t k)
        : f_(proba.rows), target_(proba.rows), weight_(proba.rows, 1.0) {
        double inside = 0;
        double outside = 0;
        for (std::size_t i = 0; i < proba.rows; ++i) {
            weight_[i] = weight.empty() ? 1.0 : weight[i];
            (static_cast<std::size_t>(y[i]) == k ? inside : outside) += weight_[i];
            f_[i] = log_odds(proba(i, k));
        }
        for (std::size_t i = 0; i < proba.rows; ++i) {
            target_[i] = static_cast<std::size_t>(y[i]) == k ? (inside + 1.0) / (inside + 2.0) : 1.0 / (outside + 2.0);
        }
        total_ = inside + outside;
        start_b_ = std::log((outside + 1.0) / (inside + 1.0));
    }

    void solve(double& a, double& b) const {
        a = -1.0;
        b = 0.0;
        if (!(total_ > 0)) {
            return;
        }
        a = 0.0;
        b = start_b_;
        double loss = value(a, b);
        for (int step = 0; step < 100; ++step) {
            const Newton n = newton(a, b);
            if (std::abs(n.gradient_a) < 1e-10 * total_ && std::abs(n.gradient_b) < 1e-10 * total_) {
                return;
            }
            const double slope = n.gradient_a * n.step_a + n.gradient_b * n.step_b;
            double length = 1.0;
            for (; length >= 1e-10; length *= 0.5) {
                const double next = value(a + length * n.step_a, b + length * n.step_b);
                if (next < loss + 1e-4 * length * slope) {
                    a += length * n.step_a;
                    b += length * n.step_b;
                    loss = next;
                    break;
                }
            }
            if (length < 1e-10) {
                return;  // no descent left at this precision
            }
        }
    }

private:
    struct Newton {
        double gradient_a = 0;
        double gradient_b = 0;
        double step_a = 0;
        double step_b = 0;
    };

    [[nodiscard]] double value(double a, double b) const {
        double sum = 0;
        for (std::size_t i = 0; i < f_.size(); ++i) {
            const double z = a * f_[i] + b;
            sum += weight_[i] * (z >= 0 ? target_[i] * z + std::log1p(std::exp(-z)) : (target_[i] - 1.0) * z + std::log1p(std::exp(z)));
        }
        return sum;
    }

    [[nodiscard]] Newton newton(double a, double b) const {
        constexpr double ridge = 1e-12;
        double h11 = ridge;
        double h22 = ridge;
        double h21 = 0;
        Newton n;
        for (std::size_t i = 0; i < f_.size(); ++i) {
            const double s = falling_sigmoid(a * f_[i] + b);
            const double curvature = weight_[i] * s * (1.0 - s);
            const double gradient = weight_[i] * (target_[i] - s);
            h11 += f_[i] * f_[i] * curvature;
            h22 += curvature;
            h21 += f_[i] * curvature;
            n.gradient_a += f_[i] * gradient;
            n.gradient_b += gradient;
        }
        double determinant = h11 * h22 - h21 * h21;
        if (!(determinant > 1e-14 * h11 * h22)) {
            // One log-odds value in all rows: only a f + b is determined. Follow b alone.
            n.step_a = 0;
            n.step_b = -n.gradient_b / h22;
            n.gradient_a = 0;
            return n;
        }
        n.step_a = -(h22 * n.gradient_a - h21 * n.gradient_b) / determinant;
        n.step_b = -(-h21 * n.gradient_a + h11 * n.gradient_b) / determinant;
        return n;
    }

    std::vector<double> f_;
    std::vector<double> target_;
    std::vector<double> weight_;
    double total_ = 0;
    double start_b_ = 0;
};

}  // namespace

void apply_sigmoid(MatrixView<const double> proba, std::span<const double> a, std::span<const double> b, MatrixView<double> out) {
    if (a.size() != proba.cols || b.size() != proba.cols || out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("a, b and out", "apply_sigmoid", "of the width of proba, " + std::to_string(proba.cols), "another shape");
    }
    for (std::size_t i = 0; i < proba.rows; ++i) {
        double sum = 0;
        bool has_nan = false;
        for (std::size_t k = 0; k < proba.cols; ++k) {
            has_nan |= std::isnan(proba(i, k));
            out(i, k) = falling_sigmoid(a[k] * log_odds(proba(i, k)) + b[k]);
            sum += out(i, k);
        }
        for (double& v : out.row(i)) {
            v = has_nan ? std::numeric_limits<double>::quiet_NaN() : sum > 0 ? v / sum : 1.0 / static_cast<double>(proba.cols);
        }
    }
}

SigmoidFit fit_sigmoid(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight) {
    check_training_rows(proba, y, weight, "fit_sigmoid");
    SigmoidFit fit{std::vector<double>(proba.cols), std::vector<double>(proba.cols)};
    for (std::size_t k = 0; k < proba.cols; ++k) {
        PlattProblem(proba, y, weight, k).solve(fit.a[k], fit.b[k]);
    }
    return fit;
}

}  // namespace emotion::calibration
