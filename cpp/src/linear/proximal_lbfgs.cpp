#include "emotion/linear/proximal_lbfgs.hpp"

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <limits>

namespace emotion::linear {
namespace {

constexpr std::size_t memory = 20;
constexpr double c1 = 1e-4;
constexpr int max_halvings = 60;
constexpr int max_stalled = 30;
constexpr int max_rounds = 25;       // of coordinate descent and an exact solve, a model
constexpr int sweeps_a_round = 4;
constexpr double inner_share = 0.05;  // the model is solved until its own violation is this share of the outer one
constexpr double epsilon = std::numeric_limits<double>::epsilon();

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    return ConstVector(a.data(), static_cast<Eigen::Index>(a.size())).dot(ConstVector(b.data(), static_cast<Eigen::Index>(b.size())));
}

double sign(double v) { return v > 0 ? 1.0 : -1.0; }

// The component of the smallest subgradient.
double subgradient(double x, double gradient, double l1) {
    if (x != 0) {
        return gradient + l1 * sign(x);
    }
    return std::abs(gradient) <= l1 ? 0.0 : gradient - l1 * sign(gradient);
}

double soft(double v, double threshold) { return v > threshold ? v - threshold : v < -threshold ? v + threshold : 0.0; }

// The L-BFGS matrix B = gamma I - Q M^-1 Q^T with Q = [gamma S, Y]; each pair is scaled so that s y = 1, which leaves B as it is.
class Pairs {
public:
    [[nodiscard]] std::size_t size() const { return s_.size(); }
    void clear() {
        s_.clear();
        y_.clear();
    }

    void push(std::vector<double> s, std::vector<double> y) {
        const double curvature = dot(s, y);
        const double square = dot(y, y);
        if (!(curvature > epsilon * square) || !std::isfinite(square)) {
            return;
        }
        gamma_ = square / curvature;
        const double scale = 1 / std::sqrt(curvature);
        std::transform(s.begin(), s.end(), s.begin(), [&](double v) { return v * scale; });
        std::transform(y.begin(), y.end(), y.begin(), [&](double v) { return v * scale; });
        const bool full = size() == memory;
        if (full) {
            s_.erase(s_.begin());
            y_.erase(y_.begin());
        }
        s_.push_back(std::move(s));
        y_.push_back(std::move(y));
        const auto n = static_cast<Eigen::Index>(size());
        const Eigen::Index kept = n - 1;
        const Eigen::MatrixXd ss = full ? ss_.bottomRightCorner(kept, kept).eval() : ss_.topLeftCorner(kept, kept).eval();
        const Eigen::MatrixXd sy = full ? sy_.bottomRightCorner(kept, kept).eval() : sy_.topLeftCorner(kept, kept).eval();
        ss_.resize(n, n);
        sy_.resize(n, n);
        ss_.topLeftCorner(kept, kept) = ss;
        sy_.topLeftCorner(kept, kept) = sy;
        for (Eigen::Index i = 0; i < n; ++i) {
            const auto k = static_cast<std::size_t>(i);
            ss_(kept, i) = ss_(i, kept) = dot(s_[k], s_.back());
            sy_(i, kept) = dot(s_[k], y_.back());
            sy_(kept, i) = dot(s_.back(), y_[k]);
        }
    }

    [[nodiscard]] double gamma() const { return gamma_; }
    void set_gamma(double gamma) { gamma_ = gamma; }

    [[nodiscard]] Eigen::MatrixXd middle() const {
        const auto n = static_cast<Eigen::Index>(size());
        Eigen::MatrixXd m = Eigen::MatrixXd::Zero(2 * n, 2 * n);
        m.topLeftCorner(n, n) = gamma_ * ss_.topLeftCorner(n, n);
        for (Eigen::Index i = 0; i < n; ++i) {
            m(n + i, n + i) = -sy_(i, i);
            for (Eigen::Index j = 0; j < i; ++j) {
                m(i, n + j) = m(n + j, i) = sy_(i, j);
            }
        }
        return m;
    }

