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
        if (std::isnan(x)) {
            return x;  // which no tolerance meets
        }
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

// Bracketing, then zoom: proposes a step, takes what was found there, until a step is accepted or none decreases.
class LineSearch {
public:
    LineSearch(const Trial& start, double first_step)
        : start_(start), low_(start), slack_(8 * epsilon * std::max(std::abs(start.value), 1e-300)), step_(first_step) {}

    [[nodiscard]] bool open() const { return state_ == State::open || state_ == State::settled; }
    [[nodiscard]] bool found() const { return state_ == State::found; }
    [[nodiscard]] double step() const { return step_; }

    void take(const Trial& trial) {
        if (state_ == State::settled || accepts(trial)) {
            state_ = State::found;
            return;
        }
        narrow(trial);
        const bool thin = bracketed_ && std::abs(high_.step - low_.step) <= epsilon * std::max(1.0, std::abs(low_.step));
        if (++tries_ == max_line_search || thin) {
            state_ = low_.step > 0 ? State::settled : State::failed;
            step_ = low_.step;
        }
    }

private:
    enum class State { open, settled, found, failed };  // settled: the lowest trial is looked at once more and taken

    static bool finite(const Trial& t) { return std::isfinite(t.value) && std::isfinite(t.slope); }
    [[nodiscard]] bool decreases(const Trial& t) const { return t.value <= start_.value + c1 * t.step * start_.slope + slack_; }
    [[nodiscard]] bool accepts(const Trial& t) const { return finite(t) && decreases(t) && std::abs(t.slope) <= -c2 * start_.slope; }

    void narrow(const Trial& trial) {
        if (!finite(trial) || !decreases(trial) || (low_.step > 0 && trial.value >= low_.value + slack_)) {
            high_ = trial;
            bracketed_ = true;
        } else {
            if (bracketed_ ? trial.slope * (high_.step - low_.step) >= 0 : trial.slope >= 0) {
                high_ = low_;
                bracketed_ = true;
            }
            low_ = trial;
        }
        if (!bracketed_) {
            step_ *= 4;
        } else {
            step_ = finite(trial) ? interpolate(low_, high_) : low_.step + (high_.step - low_.step) / 2;
        }
    }

    Trial start_, low_, high_;
    double slack_;
    double step_;
    int tries_ = 0;
    bool bracketed_ = false;
    State state_ = State::open;
};

// The pair of a step from x to next, where its curvature is enough.
void remember(std::deque<Pair>& pairs, const std::vector<double>& x, const std::vector<double>& gradient, const std::vector<double>& next,
              const std::vector<double>& next_gradient) {
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
}

}  // namespace

Minimization minimization_by_lbfgs(std::vector<double>& x, LbfgsOptions options) {
    LbfgsResult result;
    std::vector<double> gradient(x.size());
    result.value = co_await Minimization::Request{&x, &gradient};
    std::deque<Pair> pairs;
    int stalled = 0;
    double violation = largest(gradient);
    double best_violation = violation;
    std::vector<double> next(x.size());
    std::vector<double> next_gradient(x.size());
    while (violation > options.tol && result.n_iter < options.max_iter) {
        std::vector<double> d = direction_of(pairs, gradient);
        double slope = dot(d, gradient);
        if (!(slope < 0)) {
            pairs.clear();
            d = direction_of(pairs, gradient);
            slope = dot(d, gradient);
        }
        LineSearch search({0, result.value, slope}, pairs.empty() ? std::min(1.0, 1.0 / std::sqrt(-slope)) : 1.0);
        double value = result.value;
        while (search.open()) {
            next = x;
            add_scaled(next, search.step(), d);
            value = co_await Minimization::Request{&next, &next_gradient};
            search.take({search.step(), value, dot(next_gradient, d)});
        }
        if (!search.found()) {
            if (pairs.empty()) {
                co_return result;  // no descent even along the gradient: as far as float64 goes
            }
            pairs.clear();
            continue;
        }
        ++result.n_iter;
        remember(pairs, x, gradient, next, next_gradient);
        const double change = result.value - value;
        const double size = std::max({std::abs(result.value), std::abs(value), 1.0});
        x.swap(next);
        gradient.swap(next_gradient);
        result.value = value;
        violation = largest(gradient);
        if (violation < best_violation) {
            best_violation = violation;
            stalled = 0;
        } else if (change <= epsilon * size && ++stalled == max_stalled) {
            result.converged = true;  // neither the value nor the gradient gets smaller in float64
            co_return result;
        }
    }
    result.converged = violation <= options.tol;
    co_return result;
}

LbfgsResult minimize_lbfgs(std::vector<double>& x, const Evaluate& evaluate, const LbfgsOptions& options) {
    return minimization_by_lbfgs(x, options).run(evaluate);
}

}  // namespace emotion::linear
