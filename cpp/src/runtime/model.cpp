#include "emotion/runtime/model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <variant>

#include "emotion/core/errors.hpp"
#include "emotion/explain/linear_shap.hpp"

namespace emotion::runtime {
namespace {

constexpr const char* finite_rule = "finite where the model has no step that fills missing values";
constexpr std::size_t explained_rows = 32;  // rows explained at a time: bounds the memory of their contributions

}  // namespace

Model::Model(ModelContents contents) : contents_(std::move(contents)), predictor_(contents_.classifier), input_columns_(contents_.classifier.pipeline.input_columns()) {
    if (contents_.extractor) {
        const ExtractorSpec& spec = *contents_.extractor;
        const auto refuse = [](const std::string& reason) {
            throw ModelFormatError("the model cannot be used: " + reason + "; train it again with this version of emotion-native");
        };
        const std::vector<std::string>* names = nullptr;
        try {
            names = &audio::feature_names(audio::feature_set_of(spec.feature_set, "load_model", "feature_set"));
        } catch (const InvalidInputError&) {
            refuse("this version does not know its feature set");
        }
        if (*names != contents_.feature_names) {
            refuse("its feature names are not those of its feature set");
        }
        if (spec.algorithm_version != audio::algorithm_version) {
            refuse("its features were computed by version " + std::to_string(spec.algorithm_version) + " of the extractor, this is version " +
                   std::to_string(audio::algorithm_version));
        }
    }
    background_mean_.assign(contents_.classifier.pipeline.n_features_out(), 0.0);
    const Matrix<float>& background = contents_.background;
    if (background.rows > 0) {
        Matrix<float> transformed(background.rows, background_mean_.size());
        contents_.classifier.pipeline.transform(background.view(), transformed.view());
        for (std::size_t r = 0; r < transformed.rows; ++r) {
            for (std::size_t j = 0; j < background_mean_.size(); ++j) {
                background_mean_[j] += static_cast<double>(transformed(r, j));
            }
        }
        for (double& mean : background_mean_) {
            mean /= static_cast<double>(background.rows);
        }
    }
}

const char* Model::explained_output() const {
    if (!contents_.classifier.is_additive()) {
        return "none";
    }
    return std::holds_alternative<trees::Forest>(contents_.classifier.pipeline.estimator) ? "probability" : "margin";
}

void Model::check_rows(MatrixView<const float> x, const char* caller) const {
    if (x.cols != n_features()) {
        throw InvalidInputError("X", caller, "a matrix of " + std::to_string(n_features()) + " columns", std::to_string(x.cols) + " columns");
    }
    if (contents_.classifier.refuses_missing(caller) == nullptr) {
        return;
    }
    const auto missing = std::find_if(x.data, x.data + x.size(), [](float value) { return std::isnan(value); });
    if (missing != x.data + x.size()) {
        const auto row = static_cast<std::size_t>(missing - x.data) / x.cols;
        throw InvalidInputError("X", caller, finite_rule, "NaN in row " + std::to_string(row));
    }
}

Predictions::Predictions(std::size_t rows, std::size_t classes, std::size_t top_features)
    : probability(rows, classes, std::numeric_limits<double>::quiet_NaN()),
      label(rows, -1),
      confidence(rows, std::numeric_limits<double>::quiet_NaN()),
      abstained(rows, 1),
      out_of_distribution(rows, 0),
      top_column(rows, top_features, -1),
      top_value(rows, top_features, std::numeric_limits<float>::quiet_NaN()),
      top_contribution(rows, top_features, std::numeric_limits<double>::quiet_NaN()) {}

Predictions Model::predict(MatrixView<const float> x, std::size_t top_features, Parallel& parallel, StopToken& stop, const char* caller) const {
    check_rows(x, caller);
    Predictions result(x.rows, n_classes(), std::min(top_features, n_features()));
    predictor_.predict_proba(x, result.probability.view(), parallel, stop);
    choose(x, result, parallel, stop, caller);
    if (contents_.label_sets) {
        choose_labels(x, result, parallel, stop);
    }
    abstain(x, result, parallel);
    add_top_features(x, result, top_features, parallel, stop);
    return result;
}

void Model::choose(MatrixView<const float> x, Predictions& result, Parallel& parallel, StopToken& stop, const char* caller) const {
    const FittedClassifier& classifier = contents_.classifier;
    for (std::size_t r = 0; r < x.rows; ++r) {
        const std::span<const double> row = std::as_const(result.probability).row(r);
        if (!std::all_of(row.begin(), row.end(), [](double p) { return std::isfinite(p); })) {
            throw InvalidInputError("X", caller, finite_rule, "NaN or infinity in row " + std::to_string(r));
        }
        result.label[r] = static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
    }
    if (classifier.by_margin && classifier.calibration.changes_nothing()) {  // a calibration says what its probabilities say
        Matrix<double> margin(x.rows, classifier.members.size());
        predictor_.label_margins(x, margin.view(), parallel, stop);
        for (std::size_t r = 0; r < x.rows; ++r) {
            const std::span<const double> row = std::as_const(margin).row(r);
            result.label[r] = static_cast<std::int32_t>(row.size() == 1 ? (row[0] > 0 ? 1 : 0) : std::max_element(row.begin(), row.end()) - row.begin());
        }
    }
    for (std::size_t r = 0; r < x.rows; ++r) {
        result.confidence[r] = result.probability(r, static_cast<std::size_t>(result.label[r]));
    }
}

void Model::choose_labels(MatrixView<const float> x, Predictions& result, Parallel& parallel, StopToken& stop) const {
    const LabelSets& sets = *contents_.label_sets;
    Matrix<double> margin;
    if (sets.by_margin) {
        margin = Matrix<double>(x.rows, n_classes());
        predictor_.label_margins(x, margin.view(), parallel, stop);
    }
    const Matrix<double>& score = sets.by_margin ? margin : result.probability;
    result.has_label = Matrix<std::uint8_t>(x.rows, n_classes());
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t k = 0; k < n_classes(); ++k) {
            result.has_label(r, k) = score(r, k) > sets.thresholds[k] ? 1 : 0;
        }
    }
}

