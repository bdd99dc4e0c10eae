#include "step_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/memory.hpp"

namespace emotion::runtime {
namespace {

constexpr std::size_t block_rows = preprocessing::moments_block_rows;
constexpr std::size_t imputer_columns = 16;  // gathered together, so that a row's cache line serves several

// Calls fn(begin, block) for blocks of transformed rows, in order.
template <class T, class Fn>
void for_blocks(const TrainingRows<T>& rows, StopToken& stop, Fn&& fn) {
    std::vector<T> buffer(std::min(block_rows, rows.rows.size()) * rows.columns.size());
    for (std::size_t begin = 0; begin < rows.rows.size(); begin += block_rows) {
        stop.check();
        const std::size_t end = std::min(rows.rows.size(), begin + block_rows);
        rows.read(begin, end, buffer.data());
        fn(begin, MatrixView<const T>{buffer.data(), end - begin, rows.columns.size()});
    }
}

template <class T>
class StepFit {
public:
    StepFit(TrainingRows<T>& rows, std::span<const std::int32_t> classes, std::vector<FittedStep>& fitted, Parallel& parallel, StopToken& stop)
        : rows_(rows), classes_(classes), fitted_(fitted), parallel_(parallel), stop_(stop) {}

    void operator()(const ScalerSpec& spec) {
        preprocessing::Moments moments(rows_.columns.size());
        for_blocks(rows_, stop_, [&](std::size_t begin, MatrixView<const T> block) {
            const std::span<const double> weights = rows_.weights;
            moments.add_block(block, weights.empty() ? weights : weights.subspan(begin, block.rows));
        });
        preprocessing::StandardScaler scaler = preprocessing::finish_scaler(moments, spec.with_mean, spec.with_std);
        ColumnStage stage;
        stage.scaler = scaler;
        rows_.stages.push_back(std::move(stage));
        fitted_.emplace_back(std::move(scaler));
    }

    void operator()(const preprocessing::ImputerOptions& options) {
        preprocessing::SimpleImputer imputer;
        const std::size_t width = rows_.columns.size();
        const std::size_t n = rows_.rows.size();
        imputer.statistics.resize(width);
        std::vector<T> buffer(imputer_columns * n);
        for (std::size_t begin = 0; begin < width; begin += imputer_columns) {
            stop_.check();
            const std::size_t end = std::min(width, begin + imputer_columns);
            for (std::size_t p = 0; p < n; ++p) {
                for (std::size_t c = begin; c < end; ++c) {
                    buffer[(c - begin) * n + p] = rows_.at(p, c);
                }
            }
            for (std::size_t c = begin; c < end; ++c) {
                imputer.statistics[c] = preprocessing::impute_statistic(std::span<T>(buffer).subspan((c - begin) * n, n), options);
            }
        }
        ColumnStage stage;
        stage.fills = true;
        stage.fill = imputer.statistics;
        rows_.stages.push_back(std::move(stage));
        const std::vector<std::int32_t> kept = imputer.kept_columns();
        if (kept.empty()) {
            throw InvalidInputError("X", "SimpleImputer.fit", "a matrix with a value in some column", "only missing values");
        }
        rows_.select(kept);
        fitted_.emplace_back(std::move(imputer));
    }

    void operator()(const SelectorSpec& spec) {
        const std::size_t width = rows_.columns.size();
        std::vector<std::int32_t> kept(width);
        if (spec.k && *spec.k < width) {
            kept = best_columns(*spec.k);
        } else {
            best_columns(width);  // for its refusals
            std::iota(kept.begin(), kept.end(), 0);
        }
        rows_.select(kept);
        fitted_.emplace_back(ColumnSelection{std::move(kept)});
    }

    void operator()(const sampling::OverSamplerOptions& options) {
        sampling::OverSamplerOptions own = options;
        check_classes("RandomOverSampler.fit_resample");
        own.counts = own_counts(options, "RandomOverSampler.fit_resample");
        rows_.take(sampling::random_over_sample(rows_.labels, classes_.size(), own));
    }

    void operator()(const sampling::UnderSamplerOptions& options) {
        sampling::UnderSamplerOptions own = options;
        check_classes("RandomUnderSampler.fit_resample");
        own.counts = own_counts(options, "RandomUnderSampler.fit_resample");
        rows_.take(sampling::random_under_sample(rows_.labels, classes_.size(), own));
    }

