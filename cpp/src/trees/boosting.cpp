#include "emotion/trees/boosting.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>

#include "boosting_tree.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/memory.hpp"
#include "emotion/core/rng.hpp"
#include "emotion/trees/boosting_predictor.hpp"
#include "log_loss.hpp"

namespace emotion::trees {
namespace {

constexpr const char* caller = "fit_boosting";
constexpr const char* class_name = "GradientBoostingClassifier";
constexpr double largest_step = 1e200;          // the margins of any number of rounds are finite
constexpr double least_curvature = 1e-4;        // of a node that adds to margins: sum of second derivatives, below what splits ask of children (1e-3)
constexpr double least_total_weight = 1e-150;   // squares of sums must be finite and not zero

void require(bool holds, const char* parameter, const char* rule, const std::string& value) {
    if (!holds) {
        throw InvalidInputError(parameter, caller, rule, value);
    }
}

void require_finite(bool finite, const BoostingOptions& options) {
    if (!finite) {
        std::ostringstream rate;   // std::to_string would write 1e300 with 301 digits
        rate << options.learning_rate;
        throw InvalidInputError("learning_rate", class_name, "small enough for finite margins", rate.str());
    }
}

void check(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options) {
    require(!data.rows.empty() && data.rows.size() < 2'000'000'000, "rows", "between 1 and 2e9 positions", std::to_string(data.rows.size()));
    require(data.x.cols >= 1, "x", "a matrix with a column", "none");
    require(data.labels.size() == data.rows.size(), "labels", "one a position", std::to_string(data.labels.size()));
    require(data.weights.empty() || data.weights.size() == data.rows.size(), "weights", "one a position", std::to_string(data.weights.size()));
    require(validation.empty() || validation.size() == data.rows.size(), "validation", "one a position", std::to_string(validation.size()));
    require(data.n_classes >= 2 && data.n_classes <= 65'535, "n_classes", "between 2 and 65535", std::to_string(data.n_classes));
    require(options.n_estimators >= 1, "n_estimators", "at least 1", std::to_string(options.n_estimators));
    require(std::isfinite(options.learning_rate) && options.learning_rate >= 0, "learning_rate", "finite and not negative", std::to_string(options.learning_rate));
    require(options.max_depth == -1 || options.max_depth >= 1, "max_depth", "-1 or at least 1", std::to_string(options.max_depth));
    require(options.max_leaf_nodes == -1 || options.max_leaf_nodes >= 2, "max_leaf_nodes", "-1 or at least 2", std::to_string(options.max_leaf_nodes));
    require(options.min_samples_leaf > 0, "min_samples_leaf", "positive", std::to_string(options.min_samples_leaf));
    require(options.subsample > 0 && options.subsample <= 1, "subsample", "above 0 and at most 1", std::to_string(options.subsample));
    require(options.max_bins >= 2 && options.max_bins <= 255, "max_bins", "between 2 and 255", std::to_string(options.max_bins));
    require(std::isfinite(options.l2_regularization) && options.l2_regularization >= 0, "l2_regularization", "finite and not negative",
            std::to_string(options.l2_regularization));
    require(options.class_weight != ClassWeight::balanced_subsample, "class_weight", "none, balanced or given", "balanced_subsample");
    require(options.class_weight != ClassWeight::given || options.class_weights.size() == data.n_classes, "class_weights", "one a class",
            std::to_string(options.class_weights.size()));
    for (const double weight : options.class_weights) {
        require(std::isfinite(weight) && weight >= 0, "class_weights", "finite and not negative", std::to_string(weight));
    }
    for (std::size_t p = 0; p < data.rows.size(); ++p) {
        require(data.rows[p] >= 0 && static_cast<std::size_t>(data.rows[p]) < data.x.rows, "rows", "rows of the matrix", std::to_string(data.rows[p]));
        require(data.labels[p] >= 0 && static_cast<std::size_t>(data.labels[p]) < data.n_classes, "labels", "between 0 and n_classes - 1",
                std::to_string(data.labels[p]));
        require(data.weights.empty() || (std::isfinite(data.weights[p]) && data.weights[p] >= 0), "weights", "finite and not negative", "another");
    }
}

// scikit-learn's rule, over the training rows.
std::vector<double> balanced(const LabelledRows& data, std::span<const std::uint8_t> validation) {
    std::vector<double> counts(data.n_classes, 0.0);
    double total = 0;
    for (std::size_t p = 0; p < data.rows.size(); ++p) {
        if (validation.empty() || validation[p] == 0) {
            counts[static_cast<std::size_t>(data.labels[p])] += 1;
            total += 1;
        }
    }
    const auto present = static_cast<double>(std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0; }));
    for (double& count : counts) {
        count = count > 0 ? total / (present * count) : 1.0;
    }
    return counts;
}

// Rows of weight 0 are left out; training rows and holdout share the position numbers.
struct Positions {
    Positions(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options) {
        std::vector<double> factor(data.n_classes, 1.0);
        if (options.class_weight == ClassWeight::given) {
            factor = options.class_weights;
        } else if (options.class_weight == ClassWeight::balanced) {
            factor = balanced(data, validation);
        }
        const bool weighted = !data.weights.empty() || options.class_weight != ClassWeight::none;
        for (std::size_t p = 0; p < data.rows.size(); ++p) {
            const double weight = (data.weights.empty() ? 1.0 : data.weights[p]) * factor[static_cast<std::size_t>(data.labels[p])];
            if (!(weight > 0)) {
                continue;
            }
            const auto place = static_cast<std::uint32_t>(rows.size());
            const bool held = !validation.empty() && validation[p] != 0;
            (held ? holdout : training).push_back(place);
            held_out.push_back(held ? 1 : 0);
            rows.push_back(data.rows[p]);
            labels.push_back(data.labels[p]);
            if (weighted) {
                weights.push_back(weight);
            }
        }
        require(!training.empty(), "sample_weight and class_weight", "above 0 for a training row", "none above 0");
        const double total = weights.empty() ? 1.0 : std::accumulate(weights.begin(), weights.end(), 0.0);
        require(total >= least_total_weight && total <= 1 / least_total_weight, "sample_weight and class_weight",
                "such that the rows' weights sum to a number from 1e-150 to 1e150", "another sum");
    }

    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> labels;
    std::vector<double> weights;              // empty: all 1
    std::vector<std::uint8_t> held_out;
    std::vector<std::uint32_t> training;
    std::vector<std::uint32_t> holdout;
};

std::shared_ptr<const BinnedRows> binned_rows(const LabelledRows& data, const Positions& positions, int max_bins, Parallel& parallel, StopToken& stop) {
    return std::make_shared<const BinnedRows>(data.x, positions.rows, positions.held_out, positions.weights, max_bins, parallel, stop);
}

// One fit.
class Fit {
public:
    Fit(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options, Parallel& parallel, StopToken& stop,
        BoostingTrace& trace, const BoostingBins* bins)
        : options_(options), parallel_(parallel), stop_(stop), trace_(trace), at_(data, validation, options),
          binned_(bins == nullptr ? binned_rows(data, at_, options.max_bins, parallel, stop) : bins->rows()) {
        model_.n_classes = data.n_classes;
        model_.n_features = data.x.cols;
        model_.tree_offsets = {0};
        set_baseline();
    }

