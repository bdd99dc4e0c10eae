#include "emotion/model_selection/class_spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/core/views.hpp"

namespace emotion::model_selection {
namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
constexpr std::size_t search_nodes = 200'000;    // of the depth-first search
constexpr std::size_t tabu_steps = 20'000;
constexpr std::size_t tabu_changes = 1'000'000;  // tried in all tabu steps
constexpr std::size_t even_changes = 1'000'000;  // tried to even the shares
constexpr std::size_t exchanges = 20'000;        // tried in one repair step

struct Cost {
    std::size_t empty = 0;
    std::size_t missing = 0;
    double deviation = 0;

    [[nodiscard]] bool lacks() const { return empty + missing > 0; }
    [[nodiscard]] bool less_lacking(const Cost& other) const { return std::tie(empty, missing) < std::tie(other.empty, other.missing); }
    // Deviations closer than rounding are equal, so that no exchange is made back and forth.
    [[nodiscard]] bool better(const Cost& other) const {
        return less_lacking(other) || (!other.less_lacking(*this) && deviation < other.deviation - 1e-12);
    }
};

// Group `group` goes to fold `to`; with `partner`, a group of that fold, the two change places.
struct Change {
    std::size_t group = none;
    std::size_t to = 0;
    std::size_t partner = none;
};

class Assignment {
public:
    Assignment(const ClassCounts& counts, std::size_t n_splits, std::span<const std::int64_t> fold)
        : counts_(&counts), folds_(n_splits), fold_(fold.begin(), fold.end()), groups_in_(n_splits, 0), rows_(counts.n_classes(), n_splits),
          groups_(counts.n_classes(), n_splits), squares_(counts.n_classes(), 0.0), wanted_(counts.n_classes(), 0) {
        for (std::size_t g = 0; g < counts.n_groups(); ++g) {
            const auto f = static_cast<std::size_t>(fold_[g]);
            ++groups_in_[f];
            for (const auto& [c, rows] : counts.group(g)) {
                rows_(c, f) += rows;
                ++groups_(c, f);
                ++wanted_[c];
            }
        }
        for (std::size_t c = 0; c < counts.n_classes(); ++c) {
            wanted_[c] = std::min(wanted_[c], folds_);
            std::size_t found = 0;
            for (std::size_t f = 0; f < folds_; ++f) {
                found += groups_(c, f) > 0 ? 1 : 0;
                squares_[c] += static_cast<double>(rows_(c, f)) * static_cast<double>(rows_(c, f));
            }
            cost_.missing += wanted_[c] - found;
            cost_.deviation += term(c);
        }
        cost_.empty = static_cast<std::size_t>(std::count(groups_in_.begin(), groups_in_.end(), std::size_t{0}));
    }

    [[nodiscard]] const Cost& cost() const { return cost_; }
    [[nodiscard]] std::size_t fold(std::size_t g) const { return static_cast<std::size_t>(fold_[g]); }
    [[nodiscard]] const std::vector<std::int64_t>& folds() const { return fold_; }
    [[nodiscard]] std::size_t wanted(std::size_t c) const { return wanted_[c]; }
    [[nodiscard]] bool has(std::size_t c, std::size_t f) const { return groups_(c, f) > 0; }
    [[nodiscard]] bool empty(std::size_t f) const { return groups_in_[f] == 0; }

    void apply(const Change& change) {
        const std::size_t from = fold(change.group);
        move(change.group, change.to);
        if (change.partner != none) {
            move(change.partner, from);
        }
    }

