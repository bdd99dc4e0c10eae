#include "emotion/trees/forest.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>

#include "emotion/core/memory.hpp"
#include "emotion/trees/forest_predictor.hpp"
#include "grower.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t few_rows = 8;

// Scratch memory of one thread while it grows trees.
struct Workspace {
    Workspace(const TrainingPlan& plan, const ForestOptions& options) : grower(plan, options) {}
    Grower grower;
    std::unique_ptr<SplitSearch> narrow;
    std::unique_ptr<SplitSearch> broad;
    std::vector<std::uint32_t> copies;
};

// Hands out one workspace to each task that runs at the same time.
class WorkspacePool {
public:
    WorkspacePool(const TrainingPlan& plan, const ForestOptions& options) : plan_(plan), options_(options) {}
    std::unique_ptr<Workspace> take() {
        {
            const std::lock_guard lock(mutex_);
            if (!free_.empty()) {
                auto workspace = std::move(free_.back());
                free_.pop_back();
                return workspace;
            }
        }
        return std::make_unique<Workspace>(plan_, options_);
    }
    void give(std::unique_ptr<Workspace> workspace) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(workspace));
    }

private:
    const TrainingPlan& plan_;
    const ForestOptions& options_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Workspace>> free_;
};

// One bit a row and tree: some copy of the row was drawn.
class BagMarks {
public:
    BagMarks(std::size_t n_trees, std::size_t n_rows) : words_((n_rows + 63) / 64), bits_(n_trees * words_, 0) {}
    void mark(std::size_t tree, std::size_t row) { bits_[tree * words_ + row / 64] |= std::uint64_t{1} << (row % 64); }
    [[nodiscard]] bool marked(std::size_t tree, std::size_t row) const { return ((bits_[tree * words_ + row / 64] >> (row % 64)) & 1U) != 0; }

private:
    std::size_t words_;
    std::vector<std::uint64_t> bits_;
};

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

Forest join(std::vector<Tree>& trees, std::size_t n_classes, std::size_t n_features) {
    Forest forest;
    forest.n_classes = n_classes;
    forest.n_features = n_features;
    forest.tree_offsets.push_back(0);
    std::size_t n_nodes = 0;
    for (const Tree& tree : trees) {
        n_nodes += tree.feature.size();
        forest.tree_offsets.push_back(static_cast<std::int64_t>(n_nodes));
    }
    forest.feature.reserve(n_nodes);
    forest.threshold.reserve(n_nodes);
    forest.left.reserve(n_nodes);
    forest.right.reserve(n_nodes);
    forest.missing_left.reserve(n_nodes);
    forest.cover.reserve(n_nodes);
    forest.impurity.reserve(n_nodes);
    forest.value.reserve(n_nodes * n_classes);
    for (Tree& tree : trees) {
        append(forest.feature, tree.feature);
        append(forest.threshold, tree.threshold);
        append(forest.left, tree.left);
        append(forest.right, tree.right);
        append(forest.missing_left, tree.missing_left);
        append(forest.cover, tree.cover);
        append(forest.impurity, tree.impurity);
        append(forest.value, tree.value);
        tree = Tree{};
    }
    return forest;
}

// Copies what the forest sees of a row of the matrix.
using ReadRow = std::function<void(std::uint32_t row, float* x)>;

// Means over the trees that did not draw the row, added in the order of the trees.
void score_out_of_bag(const Forest& forest, std::span<const std::int32_t> rows, const ReadRow& read, const TrainingPlan& plan, const BagMarks& in_bag,
                      OutOfBag& out, Parallel& parallel, StopToken& stop) {
    const ForestPredictor predictor(forest);
    const std::size_t k = forest.n_classes;
    out.probability = Matrix<double>(plan.n_positions, k, std::numeric_limits<double>::quiet_NaN());
    parallel.blocks(plan.n_positions, 16, [&](std::size_t begin, std::size_t end) {
        std::vector<float> x(forest.n_features);
        std::vector<double> sums(k);
        for (std::size_t p = begin; p < end; ++p) {
            stop.check();
            const auto row = static_cast<std::uint32_t>(rows[p]);
            read(row, x.data());
            std::fill(sums.begin(), sums.end(), 0.0);
            std::size_t votes = 0;
            for (std::size_t t = 0; t < forest.n_trees(); ++t) {
                if (!in_bag.marked(t, row)) {
                    predictor.add_tree(t, x.data(), sums.data());
                    ++votes;
                }
            }
            for (std::size_t c = 0; c < k && votes > 0; ++c) {
                out.probability(p, c) = sums[c] / static_cast<double>(votes);
            }
        }
    });
}

