#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "emotion/core/errors.hpp"
#include "emotion/model_selection/fold_rows.hpp"
#include "emotion/runtime/fold_loop.hpp"
#include "fold_plan.hpp"
#include "fold_state.hpp"

namespace emotion::runtime {
namespace {

constexpr std::size_t test_block_rows = 64;

// Refuses test rows that the steps and the classifier would refuse one after another: the loop then raises where `fit` and `predict_proba` do.
template <class T>
void check_test_rows(const FittedPipeline& pipeline, const std::string& name, MatrixView<const T> x) {
    const bool linear = std::holds_alternative<linear::LogisticModel>(pipeline.estimator);
    const std::string caller = name + ".predict_proba";
    const char* const refuses = pipeline.refuses_missing(caller.c_str());
    if (refuses != nullptr && std::any_of(x.data, x.data + x.size(), [](T value) { return std::isnan(value); })) {
        throw InvalidInputError("X", refuses, "free of NaN", "NaN in a test row");
    }
    if (std::is_same_v<T, float> && pipeline.steps.empty()) {
        return;  // the matrix as it was given, which holds no infinity
    }
    Matrix<T> seen(x.rows, pipeline.n_features_out());
    pipeline.transform(x, seen.view());
    const auto too_large = [linear](T value) { return std::isinf(linear ? static_cast<double>(value) : static_cast<double>(static_cast<float>(value))); };
    if (std::any_of(seen.values.begin(), seen.values.end(), too_large)) {
        throw InvalidInputError("X", caller, "free of infinity and of values too large for float32", "such a value in a test row");
    }
}

template <class T>
void predict_rows(const LearningData<T>& data, const FoldFit& fit, std::span<const std::int64_t> test, Matrix<double>& out, Parallel& parallel,
                  StopToken& stop) {
    const PipelinePredictor predictor(fit.pipeline);
    parallel.blocks(test.size(), test_block_rows, [&](std::size_t begin, std::size_t end) {
        stop.check();
        const std::size_t n = end - begin;
        std::vector<T> block(n * data.x.cols);
        for (std::size_t i = 0; i < n; ++i) {
            const T* const row = data.x.data + static_cast<std::size_t>(test[begin + i]) * data.x.cols;
            std::copy(row, row + data.x.cols, block.begin() + static_cast<std::ptrdiff_t>(i * data.x.cols));
        }
        check_test_rows(fit.pipeline, fit.classifier, MatrixView<const T>{block.data(), n, data.x.cols});
        Matrix<double> local(n, fit.classes.size());
        predictor.predict_proba(MatrixView<const T>{block.data(), n, data.x.cols}, local.view());
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t k = 0; k < fit.classes.size(); ++k) {
                out(begin + i, static_cast<std::size_t>(fit.classes[k])) = local(i, k);
            }
        }
    });
}

void check_part(std::span<const std::int64_t> part, std::size_t n_rows, const char* name) {
    if (part.empty()) {
        throw InvalidInputError(name, "run_folds", "parts with at least one row", "an empty part");
    }
    for (const std::int64_t row : part) {
        if (row < 0 || static_cast<std::size_t>(row) >= n_rows) {
            throw InvalidInputError(name, "run_folds", "row numbers from 0 to " + std::to_string(n_rows - 1), std::to_string(row));
        }
    }
}

// The first trees of a forest, or rounds of a boosting model.
template <class Trees>
Trees first_trees(const Trees& all, std::size_t n_trees) {
    Trees some = all;
    some.tree_offsets.resize(n_trees + 1);
    const auto n_nodes = static_cast<std::size_t>(some.tree_offsets.back());
    const std::size_t width = all.value.size() / all.n_nodes();
    const auto cut = [](auto& values, std::size_t size) {
        values.resize(size);
        values.shrink_to_fit();
    };
    cut(some.feature, n_nodes);
    cut(some.threshold, n_nodes);
    cut(some.left, n_nodes);
    cut(some.right, n_nodes);
    cut(some.missing_left, n_nodes);
    cut(some.cover, n_nodes);
    cut(some.value, n_nodes * width);
    if constexpr (std::is_same_v<Trees, trees::Forest>) {
        cut(some.impurity, n_nodes);
    } else {
        cut(some.gain, n_nodes);
    }
    return some;
}

// The smaller model whose n_estimators `spec` names, out of the larger one.
FoldFit beginning(const FoldFit& all, const EstimatorSpec& spec) {
    FoldFit some{{all.pipeline.n_features_in, all.pipeline.steps, {}}, all.classes, all.converged, all.classifier};
    const auto size = static_cast<std::size_t>(size_of(spec));
    if (const auto* const forest = std::get_if<trees::Forest>(&all.pipeline.estimator)) {
        some.pipeline.estimator = first_trees(*forest, size);
    } else {
        const auto& boosting = std::get<trees::Boosting>(all.pipeline.estimator);
        some.pipeline.estimator = first_trees(boosting, size * boosting.trees_per_round());
    }
    return some;
}

