#include "emotion/runtime/pipeline_plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "emotion/core/errors.hpp"

namespace emotion::runtime {
namespace {

constexpr std::size_t block_rows = 64;

std::size_t columns_after(const FittedStep& step, std::size_t before) {
    if (const auto* selection = std::get_if<ColumnSelection>(&step)) {
        return selection->columns.size();
    }
    if (const auto* imputer = std::get_if<preprocessing::SimpleImputer>(&step)) {
        return static_cast<std::size_t>(
            std::count_if(imputer->statistics.begin(), imputer->statistics.end(), [](double s) { return !std::isnan(s); }));
    }
    return before;
}

// Each of these turns rows of `cols` values into rows of fewer or as many values, in place: a write never passes the read.
template <class T>
std::size_t apply(const preprocessing::StandardScaler& scaler, T* values, std::size_t rows, std::size_t cols) {
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) {
            values[r * cols + c] = scaler.transform(values[r * cols + c], c);
        }
    }
    return cols;
}

template <class T>
std::size_t apply(const preprocessing::SimpleImputer& imputer, T* values, std::size_t rows, std::size_t cols) {
    T* out = values;
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) {
            const double statistic = imputer.statistics[c];
            if (!std::isnan(statistic)) {
                const T value = values[r * cols + c];
                *out++ = std::isnan(value) ? static_cast<T>(statistic) : value;
            }
        }
    }
    return columns_after(imputer, cols);
}

template <class T>
std::size_t apply(const ColumnSelection& selection, T* values, std::size_t rows, std::size_t cols) {
    T* out = values;
    for (std::size_t r = 0; r < rows; ++r) {
        for (const std::int32_t column : selection.columns) {
            *out++ = values[r * cols + static_cast<std::size_t>(column)];
        }
    }
    return selection.columns.size();
}

// Rows after all steps, left in `values`; returns their width.
template <class T>
std::size_t apply_steps(const std::vector<FittedStep>& steps, std::vector<T>& values, std::size_t rows, std::size_t cols) {
    for (const FittedStep& step : steps) {
        cols = std::visit([&](const auto& s) { return apply(s, values.data(), rows, cols); }, step);
    }
    return cols;
}

template <class T>
Matrix<float> narrowed(MatrixView<const T> x) {
    Matrix<float> narrow(x.rows, x.cols);
    std::transform(x.data, x.data + x.size(), narrow.values.begin(), [](T value) { return static_cast<float>(value); });
    return narrow;
}

template <class T, class Predictor>
void predict_by_trees(const Predictor& predictor, MatrixView<const T> x, MatrixView<double> out) {
    Parallel serial(1);
    StopToken stop;
    if constexpr (std::is_same_v<T, float>) {
        predictor.predict_proba(x, out, serial, stop);
    } else {
        const Matrix<float> narrow = narrowed(x);
        predictor.predict_proba(narrow.view(), out, serial, stop);
    }
}

template <class T>
void predict_blocks(const PipelinePredictor& predictor, MatrixView<const T> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) {
    parallel.blocks(x.rows, block_rows, [&](std::size_t begin, std::size_t end) {
        stop.check();
        predictor.predict_proba(MatrixView<const T>{x.data + begin * x.cols, end - begin, x.cols},
                                MatrixView<double>{out.data + begin * out.cols, end - begin, out.cols});
    });
}

template <class T>
void transform_rows(const FittedPipeline& pipeline, MatrixView<const T> x, MatrixView<T> out) {
    std::vector<T> values(x.data, x.data + x.size());
    const std::size_t cols = apply_steps(pipeline.steps, values, x.rows, x.cols);
    std::copy_n(values.begin(), x.rows * cols, out.data);
}

void require(bool condition, const char* what) {
    if (!condition) {
        throw ModelFormatError(std::string("a fitted pipeline is inconsistent: ") + what);
    }
}

void validate_step(const preprocessing::StandardScaler& scaler, std::size_t cols) {
    require(scaler.mean.size() == cols && scaler.scale.size() == cols, "the scaler has another number of columns");
    require(std::all_of(scaler.mean.begin(), scaler.mean.end(), [](double x) { return std::isfinite(x); }), "a mean is not finite");
    require(std::all_of(scaler.scale.begin(), scaler.scale.end(), [](double x) { return std::isfinite(x) && x > 0; }),
            "a scale is not positive and finite");
}

void validate_step(const preprocessing::SimpleImputer& imputer, std::size_t cols) {
    require(imputer.statistics.size() == cols, "the imputer has another number of columns");
    require(std::none_of(imputer.statistics.begin(), imputer.statistics.end(), [](double x) { return std::isinf(x); }),
            "a filling value is infinite");
}

void validate_step(const ColumnSelection& selection, std::size_t cols) {
    std::int64_t last = -1;
    for (const std::int32_t column : selection.columns) {
        require(column > last && static_cast<std::size_t>(column) < cols, "selected columns are not ascending or out of range");
        last = column;
    }
}

}  // namespace

std::size_t FittedPipeline::n_classes() const {
    return std::visit([](const auto& e) { return e.n_classes; }, estimator);
}

std::size_t FittedPipeline::n_features_out() const {
    return std::visit([](const auto& e) { return e.n_features; }, estimator);
}

std::vector<std::int32_t> FittedPipeline::input_columns() const {
    std::vector<std::int32_t> columns(n_features_in);
    for (std::size_t c = 0; c < n_features_in; ++c) {
        columns[c] = static_cast<std::int32_t>(c);
    }
    const std::vector<std::int32_t> all = columns;
    for (const FittedStep& step : steps) {
        std::vector<std::int32_t> kept;
        if (const auto* selection = std::get_if<ColumnSelection>(&step)) {
            kept = selection->columns;
        } else if (const auto* imputer = std::get_if<preprocessing::SimpleImputer>(&step)) {
            kept = imputer->kept_columns();
        } else {
            continue;
        }
        for (std::int32_t& column : kept) {
            column = columns[static_cast<std::size_t>(column)];
        }
        columns = std::move(kept);
    }
    return columns;
}