// The definition, for rows too few to pay for a layout of their own: the same sums in the same order as ForestPredictor.
void walk(const Forest& forest, MatrixView<const float> x, MatrixView<double> out) {
    for (std::size_t r = 0; r < x.rows; ++r) {
        const std::span<double> sums = out.row(r);
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::size_t t = 0; t < forest.n_trees(); ++t) {
            const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
            std::size_t node = begin;
            while (forest.feature[node] >= 0) {
                const float value = x(r, static_cast<std::size_t>(forest.feature[node]));
                const bool left = value <= forest.threshold[node] || (value != value && forest.missing_left[node] != 0);
                node = begin + static_cast<std::size_t>(left ? forest.left[node] : forest.right[node]);
            }
            for (std::size_t c = 0; c < sums.size(); ++c) {
                sums[c] += forest.value[node * sums.size() + c];
            }
        }
        for (double& sum : sums) {
            sum /= static_cast<double>(forest.n_trees());
        }
    }
}

bool uses_bins(std::size_t n_positions, const ForestOptions& options) {
    return options.splitter == Splitter::best && n_positions > options.exact_positions;
}

// Replaces the plan's rank codes by what the fit reads instead, if it does.
template <class Data>
void take_columns(TrainingPlan& plan, const Data& data, const ForestOptions& options, Parallel& parallel, StopToken& stop) {
    if (options.splitter == Splitter::random_cut) {
        plan.take_values(ItemValues(data, plan.item_row, parallel, stop));
    } else if (uses_bins(plan.n_positions, options)) {
        plan.take_bins(BinnedItems(data, plan.item_row, parallel, stop));
    }
}

Forest grow_forest(const TrainingPlan& plan, const ForestOptions& options, std::span<const std::int32_t> rows, const ReadRow& read, Parallel& parallel,
                   StopToken& stop, OutOfBag* out_of_bag) {
    const auto n_trees = static_cast<std::size_t>(options.n_estimators);
    const std::size_t draws = options.bootstrap && options.max_samples != 0 ? options.max_samples : plan.n_positions;
    const bool by_counts = !plan.weighted && options.splitter == Splitter::best;
    const std::vector<std::int64_t> xlogx = options.criterion == Criterion::entropy && by_counts ? entropy_table(draws) : std::vector<std::int64_t>{};
    WorkspacePool pool(plan, options);
    check_memory(out_of_bag != nullptr ? n_trees : 0, (plan.n_rows + 7) / 8, "n_estimators", class_name(options), "the out-of-bag marks");
    BagMarks in_bag(out_of_bag != nullptr ? n_trees : 0, plan.n_rows);
    check_memory(n_trees, sizeof(Tree), "n_estimators", class_name(options), "the trees");
    std::vector<Tree> trees(n_trees);
    std::atomic<std::size_t> n_shares{0};
    parallel.each(n_trees, [&](std::size_t t) {
        stop.check();
        auto workspace = pool.take();
        std::vector<std::uint32_t>& copies = workspace->copies;
        plan.draw(options, options.first_tree + t, copies);
        const bool narrow = by_counts && fits_narrow_keys(plan, *std::max_element(copies.begin(), copies.end()));
        auto& search = narrow ? workspace->narrow : workspace->broad;
        if (!search) {
            search = options.splitter == Splitter::best ? make_split_search(plan, options.criterion, narrow, xlogx) : make_random_cut_search(plan, options.criterion);
        }
        search->start_tree(copies, plan.tree_class_factor(options, copies));
        trees[t] = workspace->grower.grow(*search, options.first_tree + t, stop);
        const std::size_t shares = n_shares += trees[t].value.size();
        check_memory(2 * shares, sizeof(double), "n_estimators", class_name(options), "the class shares of the trees' nodes");  // once more when joined
        if (out_of_bag != nullptr) {
            for (std::size_t i = 0; i < copies.size(); ++i) {
                if (copies[i] != 0) {
                    in_bag.mark(t, plan.item_row[i]);
                }
            }
        }
        pool.give(std::move(workspace));
        stop.advance();
    });
    Forest forest = join(trees, plan.n_classes, plan.columns.size());
    if (out_of_bag != nullptr) {
        score_out_of_bag(forest, rows, read, plan, in_bag, *out_of_bag, parallel, stop);
    }
    return forest;
}

}  // namespace