void check_runs(std::size_t n_rows, std::size_t n_specs, std::span<const Fold> folds) {
    for (const Fold& fold : folds) {
        check_part(fold.test, n_rows, "test");
        if (!fold.rest) {
            check_part(fold.train, n_rows, "train");
        } else if (fold.test.size() >= n_rows) {
            throw InvalidInputError("train", "run_folds", "parts with at least one row", "an empty part");
        }
        if (fold.spec >= n_specs) {
            throw InvalidInputError("folds", "run_folds", "fitted with one of the " + std::to_string(n_specs) + " pipelines",
                                    std::to_string(fold.spec));
        }
    }
}

// All runs of one call. Groups are taken in waves: the prefixes of a wave are fitted first, then its tasks, any of any group.
template <class T>
class RunLoop {
public:
    RunLoop(const LearningData<T>& data, std::span<const PipelineSpec> specs, std::span<const Fold> folds, Parallel& parallel, StopToken& stop)
        : data_(data), specs_(specs), folds_(folds), parallel_(parallel), stop_(stop), plan_(plan_folds(specs, folds)) {}

    FoldResults run() {
        results_.probability.resize(folds_.size());
        results_.converged.resize(folds_.size());
        std::size_t largest = 1;
        for (const Fold& fold : folds_) {
            largest = std::max(largest, n_training(fold));
        }
        forest_ = std::any_of(specs_.begin(), specs_.end(), [](const PipelineSpec& s) { return std::holds_alternative<ForestSpec>(s.estimator); });
        if (forest_) {
            codes_ = trees::RankCodes::build(data_.x, parallel_, stop_);
        }
        affordable_ = forest_ ? 2 : std::max<std::size_t>(1, scratch_bytes / (largest * data_.x.cols * sizeof(T)));
        states_.resize(plan_.size());
        shared_.resize(plan_.size());
        for (std::size_t begin = 0; begin < plan_.size();) {
            const std::size_t end = wave_end(begin);
            run_wave(begin, end);
            begin = end;
        }
        return std::move(results_);
    }

private:
    [[nodiscard]] std::size_t n_training(const Fold& fold) const { return fold.rest ? data_.x.rows - fold.test.size() : fold.train.size(); }
    [[nodiscard]] const PipelineSpec& spec_of(std::size_t run) const { return specs_[folds_[run].spec]; }

    // Groups from `begin` on whose prefixes fit into scratch_bytes together; at least one.
    [[nodiscard]] std::size_t wave_end(std::size_t begin) const {
        std::size_t bytes = 0;
        std::size_t end = begin;
        do {
            for (const Prefix& prefix : plan_[end].prefixes) {
                const std::span<const StepSpec> steps = std::span(spec_of(prefix.run).steps).first(prefix.depth);
                const bool copied = std::any_of(steps.begin(), steps.end(), [](const StepSpec& s) { return std::holds_alternative<sampling::SmoteOptions>(s); });
                const std::size_t a_row = 6 * sizeof(std::int32_t) + (copied ? 2 * data_.x.cols * sizeof(T) : 0);
                bytes += n_training(folds_[prefix.run]) * a_row;
            }
            for (std::size_t p = 0; p < plan_[end].prefixes.size(); ++p) {  // rows that its classifiers share: dense ones, and float ones with their bins
                const std::size_t a_row = data_.x.cols * (sizeof(T) + sizeof(float) + 1);
                bytes += classifiers_behind(end, p).size() > 1 ? n_training(folds_[plan_[end].prefixes[p].run]) * a_row : 0;
            }
            ++end;
        } while (end < plan_.size() && bytes < scratch_bytes);
        return end;
    }

    // As many threads as may work at once take numbers until all are done.
    template <class Work>
    void each_in_flight(std::size_t n, Work&& work) {
        const std::size_t in_flight = std::min({affordable_, n, static_cast<std::size_t>(parallel_.n_threads())});
        std::atomic<std::size_t> next{0};
        parallel_.each(in_flight, [&](std::size_t) {
            for (std::size_t i = next++; i < n; i = next++) {
                stop_.check();
                work(i);
            }
        });
    }

    void run_wave(std::size_t begin, std::size_t end) {
        each_in_flight(end - begin, [&](std::size_t i) {
            fit_prefixes(begin + i);
            share(begin + i);
        });
        std::vector<std::pair<std::size_t, const FitTask*>> tasks;
        for (std::size_t g = begin; g < end; ++g) {
            for (const FitTask& task : plan_[g].tasks) {
                tasks.emplace_back(g, &task);
            }
        }
        each_in_flight(tasks.size(), [&](std::size_t i) { run_task(tasks[i].first, *tasks[i].second); });
        for (std::size_t g = begin; g < end; ++g) {
            std::vector<FoldState<T>>().swap(states_[g]);
            std::vector<SharedRows<T>>().swap(shared_[g]);
        }
    }