const char* FittedPipeline::refuses_missing(const char* classifier) const {
    for (const FittedStep& step : steps) {
        if (std::holds_alternative<preprocessing::SimpleImputer>(step)) {
            return nullptr;
        }
        if (std::holds_alternative<ColumnSelection>(step)) {
            return "SelectKBest.transform";
        }
    }
    return std::holds_alternative<linear::LogisticModel>(estimator) ? classifier : nullptr;
}

std::size_t FittedPipeline::validate_steps() const {
    std::size_t cols = n_features_in;
    require(cols > 0, "no input columns");
    for (const FittedStep& step : steps) {
        std::visit([&](const auto& s) { validate_step(s, cols); }, step);
        cols = columns_after(step, cols);
        require(cols > 0, "a step leaves no column");
    }
    return cols;
}

void FittedPipeline::validate() const {
    const std::size_t cols = validate_steps();
    std::visit([&](const auto& e) {
        require(e.n_features == cols, "the classifier expects another number of columns");
        require(e.n_classes > 0, "the classifier has no classes");
    }, estimator);
    if (const auto* model = std::get_if<linear::LogisticModel>(&estimator)) {
        linear::validate(*model);
    } else if (const auto* forest = std::get_if<trees::Forest>(&estimator)) {
        trees::validate(*forest);
    } else {
        trees::validate(std::get<trees::Boosting>(estimator));
    }
}

Matrix<float> FittedPipeline::after_steps(MatrixView<const float> x, std::size_t count) const {
    Matrix<float> result;
    result.values.assign(x.data, x.data + x.size());
    result.rows = x.rows;
    result.cols = x.cols;
    for (std::size_t i = 0; i < count; ++i) {
        result.cols = std::visit([&](const auto& s) { return apply(s, result.values.data(), result.rows, result.cols); }, steps[i]);
    }
    result.values.resize(result.rows * result.cols);
    return result;
}

void FittedPipeline::transform(MatrixView<const float> x, MatrixView<float> out) const { transform_rows(*this, x, out); }
void FittedPipeline::transform(MatrixView<const double> x, MatrixView<double> out) const { transform_rows(*this, x, out); }

void FittedPipeline::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    PipelinePredictor(*this).predict_proba(x, out, parallel, stop);
}

void FittedPipeline::predict_proba(MatrixView<const double> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    PipelinePredictor(*this).predict_proba(x, out, parallel, stop);
}

PipelinePredictor::PipelinePredictor(const FittedPipeline& pipeline) : pipeline_(&pipeline) {
    if (const auto* forest = std::get_if<trees::Forest>(&pipeline.estimator)) {
        trees_.emplace<trees::ForestPredictor>(*forest);
    } else if (const auto* boosting = std::get_if<trees::Boosting>(&pipeline.estimator)) {
        trees_.emplace<trees::BoostingPredictor>(*boosting);
    }
}

template <class T>
Matrix<T> PipelinePredictor::prepared(MatrixView<const T> x) const {
    if (x.cols != pipeline_->n_features_in) {
        throw InvalidInputError("x", "predict_proba", "rows of " + std::to_string(pipeline_->n_features_in) + " features",
                                std::to_string(x.cols) + " features");
    }
    Matrix<T> rows;
    rows.values.assign(x.data, x.data + x.size());
    rows.rows = x.rows;
    rows.cols = apply_steps(pipeline_->steps, rows.values, x.rows, x.cols);
    rows.values.resize(rows.rows * rows.cols);
    return rows;
}

template <class T>
void PipelinePredictor::predict_block(MatrixView<const T> x, MatrixView<double> out) const {
    const Matrix<T> rows = prepared(x);
    if (const auto* forest = std::get_if<trees::ForestPredictor>(&trees_)) {
        predict_by_trees(*forest, rows.view(), out);
    } else if (const auto* boosting = std::get_if<trees::BoostingPredictor>(&trees_)) {
        predict_by_trees(*boosting, rows.view(), out);
    } else {
        linear::predict_proba(std::get<linear::LogisticModel>(pipeline_->estimator), rows.view(), out);
    }
}

template <class T>
void PipelinePredictor::score_block(MatrixView<const T> x, MatrixView<double> out) const {
    const Matrix<T> rows = prepared(x);
    if (boosting() == nullptr) {
        linear::decision_function(std::get<linear::LogisticModel>(pipeline_->estimator), rows.view(), out);
        return;
    }
    Parallel serial(1);
    StopToken stop;
    const Matrix<float> narrow = narrowed(rows.view());
    boosting()->decision_function(narrow.view(), out, serial, stop);
}

void PipelinePredictor::decision_function(MatrixView<const float> x, MatrixView<double> out) const { score_block(x, out); }
void PipelinePredictor::decision_function(MatrixView<const double> x, MatrixView<double> out) const { score_block(x, out); }

void PipelinePredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out) const {
    predict_block(x, out);
}

void PipelinePredictor::predict_proba(MatrixView<const double> x, MatrixView<double> out) const {
    predict_block(x, out);
}

void PipelinePredictor::predict_proba(MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    predict_blocks(*this, x, out, parallel, stop);
}

void PipelinePredictor::predict_proba(MatrixView<const double> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) const {
    predict_blocks(*this, x, out, parallel, stop);
}

}  // namespace emotion::runtime
