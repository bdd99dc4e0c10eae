#include "emotion/calibration/sigmoid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/calibration/temperature.hpp"
#include "emotion/core/clones.hpp"
#include "emotion/core/elementary.hpp"
#include "emotion/core/errors.hpp"
#include "training_rows.hpp"

namespace emotion::calibration {
namespace {

constexpr std::size_t lanes = 8;      // partial sums, added in the order of the lanes: the same bits on every instruction set
constexpr std::size_t block = 512;    // rows whose exponentials stay in the first-level cache; a multiple of the lanes

// Log-odds of a column of probabilities, clipped away from 0 and 1.
void log_odds(MatrixView<const double> proba, std::size_t column, std::size_t begin, std::size_t end, double* out) {
    for (std::size_t i = begin; i < end; ++i) {
        const double c = std::min(std::max(proba(i, column), probability_floor), 1.0 - probability_floor);
        out[i - begin] = c / (1.0 - c);
    }
    logarithms(out, end - begin, out);
}

enum Sum : std::size_t { gradient_a, gradient_b, h11, h21, h22, n_sums };

// Adds a block's terms of the gradient and the Hessian; e holds exp(z), z = a f + b. Rows beyond the data have weight 0.
EMOTION_CLONES __attribute__((optimize("O3")))
void add_terms(const double* __restrict f, const double* __restrict target, const double* __restrict weight, const double* __restrict e, std::size_t n,
               double* __restrict sums) {
    double sum[n_sums][lanes];
    std::copy_n(sums, n_sums * lanes, &sum[0][0]);
    for (std::size_t i = 0; i < n; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const std::size_t r = i + lane;
            const double s = 1.0 / (1.0 + e[r]);
            const double residual = weight[r] * (target[r] - s);
            const double curvature = weight[r] * (e[r] * s * s);
            const double curved = f[r] * curvature;
            sum[gradient_a][lane] += f[r] * residual;
            sum[gradient_b][lane] += residual;
            sum[h11][lane] += f[r] * curved;
            sum[h21][lane] += curved;
            sum[h22][lane] += curvature;
        }
    }
    std::copy_n(&sum[0][0], n_sums * lanes, sums);
}

// z = a f + b.
EMOTION_CLONES __attribute__((optimize("O3")))
void lines(const double* __restrict f, std::size_t n, double a, double b, double* __restrict z) {
    for (std::size_t i = 0; i < n; ++i) {
        z[i] = a * f[i] + b;
    }
}

// One class against the rest: the rows' log-odds, targets and weights.
class PlattProblem {
public:
    PlattProblem(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, std::size_t k) {
        const std::size_t padded = (proba.rows + lanes - 1) / lanes * lanes;
        f_.assign(padded, 0.0);
        target_.assign(padded, 0.0);
        weight_.assign(padded, 0.0);
        double inside = 0;
        double outside = 0;
        for (std::size_t i = 0; i < proba.rows; ++i) {
            weight_[i] = weight.empty() ? 1.0 : weight[i];
            (static_cast<std::size_t>(y[i]) == k ? inside : outside) += weight_[i];
        }
        log_odds(proba, k, 0, proba.rows, f_.data());
        for (std::size_t i = 0; i < proba.rows; ++i) {
            target_[i] = static_cast<std::size_t>(y[i]) == k ? (inside + 1.0) / (inside + 2.0) : 1.0 / (outside + 2.0);
            farthest_ = weight_[i] > 0 ? std::max(farthest_, std::abs(f_[i])) : farthest_;
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
        constexpr std::size_t many = 8192;
        if (f_.size() >= many) {
            every(16).descend(a, b, 1e-4);  // a start: the solution of every sixteenth row
        }
        descend(a, b, 1e-10);
    }

private:
    PlattProblem() = default;

    [[nodiscard]] PlattProblem every(std::size_t stride) const {
        PlattProblem part;
        for (std::size_t i = 0; i < f_.size(); i += stride) {
            part.f_.push_back(f_[i]);
            part.target_.push_back(target_[i]);
            part.weight_.push_back(weight_[i]);
            part.total_ += weight_[i];
        }
        const std::size_t padded = (part.f_.size() + lanes - 1) / lanes * lanes;
        part.f_.resize(padded, 0.0);
        part.target_.resize(padded, 0.0);
        part.weight_.resize(padded, 0.0);
        part.farthest_ = farthest_;
        return part;
    }

    // Newton's steps until the gradient is below `tolerance` of the weight. No row's z may move by more than 1.5 at once: such a step is certain to
    // lower the loss by a tenth of what the gradient promises at least (Bach, 2010, proposition 1), so the loss itself is never needed. And a
    // whole step that moves no z by more than r leaves a gradient of at most r^2 sup|s''| / 2 a row: the last step needs no look at its end.
    void descend(double& a, double& b, double tolerance) const {
        constexpr double largest_move = 1.5;
        constexpr double half_bend = 0.0482;  // above sup|s''| / 2 = 1 / (12 sqrt 3)
        for (int step = 0; step < 200; ++step) {
            const Point at = evaluate(a, b);
            if (std::abs(at.gradient_a) < tolerance * total_ && std::abs(at.gradient_b) < tolerance * total_) {
                return;
            }
            const double move = std::abs(at.step_a) * farthest_ + std::abs(at.step_b);
            const double length = std::min(1.0, largest_move / move);
            a += length * at.step_a;
            b += length * at.step_b;
            if (length == 1.0 && half_bend * std::max(1.0, farthest_) * move * move < tolerance) {
                return;
            }
        }
    }

    // The gradient of the cross-entropy, and Newton's step.
    struct Point {
        double gradient_a = 0;
        double gradient_b = 0;
        double step_a = 0;
        double step_b = 0;
    };

    [[nodiscard]] Point evaluate(double a, double b) const {
        double e[block];
        double sums[n_sums * lanes] = {};
        for (std::size_t begin = 0; begin < f_.size(); begin += block) {
            const std::size_t n = std::min(block, f_.size() - begin);
            lines(f_.data() + begin, n, a, b, e);
            exponentials(e, n, e);
            add_terms(f_.data() + begin, target_.data() + begin, weight_.data() + begin, e, n, sums);
        }
        double sum[n_sums];
        for (std::size_t s = 0; s < n_sums; ++s) {
            const double* const lane = sums + s * lanes;
            sum[s] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
        }
        return newton(sum);
    }

    [[nodiscard]] static Point newton(const double* sum) {
        constexpr double ridge = 1e-12;
        const double a = sum[h11] + ridge;
        const double c = sum[h22] + ridge;
        Point point{sum[gradient_a], sum[gradient_b], 0, 0};
        const double determinant = a * c - sum[h21] * sum[h21];
        if (!(determinant > 1e-14 * a * c)) {
            // One log-odds value in all rows: only a f + b is determined. Follow b alone.
            point.step_b = -point.gradient_b / c;
            point.gradient_a = 0;
            return point;
        }
        point.step_a = -(c * point.gradient_a - sum[h21] * point.gradient_b) / determinant;
        point.step_b = -(-sum[h21] * point.gradient_a + a * point.gradient_b) / determinant;
        return point;
    }

    std::vector<double> f_;  // padded to whole groups of lanes, with weight 0
    std::vector<double> target_;
    std::vector<double> weight_;
    double farthest_ = 0;  // the largest |f|
    double total_ = 0;
    double start_b_ = 0;
};

// s = 1 / (1 + exp(a f + b)) of a block of log-odds, in place; both tails keep their relative precision.
void falling_sigmoids(double* f, std::size_t n, double a, double b) {
    double e[block];
    lines(f, n, a, b, e);
    exponentials(e, n, e);
    for (std::size_t i = 0; i < n; ++i) {
        f[i] = 1.0 / (1.0 + e[i]);
    }
}

}  // namespace

void apply_sigmoid(MatrixView<const double> proba, std::span<const double> a, std::span<const double> b, MatrixView<double> out) {
    if (a.size() != proba.cols || b.size() != proba.cols || out.rows != proba.rows || out.cols != proba.cols) {
        throw InvalidInputError("a, b and out", "apply_sigmoid", "of the width of proba, " + std::to_string(proba.cols), "another shape");
    }
    double f[block];
    for (std::size_t begin = 0; begin < proba.rows; begin += block) {
        const std::size_t end = std::min(proba.rows, begin + block);
        bool has_nan[block] = {};
        for (std::size_t k = 0; k < proba.cols; ++k) {
            log_odds(proba, k, begin, end, f);
            falling_sigmoids(f, end - begin, a[k], b[k]);
            for (std::size_t i = begin; i < end; ++i) {
                has_nan[i - begin] |= std::isnan(proba(i, k));
                out(i, k) = f[i - begin];
            }
        }
        for (std::size_t i = begin; i < end; ++i) {
            double sum = 0;
            for (const double v : out.row(i)) {
                sum += v;
            }
            for (double& v : out.row(i)) {
                v = has_nan[i - begin] ? std::numeric_limits<double>::quiet_NaN() : sum > 0 ? v / sum : 1.0 / static_cast<double>(proba.cols);
            }
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