    [[nodiscard]] FoldState<T> start(const Fold& fold) const {
        if (!fold.rest) {
            return start_fold(data_, fold.train);
        }
        std::vector<std::int64_t> others(n_training(fold));
        model_selection::other_rows(fold.test, data_.x.rows, others);
        return start_fold(data_, std::span<const std::int64_t>(others));
    }

    // The state behind the first `depth` steps of a run, from a prefix on.
    [[nodiscard]] FoldState<T> state_behind(std::size_t g, std::size_t prefix, std::size_t run, std::size_t depth) {
        FoldState<T> state = prefix == no_prefix ? start(folds_[run]) : states_[g][prefix];
        const std::size_t done = prefix == no_prefix ? 0 : plan_[g].prefixes[prefix].depth;
        const PipelineSpec& spec = spec_of(run);
        fit_steps(state, std::span<const StepSpec>(spec.steps).subspan(done, depth - done), class_name(spec.estimator), parallel_, stop_);
        return state;
    }

    void fit_prefixes(std::size_t g) {
        states_[g].reserve(plan_[g].prefixes.size());
        for (const Prefix& prefix : plan_[g].prefixes) {
            states_[g].push_back(state_behind(g, prefix.parent, prefix.run, prefix.depth));
        }
    }

    // The logistic regressions and boosting models that are fitted on the rows behind a prefix as they are.
    [[nodiscard]] std::vector<const EstimatorSpec*> classifiers_behind(std::size_t g, std::size_t prefix) const {
        std::vector<const EstimatorSpec*> found;
        for (const FitTask& task : plan_[g].tasks) {
            const PipelineSpec& spec = spec_of(task.runs.back());
            const bool at_end = task.prefix == prefix && plan_[g].prefixes[prefix].depth == spec.steps.size();
            if (at_end && !std::holds_alternative<ForestSpec>(spec.estimator)) {
                found.push_back(&spec.estimator);
            }
        }
        return found;
    }

    void share(std::size_t g) {
        for (std::size_t p = 0; p < plan_[g].prefixes.size(); ++p) {
            shared_[g].push_back(share_rows<T>(states_[g][p], classifiers_behind(g, p), parallel_, stop_));
        }
    }

    void run_task(std::size_t g, const FitTask& task) {
        const std::size_t largest = task.runs.back();
        const PipelineSpec& spec = spec_of(largest);
        std::optional<FoldState<T>> own;
        if (task.prefix == no_prefix || plan_[g].prefixes[task.prefix].depth < spec.steps.size()) {
            own.emplace(state_behind(g, task.prefix, largest, spec.steps.size()));
        }
        const FoldFit fit = finish_fold<T>(own ? *own : states_[g][task.prefix], data_.x.cols, forest_ ? &codes_ : nullptr, spec.estimator,
                                           own ? nullptr : &shared_[g][task.prefix], parallel_, stop_);
        for (const std::size_t run : task.runs) {
            const EstimatorSpec& estimator = spec_of(run).estimator;
            const bool whole = size_of(estimator) == size_of(spec.estimator);
            predict(whole ? fit : beginning(fit, estimator), run);
            if (run != largest) {
                stop_.advance(static_cast<std::uint64_t>(size_of(estimator)));  // trees or rounds that needed no fit
            } else if (std::holds_alternative<linear::LogisticOptions>(estimator)) {
                stop_.advance();
            }
        }
    }

    void predict(const FoldFit& fit, std::size_t run) {
        Matrix<double> probability(folds_[run].test.size(), data_.n_classes);
        predict_rows(data_, fit, folds_[run].test, probability, parallel_, stop_);
        results_.probability[run] = std::move(probability);
        results_.converged[run] = fit.converged ? 1 : 0;
    }

    const LearningData<T>& data_;
    std::span<const PipelineSpec> specs_;
    std::span<const Fold> folds_;
    Parallel& parallel_;
    StopToken& stop_;
    std::vector<FoldGroup> plan_;
    std::vector<std::vector<FoldState<T>>> states_;  // a group: one a prefix, while its wave runs
    std::vector<std::vector<SharedRows<T>>> shared_; // the same: what several of its classifiers read
    trees::RankCodes codes_;
    bool forest_ = false;
    std::size_t affordable_ = 1;
    FoldResults results_;
};

}  // namespace

template <class T>
FoldResults run_folds(const LearningData<T>& data, std::span<const PipelineSpec> specs, std::span<const Fold> folds, Parallel& parallel,
                      StopToken& stop) {
    check_runs(data.x.rows, specs.size(), folds);
    return RunLoop<T>(data, specs, folds, parallel, stop).run();
}

template FoldResults run_folds(const LearningData<float>&, std::span<const PipelineSpec>, std::span<const Fold>, Parallel&, StopToken&);
template FoldResults run_folds(const LearningData<double>&, std::span<const PipelineSpec>, std::span<const Fold>, Parallel&, StopToken&);

}  // namespace emotion::runtime