void Model::check_additive(const char* caller) const {
    if (!contents_.classifier.is_additive()) {
        throw InvalidInputError("model", caller, "a pipeline, or a soft vote of forests: only their output is a sum of contributions of single columns",
                                std::string(contents_.classifier.is_vote() ? "another vote" : "classifiers joined otherwise") +
                                    " (a PermutationExplainer of the fitted classifier, or of the loaded model, explains it)");
    }
}

void Model::abstain(MatrixView<const float> x, Predictions& result, Parallel& parallel) const {
    for (std::size_t r = 0; r < x.rows; ++r) {
        result.abstained[r] = contents_.threshold.has_value() && result.confidence[r] < *contents_.threshold ? 1 : 0;
    }
    if (contents_.out_of_distribution) {
        std::vector<double> distance(x.rows);
        const DistributionCheck& check = *contents_.out_of_distribution;
        const Matrix<float> seen = check.steps == 0 ? Matrix<float>() : contents_.classifier.pipeline.after_steps(x, check.steps);
        calibration::column_distances(check.steps == 0 ? x : seen.view(), check.ranges, distance, parallel);
        for (std::size_t r = 0; r < x.rows; ++r) {
            result.out_of_distribution[r] = distance[r] > check.threshold ? 1 : 0;
            result.abstained[r] |= result.out_of_distribution[r];
        }
    }
}

void Model::explain(MatrixView<const float> x, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const {
    check_additive("explain");
    check_rows(x, "explain");
    const std::size_t classes = n_classes();
    const std::size_t inner = background_mean_.size();
    if (values.size() != x.rows * x.cols * classes || base.size() != classes) {
        throw InvalidInputError("values", "explain", "as large as rows x columns x classes", std::to_string(values.size()) + " values");
    }
    std::fill(values.begin(), values.end(), 0.0);
    Matrix<float> z(explained_rows, inner);
    std::vector<double> own(explained_rows * inner * classes);
    for (std::size_t begin = 0; begin == 0 || begin < x.rows; begin += explained_rows) {
        stop.check();
        const std::size_t rows = std::min(explained_rows, x.rows - begin);
        const MatrixView<float> transformed(z.values.data(), rows, inner);
        contents_.classifier.pipeline.transform(MatrixView<const float>(x.data + begin * x.cols, rows, x.cols), transformed);
        const std::span<double> part = std::span(own).first(rows * inner * classes);
        explain_inputs(transformed, part, base, parallel, stop);
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t j = 0; j < inner; ++j) {
                const double* const from = part.data() + (r * inner + j) * classes;
                double* const to = values.data() + ((begin + r) * x.cols + static_cast<std::size_t>(input_columns_[j])) * classes;
                for (std::size_t k = 0; k < classes; ++k) {
                    to[k] += from[k];
                }
            }
        }
    }
}

void Model::explain_inputs(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel,
                           StopToken& stop) const {
    if (contents_.classifier.is_vote()) {
        explain_vote(transformed, values, base, parallel, stop);
        return;
    }
    if (const auto* const forest = std::get_if<trees::Forest>(&contents_.classifier.pipeline.estimator)) {
        std::call_once(tree_shap_built_, [&] { tree_shap_.emplace(*forest); });
        tree_shap_->explain(transformed, values, base, parallel, stop);
        return;
    }
    if (n_classes() > 2) {
        explain_margins(transformed, values, base, parallel, stop);
        return;
    }
    // Two classes have one margin, that of the second; the first has its negative.
    std::vector<double> part(transformed.size());
    explain_margins(transformed, part, base.last(1), parallel, stop);
    base[0] = -base[1];
    for (std::size_t i = 0; i < part.size(); ++i) {
        values[2 * i] = -part[i];
        values[2 * i + 1] = part[i];
    }
}

