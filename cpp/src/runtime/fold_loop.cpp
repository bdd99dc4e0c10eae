#include "emotion/runtime/fold_loop.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <variant>

#include "emotion/core/errors.hpp"
#include "emotion/linear/one_vs_rest.hpp"
#include "emotion/model_selection/group_holdout.hpp"
#include "fold_state.hpp"
#include "step_fit.hpp"
#include "training_rows.hpp"

namespace emotion::runtime {
namespace {

constexpr const char* boosting_name = "GradientBoostingClassifier";

// The weights of a fold's classes among those of all classes.
std::vector<double> of_classes(const std::vector<double>& weights, std::span<const std::int32_t> classes) {
    std::vector<double> own;
    for (const std::int32_t c : classes) {
        own.push_back(weights[static_cast<std::size_t>(c)]);
    }
    return own;
}

trees::ForestOptions resolve(const ForestSpec& spec, std::size_t n_positions, std::size_t n_features, std::span<const std::int32_t> classes) {
    trees::ForestOptions options = spec.options;
    trees::set_sizes(options, spec.sizes, n_positions, n_features);
    if (options.class_weight == trees::ClassWeight::given) {
        options.class_weights = of_classes(spec.options.class_weights, classes);
    }
    return options;
}

template <class T>
TrainingRows<T> start_rows(const LearningData<T>& data, std::span<const std::int64_t> train, std::vector<std::int32_t>& classes) {
    TrainingRows<T> rows;
    rows.x = data.x;
    std::vector<std::int32_t> code(data.n_classes, -1);
    for (const std::int64_t row : train) {
        code[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)])] = 0;
    }
    for (std::size_t k = 0; k < data.n_classes; ++k) {
        if (code[k] == 0) {
            code[k] = static_cast<std::int32_t>(classes.size());
            classes.push_back(static_cast<std::int32_t>(k));
        }
    }
    rows.rows.reserve(train.size());
    for (const std::int64_t row : train) {
        rows.rows.push_back(static_cast<std::int32_t>(row));
        rows.labels.push_back(code[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)])]);
        if (!data.weights.empty()) {
            rows.weights.push_back(data.weights[static_cast<std::size_t>(row)]);
        }
        if (!data.groups.empty()) {
            rows.groups.push_back(data.groups[static_cast<std::size_t>(row)]);
        }
        if (!data.speaker.empty()) {
            rows.speaker.push_back(data.speaker[static_cast<std::size_t>(row)]);
        }
    }
    rows.columns.resize(data.x.cols);
    for (std::size_t c = 0; c < data.x.cols; ++c) {
        rows.columns[c] = static_cast<std::int32_t>(c);
    }
    return rows;
}

template <class T>
void check_weights(const TrainingRows<T>& rows, const char* classifier) {
    if (!rows.weights.empty() && std::none_of(rows.weights.begin(), rows.weights.end(), [](double weight) { return weight > 0; })) {
        throw InvalidInputError("sample_weight", std::string(classifier) + ".fit", "finite, not negative and not all zero", "only zeros in a training part");
    }
}

bool fills_missing(const std::vector<ColumnStage>& stages) {
    return std::any_of(stages.begin(), stages.end(), [](const ColumnStage& stage) { return stage.fills; });
}

// Whether a training row misses a value that a stage fills: its rank among the column's values is then not the matrix's.
template <class T>
bool fills_training_rows(const TrainingRows<T>& rows, const trees::RankCodes& codes) {
    if (!fills_missing(rows.stages)) {
        return false;
    }
    for (std::size_t c = 0; c < rows.columns.size(); ++c) {
        const auto column = static_cast<std::size_t>(rows.columns[c]);
        if (codes.has_missing(column) &&
            std::any_of(rows.rows.begin(), rows.rows.end(), [&](std::int32_t r) { return std::isnan(rows.x(static_cast<std::size_t>(r), column)); })) {
            return true;
        }
    }
    return false;
}

float checked_float(double value, const char* name) {
    const auto narrow = static_cast<float>(value);
    if (std::isinf(narrow)) {
        throw InvalidInputError("X", std::string(name) + ".fit", "free of infinity and of values too large for float32", std::to_string(value));
    }
    return narrow;
}