    // The rows of Q of the free coordinates.
    [[nodiscard]] RowMajor rows(const std::vector<std::size_t>& free) const {
        const auto n = static_cast<Eigen::Index>(size());
        RowMajor q(static_cast<Eigen::Index>(free.size()), 2 * n);
        for (Eigen::Index k = 0; k < n; ++k) {
            const auto& s = s_[static_cast<std::size_t>(k)];
            const auto& y = y_[static_cast<std::size_t>(k)];
            for (std::size_t i = 0; i < free.size(); ++i) {
                q(static_cast<Eigen::Index>(i), k) = gamma_ * s[free[i]];
                q(static_cast<Eigen::Index>(i), n + k) = y[free[i]];
            }
        }
        return q;
    }

private:
    std::vector<std::vector<double>> s_, y_;
    Eigen::MatrixXd ss_, sy_;  // s_i s_j and s_i y_j
    double gamma_ = 1;
};

// min_d g d + d B d / 2 + sum l1 |x + d| over the free coordinates.
class Model {
public:
    Model(const Pairs& pairs, const std::vector<double>& x, const std::vector<double>& gradient, std::span<const double> l1,
          const std::vector<std::size_t>& free)
        : gamma_(pairs.gamma()), n_(static_cast<Eigen::Index>(free.size())), x_(n_), g_(n_), l1_(n_), d_(Vector::Zero(n_)) {
        for (Eigen::Index i = 0; i < n_; ++i) {
            const std::size_t j = free[static_cast<std::size_t>(i)];
            x_(i) = x[j];
            g_(i) = gradient[j];
            l1_(i) = l1[j];
        }
        diagonal_ = Vector::Constant(n_, gamma_);
        if (pairs.size() > 0) {
            middle_ = pairs.middle();
            q_ = pairs.rows(free);
            const Eigen::PartialPivLU<Eigen::MatrixXd> lu(middle_);
            inverse_ = lu.inverse();
            q_hat_ = q_ * inverse_;  // M is symmetric
            diagonal_ -= q_hat_.cwiseProduct(q_).rowwise().sum();
        }
        diagonal_ = diagonal_.cwiseMax(1e-8 * gamma_);
        z_ = Vector::Zero(q_.cols());
    }

    // Returns the step. A sweep alone would leave small components of a badly scaled model unsolved, so an exact solve comes before each verdict.
    const Vector& solve(double tolerance, const std::function<void()>& check) {
        for (int round = 0; round < max_rounds; ++round) {
            double left = std::numeric_limits<double>::infinity();
            for (int sweep = 0; sweep < sweeps_a_round && left > tolerance; ++sweep) {
                if (check) {
                    check();
                }
                left = descend();
            }
            if (q_.cols() == 0 || (solve_for_signs() && descend() <= tolerance)) {
                break;
            }
        }
        return d_;
    }

private:
    // One sweep of coordinate descent; returns its largest move times curvature.
    double descend() {
        double largest = 0;
        for (Eigen::Index i = 0; i < n_; ++i) {
            double slope = g_(i) + gamma_ * d_(i);
            if (q_.cols() > 0) {
                slope -= q_hat_.row(i).dot(z_);
            }
            const double a = diagonal_(i);
            const double u = x_(i) + d_(i);
            const double next = soft(u - slope / a, l1_(i) / a);
            const double move = next - u;
            if (move != 0) {
                // At zero exactly where the coordinate is to be zero.
                d_(i) = next == 0 ? -x_(i) : d_(i) + move;
                if (q_.cols() > 0) {
                    z_ += move * q_.row(i).transpose();
                }
                largest = std::max(largest, a * std::abs(move));
            }
        }
        return largest;
    }