    // The cost after the change, which is undone; the deviation returns to the bit.
    Cost cost_after(const Change& change) {
        const std::size_t from = fold(change.group);
        const Cost before = cost_;
        apply(change);
        const Cost after = cost_;
        if (change.partner != none) {
            move(change.partner, change.to);
        }
        move(change.group, from);
        cost_ = before;
        return after;
    }

private:
    // sqrt(sum of squares / folds - mean^2) of the shares of class c over folds, divided by the number of classes; all sums below the root are integers.
    [[nodiscard]] double term(std::size_t c) const {
        const auto n = static_cast<double>(folds_);
        const auto total = static_cast<double>(counts_->total[c]);
        return std::sqrt(std::max(0.0, n * squares_[c] - total * total)) / (n * total * static_cast<double>(counts_->n_classes()));
    }

    void move(std::size_t g, std::size_t to) {
        const std::size_t from = fold(g);
        fold_[g] = static_cast<std::int64_t>(to);
        cost_.empty += --groups_in_[from] == 0 ? 1 : 0;
        cost_.empty -= groups_in_[to]++ == 0 ? 1 : 0;
        for (const auto& [c, rows] : counts_->group(g)) {
            cost_.missing += --groups_(c, from) == 0 ? 1 : 0;
            cost_.missing -= groups_(c, to)++ == 0 ? 1 : 0;
            cost_.deviation -= term(c);
            const double more = rows;
            squares_[c] += 2 * more * (static_cast<double>(rows_(c, to)) - static_cast<double>(rows_(c, from)) + more);
            rows_(c, from) -= rows;
            rows_(c, to) += rows;
            cost_.deviation += term(c);
        }
    }

    const ClassCounts* counts_;
    std::size_t folds_;
    std::vector<std::int64_t> fold_;
    std::vector<std::size_t> groups_in_;
    Matrix<std::int64_t> rows_;   // of (class, fold)
    Matrix<std::size_t> groups_;  // with the class, of (class, fold)
    std::vector<double> squares_;
    std::vector<std::size_t> wanted_;
    Cost cost_;
};

// Depth-first search over all assignments for the one that lacks least; folds are interchangeable, so a group opens at most one new fold.
class Exhaustive {
public:
    Exhaustive(const ClassCounts& counts, std::size_t n_splits, const Assignment& start, const StopToken& stop)
        : counts_(counts), folds_(n_splits), stop_(stop), order_(counts.n_groups()), fold_(counts.n_groups(), -1), best_fold_(start.folds()),
          best_(start.cost().empty + start.cost().missing), groups_(counts.n_classes(), n_splits), found_(counts.n_classes(), 0),
          left_(counts.n_classes(), 0), wanted_(counts.n_classes()) {
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return counts.group(a).size() > counts.group(b).size(); });
        for (const ClassCount& entry : counts.entries) {
            ++left_[entry.label];
        }
        for (std::size_t c = 0; c < counts.n_classes(); ++c) {
            wanted_[c] = start.wanted(c);
        }
    }

    // The best assignment found, and whether none better exists.
    std::pair<std::vector<std::int64_t>, bool> run() {
        visit(0, 0);
        return {best_fold_, nodes_ < search_nodes};
    }

private:
    [[nodiscard]] std::size_t bound(std::size_t depth, std::size_t opened) const {
        const std::size_t groups_left = order_.size() - depth;
        std::size_t lacking = folds_ - opened > groups_left ? folds_ - opened - groups_left : 0;
        for (std::size_t c = 0; c < wanted_.size(); ++c) {
            const std::size_t reachable = found_[c] + left_[c];
            lacking += wanted_[c] > reachable ? wanted_[c] - reachable : 0;
        }
        return lacking;
    }

    void visit(std::size_t depth, std::size_t opened) {
        if (best_ == 0 || ++nodes_ >= search_nodes || bound(depth, opened) >= best_) {
            return;
        }
        if (nodes_ % 1024 == 0) {
            stop_.check();
        }
        if (depth == order_.size()) {
            best_ = bound(depth, opened);
            best_fold_ = fold_;
            return;
        }
        const std::size_t g = order_[depth];
        for (std::size_t f = 0; f < std::min(folds_, opened + 1); ++f) {
            fold_[g] = static_cast<std::int64_t>(f);
            for (const auto& entry : counts_.group(g)) {
                found_[entry.label] += groups_(entry.label, f)++ == 0 ? 1 : 0;
                --left_[entry.label];
            }
            visit(depth + 1, std::max(opened, f + 1));
            for (const auto& entry : counts_.group(g)) {
                found_[entry.label] -= --groups_(entry.label, f) == 0 ? 1 : 0;
                ++left_[entry.label];
            }
        }
    }

    const ClassCounts& counts_;
    std::size_t folds_;
    const StopToken& stop_;
    std::vector<std::size_t> order_;
    std::vector<std::int64_t> fold_, best_fold_;
    std::size_t best_;
    Matrix<std::size_t> groups_;
    std::vector<std::size_t> found_, left_, wanted_;
    std::size_t nodes_ = 0;
};