template <class T>
trees::Forest fit_on_codes(const TrainingRows<T>& rows, const trees::RankCodes& codes, const trees::ForestOptions& options, std::size_t n_classes,
                           Parallel& parallel, StopToken& stop) {
    std::vector<std::vector<float>> tables(rows.columns.size());
    for (std::size_t c = 0; c < tables.size(); ++c) {
        stop.check();
        const std::span<const double> values = codes.values(static_cast<std::size_t>(rows.columns[c]));
        tables[c].reserve(values.size());
        for (const double value : values) {
            // Infinities that the matrix holds are refused where training rows have them; elsewhere they only occupy a table.
            tables[c].push_back(static_cast<float>(rows.value(static_cast<T>(value), c)));
        }
        for (std::size_t p = 0; !tables[c].empty() && (std::isinf(tables[c].front()) || std::isinf(tables[c].back())) && p < rows.rows.size(); ++p) {
            checked_float(static_cast<double>(rows.at(p, c)), trees::class_name(options));
        }
    }
    const trees::TrainingSet set{&codes, rows.columns, tables, rows.rows, rows.labels, rows.weights, n_classes};
    return trees::fit_forest(set, options, parallel, stop);
}

template <class T>
OwnRows own_rows(const TrainingRows<T>& rows, const char* name) {
    const std::size_t width = rows.columns.size();
    std::vector<std::int32_t> slot(rows.x.rows, -1);
    std::vector<std::size_t> first;  // row of the result -> a position that has it
    OwnRows own;
    own.rows.resize(rows.rows.size());
    for (std::size_t p = 0; p < rows.rows.size(); ++p) {
        std::int32_t& s = slot[static_cast<std::size_t>(rows.rows[p])];
        if (s < 0) {
            s = static_cast<std::int32_t>(first.size());
            first.push_back(p);
        }
        own.rows[p] = s;
    }
    own.x = Matrix<float>(first.size(), width);
    std::vector<T> row(width);
    for (std::size_t r = 0; r < first.size(); ++r) {
        rows.read(first[r], first[r] + 1, row.data());
        std::transform(row.begin(), row.end(), own.x.values.begin() + static_cast<std::ptrdiff_t>(r * width),
                       [name](T value) { return checked_float(static_cast<double>(value), name); });
    }
    return own;
}

// With rank codes of the fold's own rows.
template <class T>
trees::Forest fit_on_own_codes(const TrainingRows<T>& rows, const trees::ForestOptions& options, std::size_t n_classes, Parallel& parallel,
                               StopToken& stop) {
    const OwnRows own = own_rows(rows, trees::class_name(options));
    return trees::fit_forest(trees::LabelledRows{own.x.view(), own.rows, rows.labels, rows.weights, n_classes}, options, parallel, stop);
}

// The rows that early stopping holds out, as `fit` finds them on the copied rows; empty without early stopping.
template <class T>
std::vector<std::uint8_t> boosting_holdout(const TrainingRows<T>& rows, const BoostingSpec& spec) {
    if (spec.options.n_iter_no_change <= 0) {
        return {};
    }
    std::vector<std::int64_t> groups(rows.groups.begin(), rows.groups.end());
    if (groups.empty()) {
        if (!spec.ungrouped) {
            throw LeakageError("groups of GradientBoostingClassifier.fit must be given, or early stopping watches speakers that it trains on; got none");
        }
        groups.resize(rows.rows.size());
        std::iota(groups.begin(), groups.end(), 0);
    }
    if (std::any_of(groups.begin(), groups.end(), [](std::int64_t group) { return group < 0; })) {
        throw LeakageError("groups of GradientBoostingClassifier.fit must be one a row; got rows made of two groups: keep the sampler's neighbours together with within='groups'");
    }
    return model_selection::group_holdout(groups, rows.labels, spec.validation_fraction, spec.options.seed);
}

// Boosting's holdout and options, resolved for the rows of a fold.
struct BoostingCall {
    std::vector<std::uint8_t> held_out;
    trees::BoostingOptions options;
};

template <class T>
BoostingCall boosting_call(const TrainingRows<T>& rows, const BoostingSpec& spec, std::span<const std::int32_t> classes) {
    std::vector<std::uint8_t> weighs(classes.size(), 0);
    for (std::size_t p = 0; p < rows.labels.size(); ++p) {
        weighs[static_cast<std::size_t>(rows.labels[p])] |= static_cast<std::uint8_t>(rows.weights.empty() || rows.weights[p] > 0);
    }
    if (std::count(weighs.begin(), weighs.end(), std::uint8_t{1}) < 2) {
        throw InvalidInputError("y", "GradientBoostingClassifier.fit", "labels of at least two classes of rows with weight", "fewer");
    }
    BoostingCall call{boosting_holdout(rows, spec), spec.options};
    const auto n_held = static_cast<std::size_t>(std::count(call.held_out.begin(), call.held_out.end(), std::uint8_t{1}));
    trees::set_sizes(call.options, spec.sizes, rows.rows.size() - n_held, rows.columns.size());
    if (call.options.class_weight == trees::ClassWeight::given) {
        call.options.class_weights = of_classes(spec.options.class_weights, classes);
    }
    return call;
}