    // Moves towards the exact minimiser while zeros stay zero and signs stay (Woodbury's identity). Coordinates whose sign would change stop at zero;
    // the way there is halved until the model falls. True where the minimiser itself was reached.
    bool solve_for_signs() {
        std::vector<Eigen::Index> active;
        for (Eigen::Index i = 0; i < n_; ++i) {
            if (l1_(i) == 0 || x_(i) + d_(i) != 0) {
                active.push_back(i);
            }
        }
        const Vector solution = minimiser(active);
        if (!solution.allFinite()) {
            return false;
        }
        const Vector from = d_;
        const double value = model();
        bool whole = true;
        for (double step = 1; step > 1e-3; step /= 2) {
            bool stopped = false;
            for (Eigen::Index k = 0; k < solution.size(); ++k) {
                const Eigen::Index i = active[static_cast<std::size_t>(k)];
                const double before = x_(i) + from(i);
                const double d = from(i) + step * (solution(k) - from(i));
                const bool crosses = l1_(i) > 0 && (x_(i) + d) * before <= 0;
                d_(i) = crosses ? -x_(i) : d;
                stopped = stopped || crosses;
            }
            z_ = q_.transpose() * d_;
            if ((whole && !stopped) || model() < value) {
                return whole && !stopped;
            }
            whole = false;
        }
        d_ = from;
        z_ = q_.transpose() * d_;
        return false;
    }

    // The active part of the step that minimises the model, all others as they are and the signs of now.
    [[nodiscard]] Vector minimiser(const std::vector<Eigen::Index>& active) const {
        const auto size = static_cast<Eigen::Index>(active.size());
        RowMajor q(size, q_.cols());
        Vector r(size);
        Vector others = z_;
        for (Eigen::Index k = 0; k < size; ++k) {
            const Eigen::Index i = active[static_cast<std::size_t>(k)];
            q.row(k) = q_.row(i);
            others -= d_(i) * q_.row(i).transpose();
        }
        for (Eigen::Index k = 0; k < size; ++k) {
            const Eigen::Index i = active[static_cast<std::size_t>(k)];
            r(k) = q_hat_.row(i).dot(others) - g_(i) - (l1_(i) > 0 ? l1_(i) * sign(x_(i) + d_(i)) : 0.0);
        }
        const Eigen::MatrixXd inner = gamma_ * middle_ - q.transpose() * q;
        const Vector projected = q.transpose() * r;
        return (r + q * Eigen::PartialPivLU<Eigen::MatrixXd>(inner).solve(projected)) / gamma_;
    }

    [[nodiscard]] double model() const {
        return g_.dot(d_) + 0.5 * (gamma_ * d_.squaredNorm() - z_.dot(inverse_ * z_)) + l1_.dot((x_ + d_).cwiseAbs());
    }

    double gamma_;
    Eigen::Index n_;
    Vector x_, g_, l1_, d_, diagonal_, z_;
    Eigen::MatrixXd middle_, inverse_;
    RowMajor q_, q_hat_;
};

double absolute(const std::vector<double>& x, std::span<const double> l1) {
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
        sum += l1[j] * std::abs(x[j]);
    }
    return sum;
}

struct Direction {
    std::vector<std::size_t> free;
    Vector step;
    double decrease = 0;  // of the linear model with the absolute values, at the whole step; negative
};

Direction direction_of(const Pairs& pairs, const std::vector<double>& x, const std::vector<double>& gradient, std::span<const double> l1, double violation,
                       const std::function<void()>& check) {
    Direction result;
    for (std::size_t j = 0; j < x.size(); ++j) {
        if (x[j] != 0 || subgradient(x[j], gradient[j], l1[j]) != 0) {
            result.free.push_back(j);
        }
    }
    Model model(pairs, x, gradient, l1, result.free);
    result.step = model.solve(inner_share * violation, check);
    for (std::size_t i = 0; i < result.free.size(); ++i) {
        const std::size_t j = result.free[i];
        const double d = result.step(static_cast<Eigen::Index>(i));
        result.decrease += gradient[j] * d + l1[j] * (std::abs(x[j] + d) - std::abs(x[j]));
    }
    return result;
}