    Boosting run(const LabelledRows& data, const Boosting* previous) {
        if (previous != nullptr) {
            resume(data, *previous);
        }
        const auto first = static_cast<int>(model_.n_rounds());
        // More rounds without change than are fitted never stop anything.
        const int patience = std::min(options_.n_iter_no_change, std::max(1, options_.n_estimators - first));
        std::vector<double> best(static_cast<std::size_t>(std::max(0, patience)), std::numeric_limits<double>::infinity());
        for (int round = first; round < options_.n_estimators; ++round) {
            stop_.check();
            fit_round(static_cast<std::uint64_t>(round));
            require_finite(std::isfinite(trace_.train.back()), options_);
            stop_.advance();
            if (!at_.holdout.empty()) {
                const double loss = mean_loss(at_.holdout);
                trace_.validation.push_back(loss);
                if (!best.empty()) {
                    if (std::none_of(best.begin(), best.end(), [&](double before) { return loss + options_.tol < before; })) {
                        break;
                    }
                    best[static_cast<std::size_t>(round - first) % best.size()] = loss;
                }
            }
        }
        return std::move(model_);
    }

private:
    [[nodiscard]] double weight(std::uint32_t p) const { return at_.weights.empty() ? 1.0 : at_.weights[p]; }

    void set_baseline() {
        const std::size_t k = model_.n_outputs();
        model_.baseline.assign(k, 0.0);
        if (!options_.zero_init) {
            std::vector<double> share(model_.n_classes, 0.0);
            double total = 0;
            for (const std::uint32_t p : at_.training) {
                share[static_cast<std::size_t>(at_.labels[p])] += weight(p);
                total += weight(p);
            }
            double mean = 0;
            for (double& s : share) {
                s = std::log(std::clamp(s / total, 1.2e-7, 1 - 1.2e-7));
                mean += s / static_cast<double>(model_.n_classes);
            }
            for (std::size_t c = 0; c < k; ++c) {
                model_.baseline[c] = k == 1 ? share[1] - share[0] : share[c] - mean;
            }
        }
        check_memory(k, (3 * at_.rows.size() + model_.n_features) * sizeof(double), "y", class_name, "margins and gradients of every class and row");
        margins_ = Matrix<double>(k, at_.rows.size());
        for (std::size_t c = 0; c < k; ++c) {
            std::fill(margins_.row(c).begin(), margins_.row(c).end(), model_.baseline[c]);
        }
        normaliser_.resize(k == 1 ? 0 : at_.rows.size());
    }