template <class T>
trees::LabelledRows labelled(const TrainingRows<T>& rows, const OwnRows& own, std::size_t n_classes) {
    return {own.x.view(), own.rows, rows.labels, rows.weights, n_classes};
}

const trees::BoostingBins* bins_for(std::span<const trees::BoostingBins> bins, const BoostingCall& call) {
    const auto found = std::find_if(bins.begin(), bins.end(), [&](const trees::BoostingBins& b) { return b.serves(call.held_out, call.options); });
    return found == bins.end() ? nullptr : &*found;
}

template <class T>
trees::Boosting fit_boosting(const TrainingRows<T>& rows, const BoostingSpec& spec, std::span<const std::int32_t> classes, const SharedRows<T>* shared,
                             Parallel& parallel, StopToken& stop) {
    const BoostingCall call = boosting_call(rows, spec, classes);
    const bool is_shared = shared != nullptr && !shared->boosting.rows.empty();
    const OwnRows made = is_shared ? OwnRows{} : own_rows(rows, boosting_name);
    const trees::BoostingBins* const bins = is_shared ? bins_for(shared->bins, call) : nullptr;
    trees::Boosting model = trees::fit_boosting(labelled(rows, is_shared ? shared->boosting : made, classes.size()), call.held_out, call.options, parallel,
                                                stop, nullptr, nullptr, bins);
    stop.advance(static_cast<std::uint64_t>(call.options.n_estimators) - model.n_rounds());  // rounds that early stopping saved
    return model;
}

// The transformed rows of all positions, one after another.
template <class T>
std::vector<T> dense_rows(const TrainingRows<T>& rows, const char* caller, Parallel& parallel, StopToken& stop) {
    std::vector<T> values(rows.rows.size() * rows.columns.size());
    parallel.blocks(rows.rows.size(), 256, [&](std::size_t begin, std::size_t end) {
        stop.check();
        T* const out = values.data() + begin * rows.columns.size();
        rows.read(begin, end, out);
        if (!std::all_of(out, out + (end - begin) * rows.columns.size(), [](T v) { return std::isfinite(v); })) {
            throw InvalidInputError("X", caller, "free of NaN and infinity", "NaN or infinity");
        }
    });
    return values;
}

const char* linear_name(const linear::LogisticOptions& options) { return options.one_vs_rest ? "OneVsRestClassifier.fit" : "LogisticRegression.fit"; }

template <class T>
linear::LogisticFit fit_linear(const TrainingRows<T>& rows, linear::LogisticOptions options, std::span<const std::int32_t> classes,
                               const SharedRows<T>* shared, Parallel& parallel, StopToken& stop) {
    const char* const caller = linear_name(options);
    if (classes.size() < 2) {
        throw InvalidInputError("y", caller, "labels of at least two classes", "one class");
    }
    if (!options.class_weights.empty() && !options.one_vs_rest) {
        options.class_weights = of_classes(options.class_weights, classes);
    }
    const bool is_shared = shared != nullptr && !shared->dense.empty();
    const std::vector<T> made = is_shared ? std::vector<T>{} : dense_rows(rows, caller, parallel, stop);
    const MatrixView<const T> x{is_shared ? shared->dense.data() : made.data(), rows.rows.size(), rows.columns.size()};
    return options.one_vs_rest ? linear::fit_classes(x, std::span<const std::int32_t>(rows.labels), std::span<const double>(rows.weights), classes.size(),
                                                     options, parallel, stop)
                               : linear::fit_logistic(x, rows.labels, rows.weights, classes.size(), options, parallel, stop);
}

}  // namespace

const char* class_name(const EstimatorSpec& spec) {
    if (const auto* const forest = std::get_if<ForestSpec>(&spec)) {
        return trees::class_name(forest->options);
    }
    if (const auto* const logistic = std::get_if<linear::LogisticOptions>(&spec)) {
        return logistic->one_vs_rest ? "OneVsRestClassifier" : "LogisticRegression";
    }
    return boosting_name;
}

template <class T>
FoldState<T> start_fold(const LearningData<T>& data, std::span<const std::int64_t> train) {
    FoldState<T> state;
    state.rows = start_rows(data, train, state.classes);
    return state;
}

template <class T>
void fit_steps(FoldState<T>& state, std::span<const StepSpec> steps, const char* classifier, Parallel& parallel, StopToken& stop) {
    for (const StepSpec& step : steps) {
        stop.check();
        check_weights(state.rows, classifier);
        fit_step(step, state.rows, state.classes, state.steps, parallel, stop);
    }
}

