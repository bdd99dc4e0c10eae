#include "emotion/linear/lbfgs.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

namespace emotion::linear {
namespace {

using Vector = Eigen::Map<Eigen::VectorXd>;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;

constexpr std::size_t memory = 10;
constexpr double c1 = 1e-4;
constexpr double c2 = 0.9;
constexpr int max_line_search = 50;
constexpr int max_stalled = 3;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    return ConstVector(a.data(), static_cast<Eigen::Index>(a.size())).dot(ConstVector(b.data(), static_cast<Eigen::Index>(b.size())));
}

double largest(const std::vector<double>& v) {
    double m = 0;
    for (const double x : v) {
        m = std::max(m, std::abs(x));
    }
    return m;
}

void add_scaled(std::vector<double>& y, double a, const std::vector<double>& x) {
    const auto n = static_cast<Eigen::Index>(y.size());
    Vector(y.data(), n) += a * ConstVector(x.data(), n);
}

struct Pair {
    std::vector<double> s, y;
    double rho;
};

// Two-loop recursion: the product of the inverse Hessian's approximation and -gradient.
std::vector<double> direction_of(const std::deque<Pair>& pairs, const std::vector<double>& gradient) {
    std::vector<double> d(gradient.size());
    std::transform(gradient.begin(), gradient.end(), d.begin(), [](double g) { return -g; });
    std::vector<double> alpha(pairs.size());
    for (std::size_t i = pairs.size(); i-- > 0;) {
        alpha[i] = pairs[i].rho * dot(pairs[i].s, d);
        add_scaled(d, -alpha[i], pairs[i].y);
    }
    if (!pairs.empty()) {
        const double gamma = 1.0 / (pairs.back().rho * dot(pairs.back().y, pairs.back().y));
        Vector(d.data(), static_cast<Eigen::Index>(d.size())) *= gamma;
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        add_scaled(d, alpha[i] - pairs[i].rho * dot(pairs[i].y, d), pairs[i].s);
    }
    return d;
}

struct Trial {
    double step = 0;
    double value = 0;
    double slope = 0;
};

// Minimiser of the cubic through two trials, kept inside the middle 80 % of the interval.
double interpolate(const Trial& a, const Trial& b) {
    const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
    const double square = d1 * d1 - a.slope * b.slope;
    const double low = std::min(a.step, b.step);
    const double width = std::abs(b.step - a.step);
    double step = low + width / 2;
    if (square >= 0 && std::isfinite(square)) {
        const double d2 = std::copysign(std::sqrt(square), b.step - a.step);
        const double cubic = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
        if (std::isfinite(cubic)) {
            step = cubic;
        }
    }
    return std::clamp(step, low + 0.1 * width, low + 0.9 * width);
}

// Bracketing, then zoom. `at(step)` evaluates; returns false where no step with a decrease was found.
template <class Evaluate>
bool line_search(const Trial& start, double first_step, Evaluate&& at, Trial& accepted) {
    const double slack = 8 * epsilon * std::max(std::abs(start.value), 1e-300);
    const auto decreases = [&](const Trial& t) { return t.value <= start.value + c1 * t.step * start.slope + slack; };
    const auto flat = [&](const Trial& t) { return std::abs(t.slope) <= -c2 * start.slope; };
    Trial low = start;
    Trial high;
    bool bracketed = false;
    double step = first_step;
    for (int i = 0; i < max_line_search; ++i) {
        const Trial trial = at(step);
        const bool finite = std::isfinite(trial.value) && std::isfinite(trial.slope);
        if (finite && decreases(trial) && flat(trial)) {
            accepted = trial;
            return true;
        }
        if (!finite || !decreases(trial) || (low.step > 0 && trial.value >= low.value + slack)) {
            high = trial;
            bracketed = true;
        } else {
            if (bracketed ? trial.slope * (high.step - low.step) >= 0 : trial.slope >= 0) {
                high = low;
                bracketed = true;
            }
            low = trial;
        }
        if (!bracketed) {
            step *= 4;
        } else {
            step = finite ? interpolate(low, high) : low.step + (high.step - low.step) / 2;
        }
        if (bracketed && std::abs(high.step - low.step) <= epsilon * std::max(1.0, std::abs(low.step))) {
            break;
        }
    }
    if (low.step > 0) {
        accepted = at(low.step);
        return true;
    }
    return false;
}

}  // namespace

LbfgsResult minimize_lbfgs(std::vector<double>& x, const std::function<double(const std::vector<double>&, std::vector<double>&)>& evaluate,
                           const LbfgsOptions& options) {
    LbfgsResult result;
    std::vector<double> gradient(x.size());
    result.value = evaluate(x, gradient);
    std::deque<Pair> pairs;
    int stalled = 0;
    std::vector<double> next(x.size());
    std::vector<double> next_gradient(x.size());
    while (largest(gradient) > options.tol && result.n_iter < options.max_iter) {
        std::vector<double> d = direction_of(pairs, gradient);
        double slope = dot(d, gradient);
        if (!(slope < 0)) {
            pairs.clear();
            d = direction_of(pairs, gradient);
            slope = dot(d, gradient);
        }
        const double first_step = pairs.empty() ? std::min(1.0, 1.0 / std::sqrt(-slope)) : 1.0;
        Trial accepted;
        const bool found = line_search({0, result.value, slope}, first_step, [&](double step) {
            next = x;
            add_scaled(next, step, d);
            const double value = evaluate(next, next_gradient);
            return Trial{step, value, dot(next_gradient, d)};
        }, accepted);
        if (!found) {
            if (pairs.empty()) {
                return result;  // no descent even along the gradient: as far as float64 goes
            }
            pairs.clear();
            continue;
        }
        ++result.n_iter;
        Pair pair{next, next_gradient, 0};
        add_scaled(pair.s, -1, x);
        add_scaled(pair.y, -1, gradient);
        const double curvature = dot(pair.s, pair.y);
        if (curvature > epsilon * dot(pair.y, pair.y)) {
            pair.rho = 1 / curvature;
            pairs.push_back(std::move(pair));
            if (pairs.size() > memory) {
                pairs.pop_front();
            }
        }
        const double change = result.value - accepted.value;
        const double size = std::max({std::abs(result.value), std::abs(accepted.value), 1.0});
        x.swap(next);
        gradient.swap(next_gradient);
        result.value = accepted.value;
        if (change <= epsilon * size && ++stalled == max_stalled) {
            result.converged = true;  // the value no longer changes in float64
            return result;
        }
    }
    result.converged = largest(gradient) <= options.tol;
    return result;
}

}  // namespace emotion::linear
