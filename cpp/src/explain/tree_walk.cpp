#include "tree_walk.hpp"

namespace emotion::explain {
namespace {

constexpr double least_factor = 1e-300;  // below it no coalition reaches the node

struct Run {
    const NodeStep* steps;
    const std::uint32_t* events;
    const std::uint32_t* events_end;
    const Term* terms;
    const double* constants;
    std::size_t n_outputs;
    Points points;
    WalkMemory m;
};

// By reference: a vector of 64 bytes has no settled place in the calling convention.
static EMOTION_INLINE const LaneMemory& load(const double* p) { return *reinterpret_cast<const LaneMemory*>(p); }
static EMOTION_INLINE void store(double* p, const Lane& v) { *reinterpret_cast<LaneMemory*>(p) = v; }

// 1 in the lanes of rows that go to the first child, 0 elsewhere.
static EMOTION_INLINE void goes_first(const NodeStep& step, const float* x, Lane& out) {
    const FloatLane value = *reinterpret_cast<const FloatLaneMemory*>(x + step.feature * lanes);
    const IntLane missing = value != value;
    IntLane first = value <= step.threshold;
    first ^= IntLane{} - (step.first_is_right ? 1 : 0);
    first = (first & ~missing) | (missing & (IntLane{} - (step.missing_first ? 1 : 0)));
    out = -__builtin_convertvector(first, Lane);
}

// A node's condition: factors of the first child's edge, and what weights the difference of the children.
template <int Q>
static EMOTION_INLINE void condition(const NodeStep& step, const Run& run, std::size_t n) {
    const WalkMemory& m = run.m;
    const std::size_t level = step.level;
    double* const factor = m.factor + level * n * lanes;
    Lane first;
    goes_first(step, m.x, first);
    if (step.parent_level < 0) {
        store(m.open + level * lanes, first);
        store(m.excess + level * lanes, first - step.share);
        for (std::size_t q = 0; q < n; ++q) {
            store(factor + q * lanes, first * run.points.at[q] + step.share * run.points.complement[q]);
        }
        return;
    }
    const double* const product = m.product + level * n * lanes;
    double* const kernel = m.kernel + level * n * lanes;
    const Lane before = load(m.open + static_cast<std::size_t>(step.parent_level) * lanes);
    const Lane open = before * first;
    store(m.open + level * lanes, open);
    store(m.excess + level * lanes, Lane{} + 1.0);
    for (std::size_t q = 0; q < n; ++q) {
        const Lane known = before * run.points.at[q] + step.parent_share * run.points.complement[q];
        const Lane inverse = known > least_factor ? 1.0 / known : Lane{};
        const Lane relative = (open * run.points.at[q] + step.share * run.points.complement[q]) * inverse;
        store(factor + q * lanes, relative);
        store(kernel + q * lanes, load(product + q * lanes) * inverse * ((open - step.share) - (before - step.parent_share) * relative));
    }
}

template <int Q>
static EMOTION_INLINE void enter_first(const NodeStep& step, const Run& run, std::size_t n) {
    const double* const product = run.m.product + step.level * n * lanes;
    const double* const factor = run.m.factor + step.level * n * lanes;
    double* const next = run.m.product + (step.level + 1) * n * lanes;
    for (std::size_t q = 0; q < n; ++q) {
        store(next + q * lanes, load(product + q * lanes) * load(factor + q * lanes));
    }
}

template <int Q>
static EMOTION_INLINE void enter_second(const NodeStep& step, const Run& run, std::size_t n) {
    const double* const product = run.m.product + step.level * n * lanes;
    const double* const factor = run.m.factor + step.level * n * lanes;
    double* const next = run.m.product + (step.level + 1) * n * lanes;
    double* const open = run.m.open + step.level * lanes;
    const Lane before = step.parent_level < 0 ? Lane{} + 1.0 : load(run.m.open + static_cast<std::size_t>(step.parent_level) * lanes);
    store(open, before - load(open));
    for (std::size_t q = 0; q < n; ++q) {
        store(next + q * lanes, load(product + q * lanes) * (1.0 - load(factor + q * lanes)));
    }
}

// The contributions of a node's column: kernel times the difference of the children, summed over points; and the node's own result, the second
// child's plus factor times the difference (the factors of both edges add up to one).
template <int Q>
static EMOTION_INLINE void leave(const NodeStep& step, const Run& run, std::size_t n, const Term*& term, const double*& constant) {
    const WalkMemory& m = run.m;
    const double* const factor = m.factor + step.level * n * lanes;
    const double* const kernel = (step.parent_level < 0 ? m.product : m.kernel) + step.level * n * lanes;
    const Lane excess = load(m.excess + step.level * lanes);
    Lane total{};
    if (step.constants) {
        for (std::size_t q = 0; q < n; ++q) {
            total += load(kernel + q * lanes);
        }
    }
    const Term* const end = term + step.n_terms;
    for (; term != end; ++term) {
        double* const first = m.result + (step.slot * run.n_outputs + term->output) * n * lanes;
        const double* const second = first + run.n_outputs * n * lanes;
        Lane part{};
        switch (term->kind) {
            case TermKind::leaf_leaf: {
                const double base = constant[1];
                const double difference = constant[0] - constant[1];
                constant += 2;
                part = total * difference;
                for (std::size_t q = 0; q < n; ++q) {
                    store(first + q * lanes, load(factor + q * lanes) * difference + base);
                }
                break;
            }
            case TermKind::inner_leaf: {
                const double base = *constant++;
                for (std::size_t q = 0; q < n; ++q) {
                    const Lane difference = load(first + q * lanes) - base;
                    part += load(kernel + q * lanes) * difference;
                    store(first + q * lanes, load(factor + q * lanes) * difference + base);
                }
                break;
            }
            case TermKind::inner_none:
                for (std::size_t q = 0; q < n; ++q) {
                    const Lane difference = load(first + q * lanes);
                    part += load(kernel + q * lanes) * difference;
                    store(first + q * lanes, load(factor + q * lanes) * difference);
                }
                break;
            case TermKind::inner_inner:
                for (std::size_t q = 0; q < n; ++q) {
                    const Lane base = load(second + q * lanes);
                    const Lane difference = load(first + q * lanes) - base;
                    part += load(kernel + q * lanes) * difference;
                    store(first + q * lanes, load(factor + q * lanes) * difference + base);
                }
                break;
            case TermKind::none_inner:
                for (std::size_t q = 0; q < n; ++q) {
                    const Lane base = load(second + q * lanes);
                    part -= load(kernel + q * lanes) * base;
                    store(first + q * lanes, base - load(factor + q * lanes) * base);
                }
                break;
            case TermKind::none_leaf: {
                const double base = *constant++;
                part = -(total * base);
                for (std::size_t q = 0; q < n; ++q) {
                    store(first + q * lanes, base - load(factor + q * lanes) * base);
                }
                break;
            }
        }
        double* const sum = m.sum + (step.feature * run.n_outputs + term->output) * lanes;
        store(sum, load(sum) + part * excess);
    }
}

template <int Q>
static EMOTION_INLINE void run_tree(const Run& run) {
    const std::size_t n = Q > 0 ? static_cast<std::size_t>(Q) : run.points.n;
    for (std::size_t q = 0; q < n; ++q) {
        store(run.m.product + q * lanes, Lane{} + run.points.weight[q]);
    }
    const Term* term = run.terms;
    const double* constant = run.constants;
    for (const std::uint32_t* event = run.events; event != run.events_end; ++event) {
        const NodeStep& step = run.steps[*event / 4];
        switch (static_cast<Event>(*event % 4)) {
            case Event::enter:
                condition<Q>(step, run, n);
                enter_first<Q>(step, run, n);
                break;
            case Event::second: enter_second<Q>(step, run, n); break;
            case Event::leave: leave<Q>(step, run, n, term, constant); break;
            case Event::pair:
                condition<Q>(step, run, n);
                leave<Q>(step, run, n, term, constant);
                break;
        }
    }
}

EMOTION_CLONES void run_any(const Run& run) { run_tree<0>(run); }
EMOTION_CLONES void run_1(const Run& run) { run_tree<1>(run); }
EMOTION_CLONES void run_2(const Run& run) { run_tree<2>(run); }
EMOTION_CLONES void run_3(const Run& run) { run_tree<3>(run); }
EMOTION_CLONES void run_4(const Run& run) { run_tree<4>(run); }
EMOTION_CLONES void run_5(const Run& run) { run_tree<5>(run); }
EMOTION_CLONES void run_6(const Run& run) { run_tree<6>(run); }
EMOTION_CLONES void run_7(const Run& run) { run_tree<7>(run); }
EMOTION_CLONES void run_8(const Run& run) { run_tree<8>(run); }

}  // namespace

void walk(const Program& program, const TreeProgram& tree, const Points& points, const WalkMemory& memory) {
    const std::uint32_t* const events = program.events.data() + tree.events;
    const Run run{program.steps.data() + tree.steps, events, events + tree.n_events, program.terms.data() + tree.terms,
                  program.constants.data() + tree.constants, program.n_outputs, points, memory};
    switch (points.n) {
        case 1: return run_1(run);
        case 2: return run_2(run);
        case 3: return run_3(run);
        case 4: return run_4(run);
        case 5: return run_5(run);
        case 6: return run_6(run);
        case 7: return run_7(run);
        case 8: return run_8(run);
        default: return run_any(run);
    }
}

}  // namespace emotion::explain