    void resume(const LabelledRows& data, const Boosting& previous) {
        require(previous.n_classes == model_.n_classes && previous.n_features == model_.n_features && previous.leaf_width == 1, "previous",
                "a model of the same classes and columns", "another");
        model_ = previous;
        const BoostingPredictor predictor(previous);
        parallel_.blocks(at_.rows.size(), 256, [&](std::size_t begin, std::size_t end) {
            stop_.check();
            std::vector<double> margins(model_.n_outputs());
            for (std::size_t p = begin; p < end; ++p) {
                predictor.decision_row(data.x.row(static_cast<std::size_t>(at_.rows[p])).data(), margins.data());
                for (std::size_t c = 0; c < margins.size(); ++c) {
                    margins_(c, p) = margins[c];
                }
            }
        });
    }

    std::vector<std::uint32_t> draw(std::uint64_t round) const {
        if (options_.subsample >= 1) {
            return at_.training;
        }
        const auto n = static_cast<double>(at_.training.size());
        const auto m = static_cast<std::size_t>(std::max(1.0, std::floor(options_.subsample * n)));
        std::vector<std::uint32_t> drawn = at_.training;
        RandomStream stream(options_.seed, Purpose::boosting_rows, round);
        for (std::size_t i = 0; i < m; ++i) {
            std::swap(drawn[i], drawn[i + stream.below(drawn.size() - i)]);
        }
        drawn.resize(m);
        std::sort(drawn.begin(), drawn.end());
        return drawn;
    }

    // Mean loss of the rows at their margins; sums in blocks, added in order.
    double mean_loss(const std::vector<std::uint32_t>& rows) {
        constexpr std::size_t grain = 4096;
        std::vector<std::pair<double, double>> sums((rows.size() + grain - 1) / grain);
        parallel_.blocks(rows.size(), grain, [&](std::size_t begin, std::size_t end) {
            stop_.check();
            auto& [loss, total] = sums[begin / grain];
            for (std::size_t i = begin; i < end; ++i) {
                const std::uint32_t p = rows[i];
                loss += weight(p) * row_loss(margins_.view(), p, at_.labels[p]);
                total += weight(p);
            }
        });
        double loss = 0;
        double total = 0;
        for (const auto& [block_loss, block_total] : sums) {
            loss += block_loss;
            total += block_total;
        }
        return (model_.n_outputs() == 1 ? 2.0 : 1.0) * loss / total;
    }

    void fit_round(std::uint64_t round) {
        const std::size_t k = model_.n_outputs();
        const std::vector<std::uint32_t> drawn = draw(round);
        std::vector<std::uint32_t> left_out;
        if (drawn.size() < at_.training.size()) {
            std::set_difference(at_.training.begin(), at_.training.end(), drawn.begin(), drawn.end(), std::back_inserter(left_out));
            trace_.out_of_bag_before.push_back(mean_loss(left_out));
        }
        if (k > 1) {
            parallel_.blocks(at_.rows.size(), 4096, [&](std::size_t begin, std::size_t end) {
                stop_.check();
                log_sum_exp(margins_.view(), begin, end, normaliser_.data());
            });
        }
        std::vector<GradientTree> trees(k);
        const bool split_nodes = static_cast<std::size_t>(parallel_.n_threads()) > k;
        const auto grow = [&](std::size_t c) {
            GradientRows rows{binned_.get(), drawn, std::vector<double>(at_.rows.size()), std::vector<double>(at_.rows.size()), &at_.weights, &histograms_};
            const std::int32_t target = k == 1 ? 1 : static_cast<std::int32_t>(c);
            gradients(margins_.row(c).data(), k == 1 ? nullptr : normaliser_.data(), at_.labels.data(), target, at_.weights.empty() ? nullptr : at_.weights.data(),
                      at_.rows.size(), rows.g.data(), rows.h.data());
            trees[c] = grow_tree(rows, options_, round * k + c, parallel_, split_nodes, stop_);
            update(trees[c], c, left_out);
        };
        k == 1 ? grow(0) : parallel_.each(k, grow);
        for (const GradientTree& tree : trees) {
            append(tree);
        }
        trace_.train.push_back(mean_loss(drawn));
        if (!left_out.empty()) {
            trace_.out_of_bag.push_back(mean_loss(left_out));
        }
    }