class Repair {
public:
    Repair(const ClassCounts& counts, std::size_t n_splits, std::span<const std::int64_t> fold, const StopToken& stop)
        : counts_(counts), folds_(n_splits), stop_(stop), now_(counts, n_splits, fold), with_class_(counts.n_classes()) {
        for (std::size_t g = 0; g < counts.n_groups(); ++g) {
            for (const auto& entry : counts.group(g)) {
                with_class_[entry.label].push_back(g);
            }
        }
    }

    std::vector<std::int64_t> run() {
        if (!now_.cost().lacks()) {
            return now_.folds();
        }
        descend();
        if (now_.cost().lacks() && counts_.n_groups() <= 1000) {  // one level of recursion a group
            auto [fold, proven] = Exhaustive(counts_, folds_, now_, stop_).run();
            now_ = Assignment(counts_, folds_, fold);
            if (!proven) {
                tabu();
            }
        }
        even();
        return now_.folds();
    }

private:
    // Calls try_change(change) for the moves, and up to `limit` exchanges, that bring a group to a fold that lacks one of its classes or is empty.
    template <class F>
    void each_repair(std::size_t limit, F&& try_change) {
        for (std::size_t f = 0; f < folds_; ++f) {
            if (now_.empty(f)) {
                for (std::size_t g = 0; g < counts_.n_groups(); ++g) {
                    try_change(Change{g, f, none});
                }
            }
        }
        std::size_t left = limit;
        for (std::size_t c = 0; c < counts_.n_classes(); ++c) {
            for (std::size_t f = 0; f < folds_; ++f) {
                if (now_.has(c, f) || now_.wanted(c) == 0) {
                    continue;
                }
                for (const std::size_t g : with_class_[c]) {
                    try_change(Change{g, f, none});
                    for (std::size_t h = 0; h < counts_.n_groups() && left > 0; ++h) {
                        if (now_.fold(h) == f && h != g) {
                            --left;
                            try_change(Change{g, f, h});
                        }
                    }
                }
            }
        }
    }

    void descend() {
        for (;;) {
            stop_.check();
            Cost best_cost = now_.cost();
            Change best;
            each_repair(exchanges, [&](const Change& change) {
                const Cost cost = now_.cost_after(change);
                if (cost.less_lacking(now_.cost()) && cost.better(best_cost)) {
                    best_cost = cost;
                    best = change;
                }
            });
            if (best.group == none) {
                return;
            }
            now_.apply(best);
        }
    }

    void tabu() {
        RandomStream random(0, Purpose::split, counts_.n_groups(), folds_);
        std::vector<std::size_t> free_at(counts_.n_groups(), 0);
        Assignment best = now_;
        std::size_t tried = 0;
        for (std::size_t step = 0; step < tabu_steps && tried < tabu_changes && best.cost().lacks(); ++step) {
            stop_.check();
            Change chosen;
            Cost chosen_cost;
            each_repair(200, [&](const Change& change) {
                ++tried;
                const Cost cost = now_.cost_after(change);
                const bool is_free = free_at[change.group] <= step && (change.partner == none || free_at[change.partner] <= step);
                if ((is_free || cost.less_lacking(best.cost())) && (chosen.group == none || cost.better(chosen_cost))) {
                    chosen = change;
                    chosen_cost = cost;
                }
            });
            if (chosen.group == none) {
                continue;
            }
            now_.apply(chosen);
            for (const std::size_t g : {chosen.group, chosen.partner}) {
                if (g != none) {
                    free_at[g] = step + 2 + random.below(8);
                }
            }
            if (now_.cost().less_lacking(best.cost())) {
                best = now_;
            }
        }
        now_ = best;
    }