    void operator()(const sampling::SmoteOptions& options) {
        sampling::SmoteOptions own = options;
        check_classes(options.caller());
        own.counts = own_counts(options, options.caller());
        const std::vector<std::int64_t> wanted =
            sampling::rows_to_add(sampling::ClassRows(rows_.labels, classes_.size()).counts, own, options.caller());
        check_memory(rows_.rows.size() + static_cast<std::size_t>(std::accumulate(wanted.begin(), wanted.end(), std::int64_t{0})),
                     rows_.columns.size() * sizeof(T), "sampling_strategy", options.caller(), "the rows of the result");
        rows_.detach(static_cast<std::size_t>(std::accumulate(wanted.begin(), wanted.end(), std::int64_t{0})));
        if (!std::all_of(rows_.own.begin(), rows_.own.end(), [](T v) { return std::isfinite(v); })) {
            throw InvalidInputError("X", options.caller(), "free of NaN and infinity", "NaN or infinity");
        }
        const std::span<const std::int32_t> shared = options.within == sampling::Within::groups ? rows_.groups : rows_.speaker;
        const sampling::SyntheticRows made = sampling::plan_synthetic_rows(rows_.x, rows_.labels, classes_.size(), shared, own, parallel_, stop_);
        const std::size_t n = rows_.rows.size();
        const std::size_t width = rows_.columns.size();
        rows_.own.resize((n + made.base.size()) * width);
        rows_.attach();
        sampling::write_synthetic_rows(rows_.x, made, MatrixView<T>{rows_.own.data() + n * width, made.base.size(), width}, parallel_, stop_);
        rows_.labels.insert(rows_.labels.end(), made.label.begin(), made.label.end());
        for (std::size_t i = 0; i < made.base.size(); ++i) {
            const auto base = static_cast<std::size_t>(made.base[i]);
            const auto neighbour = static_cast<std::size_t>(made.neighbour[i]);
            if (!rows_.weights.empty()) {
                rows_.weights.push_back(rows_.weights[base]);
            }
            for (std::vector<std::int32_t>* const codes : {&rows_.groups, &rows_.speaker}) {
                if (!codes->empty()) {
                    codes->push_back((*codes)[base] == (*codes)[neighbour] ? (*codes)[base] : -1);
                }
            }
        }
    }

private:
    void check_classes(const char* caller) const {
        if (classes_.size() < 2) {
            throw InvalidInputError("y", caller, "labels of more than one class", "1 class");
        }
    }

    // Wanted counts of the global classes as those of the fold's classes.
    std::vector<std::int64_t> own_counts(const sampling::Targets& targets, const char* caller) const {
        std::vector<std::int64_t> counts(classes_.size(), -1);
        for (std::size_t g = 0; g < targets.counts.size(); ++g) {
            if (targets.counts[g] < 0) {
                continue;
            }
            const auto found = std::lower_bound(classes_.begin(), classes_.end(), static_cast<std::int32_t>(g));
            if (found == classes_.end() || *found != static_cast<std::int32_t>(g)) {
                throw InvalidInputError("sampling_strategy", caller, "about classes that are present in the data",
                                        "a class that has no training row in a fold");
            }
            counts[static_cast<std::size_t>(found - classes_.begin())] = targets.counts[g];
        }
        return counts;
    }

    std::vector<std::int32_t> best_columns(std::size_t k) {
        if (classes_.size() < 2) {
            throw InvalidInputError("y", "SelectKBest.fit", "labels of at least two classes", "one class");
        }
        preprocessing::AnovaSums sums(rows_.columns.size(), classes_.size());
        const std::span<const std::int32_t> labels = rows_.labels;
        for_blocks(rows_, stop_, [&](std::size_t begin, MatrixView<const T> block) {
            if (!std::all_of(block.data, block.data + block.size(), [](T v) { return std::isfinite(v); })) {
                throw InvalidInputError("X", "SelectKBest.fit", "free of NaN and infinity", "NaN or infinity");
            }
            sums.add_first(block, labels.subspan(begin, block.rows));
        });
        sums.between_passes(preprocessing::class_counts(labels, classes_.size()));
        for_blocks(rows_, stop_, [&](std::size_t begin, MatrixView<const T> block) { sums.add_second(block, labels.subspan(begin, block.rows)); });
        return preprocessing::k_best(sums.scores(), k);
    }

    TrainingRows<T>& rows_;
    std::span<const std::int32_t> classes_;
    std::vector<FittedStep>& fitted_;
    Parallel& parallel_;
    StopToken& stop_;
};

}  // namespace

template <class T>
void fit_step(const StepSpec& spec, TrainingRows<T>& rows, std::span<const std::int32_t> classes, std::vector<FittedStep>& fitted,
              Parallel& parallel, StopToken& stop) {
    std::visit(StepFit<T>(rows, classes, fitted, parallel, stop), spec);
}

template void fit_step(const StepSpec&, TrainingRows<float>&, std::span<const std::int32_t>, std::vector<FittedStep>&, Parallel&, StopToken&);
template void fit_step(const StepSpec&, TrainingRows<double>&, std::span<const std::int32_t>, std::vector<FittedStep>&, Parallel&, StopToken&);

}  // namespace emotion::runtime