    // Where probabilities are as good as 0 and 1 the second derivatives vanish and Newton's step has no bound: such a node adds nothing.
    [[nodiscard]] double leaf_value(const GradientTree::Node& node) const {
        return node.h >= least_curvature ? -options_.learning_rate * node.g / (node.h + options_.l2_regularization) : 0.0;
    }

    void update(const GradientTree& tree, std::size_t output, const std::vector<std::uint32_t>& left_out) {
        double* const margin = margins_.row(output).data();
        for (const GradientTree::Node& node : tree.nodes) {
            if (node.place < 0) {
                const double value = leaf_value(node);
                for (std::uint32_t i = node.begin; i < node.end; ++i) {
                    margin[tree.rows[i]] += value;
                }
            }
        }
        for (const std::span<const std::uint32_t> others : {std::span<const std::uint32_t>(left_out), std::span<const std::uint32_t>(at_.holdout)}) {
            for (const std::uint32_t p : others) {
                margin[p] += leaf_value(tree.nodes[tree.leaf_of(binned_->row(p), *binned_)]);
            }
        }
    }

    void append(const GradientTree& tree) {
        const auto score = [&](const GradientTree::Node& node) {
            const double h = node.h + options_.l2_regularization;
            return h > 0 ? 0.5 * node.g * node.g / h : 0.0;
        };
        for (const GradientTree::Node& node : tree.nodes) {
            const bool leaf = node.place < 0;
            const auto place = static_cast<std::size_t>(std::max(0, node.place));
            const bool only_missing_right = !leaf && static_cast<std::size_t>(node.bin) >= binned_->edges[place].size();
            model_.feature.push_back(leaf ? -1 : binned_->column[place]);
            model_.threshold.push_back(leaf                 ? 0.0F
                                       : only_missing_right ? std::numeric_limits<float>::infinity()
                                                            : binned_->edges[place][static_cast<std::size_t>(node.bin)]);
            model_.left.push_back(leaf ? -1 : node.left);
            model_.right.push_back(leaf ? -1 : node.left + 1);
            model_.missing_left.push_back(!leaf && node.missing_left ? 1 : 0);
            model_.cover.push_back(node.weight);
            double gain = 0;
            if (!leaf) {
                const auto left = static_cast<std::size_t>(node.left);
                gain = std::max(0.0, score(tree.nodes[left]) + score(tree.nodes[left + 1]) - score(node));
            }
            model_.gain.push_back(gain);
            model_.value.push_back(leaf_value(node));
            require_finite(std::abs(model_.value.back()) <= largest_step, options_);
        }
        model_.tree_offsets.push_back(static_cast<std::int64_t>(model_.n_nodes()));
    }

    const BoostingOptions& options_;
    Parallel& parallel_;
    StopToken& stop_;
    BoostingTrace& trace_;
    Positions at_;
    std::shared_ptr<const BinnedRows> binned_;
    Boosting model_;
    HistogramPool histograms_;
    Matrix<double> margins_;                  // outputs x positions
    std::vector<double> normaliser_;          // log of the sum of exponentials, by position
};

}  // namespace

Boosting fit_boosting(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options, Parallel& parallel,
                      StopToken& stop, const Boosting* previous, BoostingTrace* trace, const BoostingBins* bins) {
    check(data, validation, options);
    require(bins == nullptr || bins->serves(validation, options), "bins", "of the same holdout, max_bins and class weights", "others");
    BoostingTrace unused;
    return Fit(data, validation, options, parallel, stop, trace == nullptr ? unused : *trace, bins).run(data, previous);
}

BoostingBins::BoostingBins(const LabelledRows& data, std::span<const std::uint8_t> validation, const BoostingOptions& options, Parallel& parallel,
                           StopToken& stop)
    : validation_(validation.begin(), validation.end()), max_bins_(options.max_bins), class_weight_(options.class_weight),
      class_weights_(options.class_weights) {
    check(data, validation, options);
    rows_ = binned_rows(data, Positions(data, validation, options), options.max_bins, parallel, stop);
}

bool BoostingBins::serves(std::span<const std::uint8_t> validation, const BoostingOptions& options) const {
    return options.max_bins == max_bins_ && options.class_weight == class_weight_ && options.class_weights == class_weights_ &&
           std::equal(validation.begin(), validation.end(), validation_.begin(), validation_.end());
}

std::vector<double> feature_importances(const Boosting& model) {
    std::vector<double> sums(model.n_features, 0.0);
    for (std::size_t i = 0; i < model.n_nodes(); ++i) {
        if (model.feature[i] >= 0) {
            sums[static_cast<std::size_t>(model.feature[i])] += model.gain[i];
        }
    }
    const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
    for (double& sum : sums) {
        sum = total > 0 ? sum / total : 0.0;
    }
    return sums;
}

}  // namespace emotion::trees