    // First improvement over moves and exchanges until none is left, or enough were tried.
    void even() {
        std::size_t tried = 0;
        const std::size_t budget = std::min(even_changes, 20'000 + 50 * counts_.n_groups());
        bool improved = true;
        const auto keep_if_better = [&](const Change& change) {
            ++tried;
            if (now_.cost_after(change).better(now_.cost())) {
                now_.apply(change);
                improved = true;
            }
        };
        while (improved && tried < budget) {
            improved = false;
            for (std::size_t g = 0; g < counts_.n_groups() && tried < budget; ++g) {
                stop_.check();
                for (std::size_t f = 0; f < folds_; ++f) {
                    if (f != now_.fold(g)) {
                        keep_if_better({g, f, none});
                    }
                }
                for (std::size_t h = g + 1; h < counts_.n_groups() && tried < budget; ++h) {
                    if (now_.fold(h) != now_.fold(g)) {
                        keep_if_better({g, now_.fold(h), h});
                    }
                }
            }
        }
    }

    const ClassCounts& counts_;
    std::size_t folds_;
    const StopToken& stop_;
    Assignment now_;
    std::vector<std::vector<std::size_t>> with_class_;
};

void check(const ClassCounts& counts, std::span<const std::int64_t> fold, std::size_t n_splits) {
    if (n_splits < 1 || n_splits > counts.n_groups() || fold.size() != counts.n_groups()) {
        throw InvalidInputError("n_splits", "spread_classes", "between 1 and the number of groups, " + std::to_string(counts.n_groups()), std::to_string(n_splits));
    }
    for (const std::int64_t f : fold) {
        if (f < 0 || f >= static_cast<std::int64_t>(n_splits)) {
            throw InvalidInputError("fold", "spread_classes", "from 0 to below " + std::to_string(n_splits), std::to_string(f));
        }
    }
}

}  // namespace

ClassSpread class_spread(const ClassCounts& counts, std::span<const std::int64_t> fold, std::size_t n_splits) {
    check(counts, fold, n_splits);
    Matrix<unsigned char> has(counts.n_classes(), n_splits);
    std::vector<std::size_t> groups(counts.n_classes(), 0);
    std::vector<unsigned char> filled(n_splits, 0);
    ClassSpread spread{n_splits, 0};
    for (std::size_t g = 0; g < counts.n_groups(); ++g) {
        const auto f = static_cast<std::size_t>(fold[g]);
        spread.empty_folds -= filled[f] == 0 ? 1 : 0;
        filled[f] = 1;
        for (const auto& entry : counts.group(g)) {
            ++groups[entry.label];
            has(entry.label, f) = 1;
        }
    }
    for (std::size_t c = 0; c < counts.n_classes(); ++c) {
        const auto row = has.row(c);
        spread.missing += std::min(groups[c], n_splits) - static_cast<std::size_t>(std::count(row.begin(), row.end(), 1));
    }
    return spread;
}

void spread_classes(const ClassCounts& counts, std::size_t n_splits, std::vector<std::int64_t>& fold, const StopToken& stop) {
    const ClassSpread spread = class_spread(counts, fold, n_splits);
    if (spread.empty_folds + spread.missing > 0) {
        fold = Repair(counts, n_splits, fold, stop).run();
    }
}

}  // namespace emotion::model_selection