// The mean of the members' contributions, each put back to the columns that the vote sees.
void Model::explain_vote(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) const {
    const FittedClassifier& vote = contents_.classifier;
    std::call_once(tree_shap_built_, [&] {
        for (const FittedClassifier& member : vote.members) {
            member_shap_.emplace_back(std::get<trees::Forest>(member.pipeline.estimator));
        }
    });
    const double total = std::accumulate(vote.weights.begin(), vote.weights.end(), 0.0);
    const std::size_t classes = n_classes();
    std::fill(values.begin(), values.end(), 0.0);
    std::fill(base.begin(), base.end(), 0.0);
    std::vector<double> own_base(classes);
    for (std::size_t m = 0; m < vote.members.size(); ++m) {
        const FittedPipeline& pipeline = vote.members[m].pipeline;
        const double share = vote.weights[m] / total;
        const Matrix<float> z = pipeline.after_steps(transformed, pipeline.steps.size());
        const std::vector<std::int32_t> columns = pipeline.input_columns();
        std::vector<double> own(z.rows * z.cols * classes);
        member_shap_[m].explain(z.view(), own, own_base, parallel, stop);
        for (std::size_t r = 0; r < z.rows; ++r) {
            for (std::size_t j = 0; j < z.cols; ++j) {
                double* const to = values.data() + (r * transformed.cols + static_cast<std::size_t>(columns[j])) * classes;
                for (std::size_t k = 0; k < classes; ++k) {
                    to[k] += share * own[(r * z.cols + j) * classes + k];
                }
            }
        }
        for (std::size_t k = 0; k < classes; ++k) {
            base[k] += share * own_base[k];
        }
    }
}

void Model::explain_margins(MatrixView<const float> transformed, std::span<double> values, std::span<double> base, Parallel& parallel,
                            StopToken& stop) const {
    if (const auto* const boosting = std::get_if<trees::Boosting>(&contents_.classifier.pipeline.estimator)) {
        std::call_once(tree_shap_built_, [&] { tree_shap_.emplace(*boosting); });
        tree_shap_->explain(transformed, values, base, parallel, stop);
        return;
    }
    const auto& linear = std::get<linear::LogisticModel>(contents_.classifier.pipeline.estimator);
    std::vector<std::int32_t> own(linear.n_features);
    std::iota(own.begin(), own.end(), 0);
    const explain::LinearMargins margins{{linear.coef.data(), linear.n_outputs(), linear.n_features}, linear.intercept, background_mean_, own, own.size()};
    explain::linear_shap(margins, transformed, values, base, parallel, stop);
}

void Model::raw_output(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    check_additive("raw_output");
    check_rows(x, "raw_output");
    if (std::holds_alternative<trees::Forest>(contents_.classifier.pipeline.estimator)) {
        predictor_.predict_raw(x, out, parallel, stop);
        return;
    }
    Matrix<float> z(x.rows, background_mean_.size());
    contents_.classifier.pipeline.transform(x, z.view());
    Matrix<double> scores(x.rows, n_classes() == 2 ? 1 : n_classes());
    if (const trees::BoostingPredictor* const boosting = predictor_.pipeline()->boosting()) {
        boosting->decision_function(std::as_const(z).view(), scores.view(), parallel, stop);
    } else {
        linear::decision_function(std::get<linear::LogisticModel>(contents_.classifier.pipeline.estimator), std::as_const(z).view(), scores.view());
    }
    for (std::size_t r = 0; r < x.rows; ++r) {
        for (std::size_t k = 0; k < n_classes(); ++k) {
            out(r, k) = scores.cols > 1 ? scores(r, k) : (k == 0 ? -scores(r, 0) : scores(r, 0));
        }
    }
}

void Model::add_top_features(MatrixView<const float> x, Predictions& result, std::size_t top_features, Parallel& parallel, StopToken& stop) const {
    const std::size_t top = std::min(top_features, n_features());
    if (top == 0 || !contents_.classifier.is_additive()) {
        return;
    }
    const std::size_t classes = n_classes();
    std::vector<double> values(std::min(explained_rows, x.rows) * x.cols * classes);
    std::vector<double> base(classes);
    std::vector<std::int32_t> order(x.cols);
    for (std::size_t begin = 0; begin < x.rows; begin += explained_rows) {
        const std::size_t rows = std::min(explained_rows, x.rows - begin);
        const std::span<double> part = std::span(values).first(rows * x.cols * classes);
        explain({x.data + begin * x.cols, rows, x.cols}, part, base, parallel, stop);
        for (std::size_t r = 0; r < rows; ++r) {
            const auto label = static_cast<std::size_t>(result.label[begin + r]);
            const auto contribution = [&](std::int32_t c) { return part[(r * x.cols + static_cast<std::size_t>(c)) * classes + label]; };
            std::iota(order.begin(), order.end(), 0);
            std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), [&](std::int32_t a, std::int32_t b) {
                const double size_a = std::abs(contribution(a));
                const double size_b = std::abs(contribution(b));
                return size_a != size_b ? size_a > size_b : a < b;
            });
            for (std::size_t i = 0; i < top; ++i) {
                result.top_column(begin + r, i) = order[i];
                result.top_value(begin + r, i) = x(begin + r, static_cast<std::size_t>(order[i]));
                result.top_contribution(begin + r, i) = contribution(order[i]);
            }
        }
    }
}

}  // namespace emotion::runtime