template <class T>
SharedRows<T> share_rows(const FoldState<T>& state, std::span<const EstimatorSpec* const> specs, Parallel& parallel, StopToken& stop) {
    const TrainingRows<T>& rows = state.rows;
    SharedRows<T> shared;
    const auto is_linear = [](const EstimatorSpec* s) { return std::holds_alternative<linear::LogisticOptions>(*s); };
    if (std::count_if(specs.begin(), specs.end(), is_linear) > 1) {
        const EstimatorSpec& first = **std::find_if(specs.begin(), specs.end(), is_linear);
        check_weights(rows, class_name(first));
        shared.dense = dense_rows(rows, linear_name(std::get<linear::LogisticOptions>(first)), parallel, stop);
    }
    std::vector<BoostingCall> calls;
    for (const EstimatorSpec* const spec : specs) {
        if (const auto* const boosting = std::get_if<BoostingSpec>(spec)) {
            check_weights(rows, boosting_name);
            calls.push_back(boosting_call(rows, *boosting, state.classes));
        }
    }
    if (calls.size() < 2) {
        return shared;
    }
    shared.boosting = own_rows(rows, boosting_name);
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (bins_for(shared.bins, calls[i]) != nullptr) {
            continue;
        }
        trees::BoostingBins bins(labelled(rows, shared.boosting, state.classes.size()), calls[i].held_out, calls[i].options, parallel, stop);
        if (std::any_of(calls.begin() + static_cast<std::ptrdiff_t>(i) + 1, calls.end(), [&](const BoostingCall& c) { return bins.serves(c.held_out, c.options); })) {
            shared.bins.push_back(std::move(bins));
        }
    }
    return shared;
}

template <class T>
FoldFit finish_fold(const FoldState<T>& state, std::size_t n_features_in, const trees::RankCodes* codes, const EstimatorSpec& spec,
                    const SharedRows<T>* shared, Parallel& parallel, StopToken& stop) {
    const TrainingRows<T>& rows = state.rows;
    FoldFit fit;
    fit.pipeline.n_features_in = n_features_in;
    fit.pipeline.steps = state.steps;
    fit.classes = state.classes;
    fit.classifier = class_name(spec);
    check_weights(rows, fit.classifier);
    if (const auto* logistic = std::get_if<linear::LogisticOptions>(&spec)) {
        linear::LogisticFit result = fit_linear(rows, *logistic, fit.classes, shared, parallel, stop);
        fit.converged = result.converged;
        fit.pipeline.estimator = std::move(result.model);
        return fit;
    }
    if (const auto* boosting = std::get_if<BoostingSpec>(&spec)) {
        fit.pipeline.estimator = fit_boosting(rows, *boosting, fit.classes, shared, parallel, stop);
        return fit;
    }
    const trees::ForestOptions options = resolve(std::get<ForestSpec>(spec), rows.rows.size(), rows.columns.size(), fit.classes);
    fit.pipeline.estimator = codes == nullptr || !rows.own.empty() || fills_training_rows(rows, *codes)
                                 ? fit_on_own_codes(rows, options, fit.classes.size(), parallel, stop)
                                 : fit_on_codes(rows, *codes, options, fit.classes.size(), parallel, stop);
    return fit;
}

template <class T>
FoldFit fit_fold(const LearningData<T>& data, const trees::RankCodes* codes, const PipelineSpec& spec, std::span<const std::int64_t> train,
                 Parallel& parallel, StopToken& stop) {
    FoldState<T> state = start_fold(data, train);
    fit_steps(state, std::span<const StepSpec>(spec.steps), class_name(spec.estimator), parallel, stop);
    return finish_fold<T>(state, data.x.cols, codes, spec.estimator, nullptr, parallel, stop);
}

#define EMOTION_INSTANTIATE(T)                                                                                                             \
    template FoldState<T> start_fold(const LearningData<T>&, std::span<const std::int64_t>);                                               \
    template void fit_steps(FoldState<T>&, std::span<const StepSpec>, const char*, Parallel&, StopToken&);                                 \
    template SharedRows<T> share_rows(const FoldState<T>&, std::span<const EstimatorSpec* const>, Parallel&, StopToken&);                  \
    template FoldFit finish_fold(const FoldState<T>&, std::size_t, const trees::RankCodes*, const EstimatorSpec&, const SharedRows<T>*,    \
                                 Parallel&, StopToken&);                                                                                   \
    template FoldFit fit_fold(const LearningData<T>&, const trees::RankCodes*, const PipelineSpec&, std::span<const std::int64_t>, Parallel&, \
                              StopToken&);
EMOTION_INSTANTIATE(float)
EMOTION_INSTANTIATE(double)
#undef EMOTION_INSTANTIATE

}  // namespace emotion::runtime