void move_to(std::vector<double>& next, const std::vector<double>& x, const Direction& direction, double step) {
    next = x;
    for (std::size_t i = 0; i < direction.free.size(); ++i) {
        next[direction.free[i]] += step * direction.step(static_cast<Eigen::Index>(i));
    }
}

double norm_of_subgradient(const std::vector<double>& x, const std::vector<double>& gradient, std::span<const double> l1) {
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double v = subgradient(x[j], gradient[j], l1[j]);
        sum += v * v;
    }
    return std::sqrt(sum);
}

}  // namespace

double largest_subgradient(const std::vector<double>& x, const std::vector<double>& gradient, std::span<const double> l1) {
    double largest = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double size = std::abs(subgradient(x[j], gradient[j], l1[j]));
        if (std::isnan(size)) {
            return size;  // which no tolerance meets
        }
        largest = std::max(largest, size);
    }
    return largest;
}

Minimization minimization_by_proximal_lbfgs(std::vector<double>& x, std::span<const double> l1, LbfgsOptions options, std::function<void()> check) {
    LbfgsResult result;
    std::vector<double> gradient(x.size());
    std::vector<double> next(x.size());
    std::vector<double> next_gradient(x.size());
    result.value = co_await Minimization::Request{&x, &gradient};
    result.value += absolute(x, l1);
    double violation = largest_subgradient(x, gradient, l1);
    std::vector<double> best = x;
    double best_violation = violation;
    int stalled = 0;
    Pairs pairs;
    while (violation > options.tol && result.n_iter < options.max_iter) {
        if (pairs.size() == 0) {
            pairs.set_gamma(std::max(1.0, norm_of_subgradient(x, gradient, l1)));
        }
        const Direction direction = direction_of(pairs, x, gradient, l1, violation, check);
        const double slack = 8 * epsilon * std::max(std::abs(result.value), 1e-300);
        double value = 0;
        bool found = false;
        double step = 1;
        if (direction.decrease < 0) {
            for (int i = 0; i < max_halvings && !found; ++i, step /= 2) {
                move_to(next, x, direction, step);
                value = co_await Minimization::Request{&next, &next_gradient};
                value += absolute(next, l1);
                found = std::isfinite(value) && value <= result.value + c1 * step * direction.decrease + slack;
            }
        }
        if (!found) {
            if (pairs.size() == 0) {
                break;  // no descent even along the gradient: as far as float64 goes
            }
            pairs.clear();
            continue;
        }
        ++result.n_iter;
        std::vector<double> s(x.size());
        std::vector<double> y(x.size());
        for (std::size_t j = 0; j < x.size(); ++j) {
            s[j] = next[j] - x[j];
            y[j] = next_gradient[j] - gradient[j];
        }
        pairs.push(std::move(s), std::move(y));
        const double change = result.value - value;
        const double size = std::max({std::abs(result.value), std::abs(value), 1.0});
        x.swap(next);
        gradient.swap(next_gradient);
        result.value = value;
        violation = largest_subgradient(x, gradient, l1);
        if (violation < best_violation) {
            best_violation = violation;
            best = x;
            stalled = 0;
        } else if (change <= epsilon * size && ++stalled == max_stalled) {
            x = best;
            result.converged = true;  // the value no longer changes in float64
            co_return result;
        }
    }
    result.converged = violation <= options.tol;
    co_return result;
}

LbfgsResult minimize_proximal_lbfgs(std::vector<double>& x, std::span<const double> l1, const Evaluate& evaluate, const LbfgsOptions& options,
                                    const std::function<void()>& check) {
    return minimization_by_proximal_lbfgs(x, l1, options, check).run(evaluate);
}

}  // namespace emotion::linear