Forest fit_forest(const TrainingSet& data, const ForestOptions& options, Parallel& parallel, StopToken& stop, OutOfBag* out_of_bag) {
    TrainingPlan plan(data, options);
    take_columns(plan, data, options, parallel, stop);
    const auto read = [&data](std::uint32_t row, float* x) {
        for (std::size_t j = 0; j < data.columns.size(); ++j) {
            const auto column = static_cast<std::size_t>(data.columns[j]);
            const std::uint32_t code = data.codes->is_wide() ? data.codes->wide(column)[row] : data.codes->narrow(column)[row];
            x[j] = code < data.values[j].size() ? data.values[j][code] : std::numeric_limits<float>::quiet_NaN();
        }
    };
    return grow_forest(plan, options, data.rows, read, parallel, stop, out_of_bag);
}

Forest fit_forest(const LabelledRows& data, const ForestOptions& options, Parallel& parallel, StopToken& stop, OutOfBag* out_of_bag) {
    if (options.splitter == Splitter::random_cut || uses_bins(data.rows.size(), options)) {   // needs no rank codes
        TrainingPlan plan(data, options);
        take_columns(plan, data, options, parallel, stop);
        const auto read = [&data](std::uint32_t row, float* x) { std::ranges::copy(data.x.row(row), x); };
        return grow_forest(plan, options, data.rows, read, parallel, stop, out_of_bag);
    }
    const RankCodes codes = RankCodes::build(data.x, parallel, stop);
    std::vector<std::int32_t> columns(data.x.cols);
    std::iota(columns.begin(), columns.end(), 0);
    std::vector<std::vector<float>> values(data.x.cols);
    for (std::size_t j = 0; j < data.x.cols; ++j) {
        const std::span<const double> distinct = codes.values(j);
        values[j].reserve(distinct.size());
        std::ranges::transform(distinct, std::back_inserter(values[j]), [](double value) { return static_cast<float>(value); });
    }
    const TrainingSet set{&codes, columns, values, data.rows, data.labels, data.weights, data.n_classes};
    return fit_forest(set, options, parallel, stop, out_of_bag);
}

void predict_proba(const Forest& forest, MatrixView<const float> x, MatrixView<double> out, Parallel& parallel, StopToken& stop) {
    if (x.rows <= few_rows && x.cols == forest.n_features && out.rows == x.rows && out.cols == forest.n_classes) {
        walk(forest, x, out);
        return;
    }
    ForestPredictor(forest).predict_proba(x, out, parallel, stop);
}

std::vector<double> feature_importances(const Forest& forest) {
    std::vector<double> sums(forest.n_features, 0.0);
    std::vector<double> tree_sums(forest.n_features);
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        const auto begin = static_cast<std::size_t>(forest.tree_offsets[t]);
        const auto end = static_cast<std::size_t>(forest.tree_offsets[t + 1]);
        std::fill(tree_sums.begin(), tree_sums.end(), 0.0);
        double total = 0;
        for (std::size_t i = begin; i < end; ++i) {
            if (forest.feature[i] < 0) {
                continue;
            }
            const std::size_t left = begin + static_cast<std::size_t>(forest.left[i]);
            const std::size_t right = begin + static_cast<std::size_t>(forest.right[i]);
            const double decrease = forest.cover[i] * forest.impurity[i] - forest.cover[left] * forest.impurity[left] - forest.cover[right] * forest.impurity[right];
            tree_sums[static_cast<std::size_t>(forest.feature[i])] += decrease;
            total += decrease;
        }
        for (std::size_t j = 0; j < sums.size() && total > 0; ++j) {
            sums[j] += tree_sums[j] / total;
        }
    }
    double total = 0;
    for (const double value : sums) {
        total += value;
    }
    for (double& value : sums) {
        value = total > 0 ? value / total : 0.0;
    }
    return sums;
}

}  // namespace emotion::trees
