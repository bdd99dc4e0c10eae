#include "training_plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "emotion/core/errors.hpp"

namespace emotion::trees {
namespace {

constexpr const char* caller = "fit_forest";
constexpr double least_total_weight = 1e-150;

void require(bool holds, const char* parameter, const char* rule, const std::string& value) {
    if (!holds) {
        throw InvalidInputError(parameter, caller, rule, value);
    }
}

void check_options(const ForestOptions& options, std::size_t n_classes) {
    require(n_classes >= 1 && n_classes <= 65'535, "n_classes", "between 1 and 65535", std::to_string(n_classes));
    require(options.n_estimators >= 1, "n_estimators", "at least 1", std::to_string(options.n_estimators));
    require(options.min_samples_leaf > 0, "min_samples_leaf", "positive", std::to_string(options.min_samples_leaf));
    require(options.max_leaf_nodes == -1 || options.max_leaf_nodes >= 2, "max_leaf_nodes", "-1 or at least 2", std::to_string(options.max_leaf_nodes));
    require(options.max_depth == -1 || options.max_depth >= 1, "max_depth", "-1 or at least 1", std::to_string(options.max_depth));
    require(options.class_weight != ClassWeight::given || options.class_weights.size() == n_classes, "class_weights", "one a class",
            std::to_string(options.class_weights.size()));
    for (const double weight : options.class_weights) {
        require(std::isfinite(weight) && weight >= 0, "class_weights", "finite and not negative", std::to_string(weight));
    }
}

void check_positions(std::span<const std::int32_t> rows, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_rows,
                     std::size_t n_classes) {
    require(!rows.empty(), "rows", "at least one position", "none");
    require(labels.size() == rows.size(), "labels", "one a position", std::to_string(labels.size()));
    require(weights.empty() || weights.size() == rows.size(), "weights", "one a position", std::to_string(weights.size()));
    for (const std::int32_t label : labels) {
        require(label >= 0 && static_cast<std::size_t>(label) < n_classes, "labels", "between 0 and n_classes - 1", std::to_string(label));
    }
    for (const std::int32_t row : rows) {
        require(row >= 0 && static_cast<std::size_t>(row) < n_rows, "rows", "rows of the encoded matrix", std::to_string(row));
    }
    for (const double weight : weights) {
        require(std::isfinite(weight) && weight >= 0, "weights", "finite and not negative", std::to_string(weight));
    }
}

void check_columns(const TrainingSet& data) {
    require(data.codes != nullptr, "codes", "given", "null");
    require(!data.columns.empty(), "columns", "at least one column", "none");
    require(data.values.size() == data.columns.size(), "values", "one vector a column", std::to_string(data.values.size()));
    for (std::size_t j = 0; j < data.columns.size(); ++j) {
        const auto column = static_cast<std::size_t>(data.columns[j]);
        require(column < data.codes->n_features(), "columns", "columns of the encoded matrix", std::to_string(data.columns[j]));
        require(data.values[j].size() == data.codes->n_distinct(column), "values", "one value a code", std::to_string(data.values[j].size()));
    }
}

// scikit-learn's rule: rows / (classes present * rows of the class).
std::vector<double> balanced(const std::vector<std::uint64_t>& counts) {
    std::uint64_t total = 0;
    std::uint64_t present = 0;
    for (const std::uint64_t count : counts) {
        total += count;
        present += count > 0 ? 1 : 0;
    }
    std::vector<double> factor(counts.size(), 1.0);
    for (std::size_t c = 0; c < counts.size(); ++c) {
        if (counts[c] > 0) {
            factor[c] = static_cast<double>(total) / (static_cast<double>(present) * static_cast<double>(counts[c]));
        }
    }
    return factor;
}

}  // namespace

TrainingPlan::TrainingPlan(const TrainingSet& data, const ForestOptions& options) {
    check_columns(data);
    check_options(options, data.n_classes);
    check_positions(data.rows, data.labels, data.weights, data.codes->n_rows(), data.n_classes);
    n_classes = data.n_classes;
    n_rows = data.codes->n_rows();
    codes = data.codes;
    set_columns(data);
    set_items(data.rows, data.labels, data.weights);
    set_class_factor(data.labels, options);
}

TrainingPlan::TrainingPlan(const LabelledRows& data, const ForestOptions& options) {
    require(data.x.cols > 0, "columns", "at least one column", "none");
    check_options(options, data.n_classes);
    check_positions(data.rows, data.labels, data.weights, data.x.rows, data.n_classes);
    n_classes = data.n_classes;
    n_rows = data.x.rows;
    set_items(data.rows, data.labels, data.weights);
    set_class_factor(data.labels, options);
}

void TrainingPlan::take_bins(BinnedItems binned) {
    binned_ = std::move(binned);
    codes = nullptr;
    max_code = 0;
    merged_codes_.clear();
    merged_values_.clear();
    columns.assign(binned_.n_columns(), Column{});
    source_columns.resize(columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
        columns[j].byte = binned_.column(j);
        columns[j].values = binned_.bins[j].largest.data();
        columns[j].least = binned_.bins[j].smallest.data();
        columns[j].missing_code = static_cast<std::uint32_t>(binned_.bins[j].largest.size());
        source_columns[j] = static_cast<std::uint32_t>(j);
        max_code = std::max(max_code, columns[j].missing_code);
    }
}

void TrainingPlan::take_values(ItemValues values) {
    values_ = std::move(values);
    codes = nullptr;
    columns.assign(values_.n_columns(), Column{});
    merged_codes_.clear();
    merged_values_.clear();
}

void TrainingPlan::set_class_factor(std::span<const std::int32_t> labels, const ForestOptions& options) {
    weighted = !item_weight.empty() || options.class_weight != ClassWeight::none;
    class_factor.assign(n_classes, 1.0);
    if (options.class_weight == ClassWeight::given) {
        class_factor = options.class_weights;
    } else if (options.class_weight == ClassWeight::balanced) {
        std::vector<std::uint64_t> counts(n_classes, 0);
        for (const std::int32_t label : labels) {
            ++counts[static_cast<std::size_t>(label)];
        }
        class_factor = balanced(counts);
    }
    if (weighted) {
        check_total(labels);
    }
}

// Squares of sums of weights must be finite and not zero: impurities are made of them.
void TrainingPlan::check_total(std::span<const std::int32_t> labels) const {
    double total = 0;
    for (std::size_t p = 0; p < n_positions; ++p) {
        total += (item_weight.empty() ? 1.0 : item_weight[p]) * class_factor[static_cast<std::size_t>(labels[p])];
    }
    if (!(total >= least_total_weight && total <= 1 / least_total_weight)) {
        throw InvalidInputError("sample_weight and class_weight", caller, "such that the training rows' weights sum to a number from 1e-150 to 1e150",
                                "another sum");
    }
}

void TrainingPlan::set_columns(const TrainingSet& data) {
    const std::size_t n = data.columns.size();
    columns.resize(n);
    merged_codes_.resize(n);
    merged_values_.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
        const auto source = static_cast<std::size_t>(data.columns[j]);
        Column& column = columns[j];
        source_columns.push_back(static_cast<std::uint32_t>(source));
        if (data.codes->is_wide()) {
            column.wide = data.codes->wide(source).data();
        } else {
            column.narrow = data.codes->narrow(source).data();
        }
        const std::vector<float>& values = data.values[j];
        column.values = values.data();
        column.missing_code = static_cast<std::uint32_t>(values.size());
        const auto not_increasing = [](float a, float b) { return !(a < b); };
        if (std::adjacent_find(values.begin(), values.end(), not_increasing) != values.end()) {
            std::vector<std::uint32_t>& merged = merged_codes_[j];
            std::vector<float>& distinct = merged_values_[j];
            for (const float value : values) {
                if (std::isnan(value) || (!distinct.empty() && value < distinct.back())) {
                    throw InvalidInputError("values", caller, "non-decreasing in the codes", std::to_string(value));
                }
                if (distinct.empty() || distinct.back() < value) {
                    distinct.push_back(value);
                }
                merged.push_back(static_cast<std::uint32_t>(distinct.size() - 1));
            }
            merged.push_back(static_cast<std::uint32_t>(distinct.size()));
            column.merged = merged.data();
            column.values = distinct.data();
            column.missing_code = merged.back();
        } else if (!values.empty() && std::isnan(values.front())) {
            throw InvalidInputError("values", caller, "non-decreasing in the codes", "NaN");
        }
        column.least = column.values;
        max_code = std::max(max_code, column.missing_code);
    }
}

void TrainingPlan::set_items(std::span<const std::int32_t> rows, std::span<const std::int32_t> labels, std::span<const double> weights) {
    n_positions = rows.size();
    position_item.resize(n_positions);
    const auto add = [&](std::size_t p) {
        item_row.push_back(static_cast<std::uint32_t>(rows[p]));
        item_class.push_back(static_cast<std::uint32_t>(labels[p]));
        item_copies.push_back(0);
        return static_cast<std::uint32_t>(item_row.size() - 1);
    };
    if (!weights.empty()) {
        for (std::size_t p = 0; p < n_positions; ++p) {
            position_item[p] = add(p);
        }
        item_weight.assign(weights.begin(), weights.end());
        item_copies.assign(n_positions, 1);
        return;
    }
    // In the order of rows, which reads the codes' columns forward.
    std::vector<std::uint32_t> order(n_positions);
    for (std::size_t p = 0; p < n_positions; ++p) {
        order[p] = static_cast<std::uint32_t>(p);
    }
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return std::pair(rows[a], labels[a]) < std::pair(rows[b], labels[b]);
    });
    for (std::size_t i = 0; i < n_positions; ++i) {
        const std::uint32_t p = order[i];
        const bool same = i > 0 && rows[p] == rows[order[i - 1]] && labels[p] == labels[order[i - 1]];
        position_item[p] = same ? position_item[order[i - 1]] : add(p);
        ++item_copies[position_item[p]];
    }
}

void TrainingPlan::draw(const ForestOptions& options, std::size_t tree, std::vector<std::uint32_t>& copies) const {
    if (!options.bootstrap) {
        copies = item_copies;
        return;
    }
    copies.assign(item_row.size(), 0);
    RandomStream stream(options.seed, Purpose::bootstrap, tree);
    const std::size_t draws = options.max_samples == 0 ? n_positions : options.max_samples;
    for (std::size_t i = 0; i < draws; ++i) {
        ++copies[position_item[stream.below(n_positions)]];
    }
}

std::vector<double> TrainingPlan::tree_class_factor(const ForestOptions& options, const std::vector<std::uint32_t>& copies) const {
    if (options.class_weight != ClassWeight::balanced_subsample) {
        return class_factor;
    }
    std::vector<std::uint64_t> counts(n_classes, 0);
    for (std::size_t i = 0; i < copies.size(); ++i) {
        counts[item_class[i]] += copies[i];
    }
    return balanced(counts);
}

}  // namespace emotion::trees
