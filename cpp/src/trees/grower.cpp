#include "grower.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "emotion/core/memory.hpp"

namespace emotion::trees {
namespace {

constexpr std::size_t places_a_check = 100'000;   // of larger nodes each column is worth a look at the stop token
constexpr double epsilon = std::numeric_limits<double>::epsilon();

std::uint64_t path_of(std::uint64_t parent, bool is_right) { return mix64(parent + (is_right ? 0xD1B54A32D192ED03ULL : 0x8CB92BA72F3D8DD7ULL)); }

}  // namespace

float threshold_between(float left, float right) {
    const double middle = (static_cast<double>(left) + static_cast<double>(right)) / 2;
    auto threshold = static_cast<float>(middle);
    if (static_cast<double>(threshold) > middle) {
        threshold = std::nextafter(threshold, -std::numeric_limits<float>::infinity());
    }
    return threshold >= left && threshold < right ? threshold : left;  // otherwise an end is infinite
}

Grower::Grower(const TrainingPlan& plan, const ForestOptions& options)
    : plan_(plan),
      options_(options),
      max_features_(options.max_features == 0 ? plan.columns.size() : std::min(options.max_features, plan.columns.size())),
      columns_(plan.columns.size()),
      is_constant_(plan.columns.size(), 0),
      most_shares_(physical_memory() / sizeof(double) / 2),  // growing a vector needs the old and the new one
      compact_limit_(compact_limit()) {
    std::iota(columns_.begin(), columns_.end(), 0U);
    for (NodeSums* sums : {&sums_, &left_sums_, &right_sums_}) {
        sums->classes.resize(plan.n_classes);
    }
}

Tree Grower::grow(SplitSearch& search, std::size_t tree, StopToken& stop) {
    search_ = &search;
    stop_ = &stop;
    tree_index_ = tree;
    tree_ = Tree{};
    search.sums(0, search.size(), sums_);
    root_weight_ = sums_.weight;
    min_weight_leaf_ = options_.min_weight_fraction_leaf * root_weight_;
    Node root;
    root.end = search.size();
    if (options_.max_leaf_nodes > 0) {
        grow_best_first(root);
    } else {
        grow_depth_first(root);
    }
    for (; !constants_.empty(); constants_.pop_back()) {
        is_constant_[constants_.back()] = 0;
    }
    return std::move(tree_);
}

// Appends the node as a leaf, with sums_ as its sums.
std::int32_t Grower::add_node(const Node& node) {
    const auto index = static_cast<std::int32_t>(tree_.feature.size());
    if (node.parent >= 0) {
        (node.is_right ? tree_.right : tree_.left)[static_cast<std::size_t>(node.parent)] = index;
    }
    if (tree_.value.size() > most_shares_) {
        check_memory(2 * tree_.value.size(), sizeof(double), "y", class_name(options_), "the class shares of a tree's nodes (fewer classes, or smaller trees)");
    }
    search_->sums(node.begin, node.end, sums_);
    sums_.impurity = sums_.pure ? 0 : impurity_of(sums_.classes, sums_.weight, options_.criterion);
    tree_.feature.push_back(-1);
    tree_.threshold.push_back(0);
    tree_.left.push_back(-1);
    tree_.right.push_back(-1);
    tree_.missing_left.push_back(0);
    tree_.cover.push_back(sums_.weight);
    tree_.impurity.push_back(sums_.impurity);
    for (const double weight : sums_.classes) {
        tree_.value.push_back(sums_.weight > 0 ? weight / sums_.weight : 1.0 / static_cast<double>(plan_.n_classes));
    }
    return index;
}

bool Grower::must_be_leaf(const Node& node) const {
    return sums_.pure || node.end - node.begin < 2 || (options_.max_depth >= 0 && node.depth >= options_.max_depth) ||
           sums_.copies < options_.min_samples_split || sums_.copies < 2 * options_.min_samples_leaf || sums_.weight < 2 * min_weight_leaf_ ||
           sums_.impurity <= epsilon;
}

// scikit-learn's rule: columns are drawn without replacement until max_features of them were drawn and at least one was not constant in
// the node. Columns constant in an ancestor are drawn like the others, but not looked at.
void Grower::draw_columns(const Node& node) {
    while (constants_.size() > node.n_constants) {
        is_constant_[constants_.back()] = 0;
        constants_.pop_back();
    }
    RandomStream stream(options_.seed, Purpose::node_features, tree_index_, node.path);
    const std::size_t n = columns_.size();
    bool seen_varying = false;
    swaps_.clear();
    const auto draw = [&] {
        const std::size_t drawn = swaps_.size();
        const std::size_t at = drawn + static_cast<std::size_t>(stream.below(n - drawn));
        std::swap(columns_[drawn], columns_[at]);
        swaps_.push_back(static_cast<std::uint32_t>(at));
        return columns_[drawn];
    };
    while (swaps_.size() < max_features_) {   // these are drawn in any case: first all of them, so that their codes come while others are tried
        const std::uint32_t column = draw();
        if (is_constant_[column] == 0) {
            search_->prefetch(column);
        }
    }
    for (std::size_t tried = 0; tried < n && (tried < max_features_ || !seen_varying); ++tried) {
        const std::uint32_t column = tried < swaps_.size() ? columns_[tried] : draw();
        if (is_constant_[column] != 0) {
            continue;
        }
        if (search_->try_column(column)) {
            seen_varying = true;
        } else {
            is_constant_[column] = 1;
            constants_.push_back(column);
        }
        if (node.end - node.begin > places_a_check) {
            stop_->check();
        }
    }
    for (std::size_t drawn = swaps_.size(); drawn-- > 0;) {
        std::swap(columns_[drawn], columns_[swaps_[drawn]]);
    }
}

void Grower::set_split(std::int32_t index, const Split& split, std::size_t n_left, std::size_t n_right) {
    const auto i = static_cast<std::size_t>(index);
    const Column& column = plan_.columns[split.feature];
    tree_.feature[i] = static_cast<std::int32_t>(split.feature);
    if (split.only_missing_right) {
        tree_.threshold[i] = std::numeric_limits<float>::infinity();
    } else {
        tree_.threshold[i] = std::isnan(split.cut) ? threshold_between(column.values[split.left_code], column.least[split.right_code]) : split.cut;
    }
    tree_.missing_left[i] = (split.missing_in_node ? split.missing_left : n_left > n_right) ? 1 : 0;
}

bool Grower::split(const Node& node, std::int32_t index, std::size_t& middle, double& improvement) {
    search_->start_node(node.begin, node.end, sums_, {options_.min_samples_leaf, min_weight_leaf_, {options_.seed, tree_index_, node.path}});
    draw_columns(node);
    const Split best = search_->best();
    if (!best.found) {
        return false;
    }
    middle = search_->apply(best, node.begin, node.end);
    improvement = 0;
    const bool needs_copies = !best.missing_in_node;
    if (needs_copies || options_.min_impurity_decrease > 0 || options_.max_leaf_nodes > 0) {
        search_->sums(node.begin, middle, left_sums_);
        search_->sums(middle, node.end, right_sums_);
        const double left = left_sums_.weight * impurity_of(left_sums_.classes, left_sums_.weight, options_.criterion);
        const double right = right_sums_.weight * impurity_of(right_sums_.classes, right_sums_.weight, options_.criterion);
        improvement = (sums_.weight * sums_.impurity - left - right) / root_weight_;
        if (improvement + epsilon < options_.min_impurity_decrease) {
            return false;
        }
    }
    set_split(index, best, static_cast<std::size_t>(left_sums_.copies), static_cast<std::size_t>(right_sums_.copies));
    return true;
}

Grower::Node Grower::child(const Node& parent, std::int32_t index, std::size_t begin, std::size_t end, bool is_right) const {
    return {begin, end, index, is_right, parent.depth + 1, path_of(parent.path, is_right), constants_.size()};
}

// Copying pays where the codes do not fit the cache, and where the levels below will look at about as many columns as are copied.
std::size_t Grower::compact_limit() const {
    constexpr std::size_t copy_bytes = 512 << 10;
    const std::size_t a_place = columns_.size() * plan_.code_bytes();
    const std::size_t limit = copy_bytes / a_place;
    const auto levels = static_cast<std::size_t>(std::bit_width(limit));
    return plan_.has_code_rows() && columns_.size() <= max_features_ * levels ? limit : 0;
}

void Grower::keep_compact(const Node& node) {
    if (compact_end_ != 0 && node.begin >= compact_end_) {
        search_->release();
        compact_end_ = 0;
    }
    const std::size_t n = node.end - node.begin;
    if (compact_end_ == 0 && n <= compact_limit_ && columns_.size() <= max_features_ * static_cast<std::size_t>(std::bit_width(n))) {
        search_->compact(node.begin, node.end);
        compact_end_ = node.end;
    }
}

// Pre-order: the columns found constant on the way down are a stack, cut back when a right child starts.
void Grower::grow_depth_first(const Node& root) {
    stack_.assign(1, root);
    compact_end_ = 0;
    while (!stack_.empty()) {
        stop_->check();
        const Node node = stack_.back();
        stack_.pop_back();
        const std::int32_t index = add_node(node);
        std::size_t middle = 0;
        double improvement = 0;
        if (must_be_leaf(node)) {
            continue;
        }
        keep_compact(node);
        if (split(node, index, middle, improvement)) {
            stack_.push_back(child(node, index, middle, node.end, true));
            stack_.push_back(child(node, index, node.begin, middle, false));
        }
    }
}

void Grower::grow_best_first(const Node& root) {
    const auto worse = [](const Candidate& a, const Candidate& b) { return std::pair(a.improvement, b.index) < std::pair(b.improvement, a.index); };
    std::priority_queue<Candidate, std::vector<Candidate>, decltype(worse)> frontier(worse);
    int n_leaves = 1;
    const auto consider = [&](Node node) {
        stop_->check();
        node.n_constants = 0;
        Candidate candidate;
        candidate.index = add_node(node);
        candidate.node = node;
        if (!must_be_leaf(node) && split(node, candidate.index, candidate.middle, candidate.improvement)) {
            frontier.push(candidate);
        }
    };
    consider(root);
    while (!frontier.empty() && n_leaves < options_.max_leaf_nodes) {
        const Candidate candidate = frontier.top();
        frontier.pop();
        ++n_leaves;
        consider(child(candidate.node, candidate.index, candidate.node.begin, candidate.middle, false));
        consider(child(candidate.node, candidate.index, candidate.middle, candidate.node.end, true));
    }
    for (; !frontier.empty(); frontier.pop()) {  // what was left unsplit is a leaf
        const auto i = static_cast<std::size_t>(frontier.top().index);
        tree_.feature[i] = -1;
        tree_.threshold[i] = 0;
        tree_.missing_left[i] = 0;
    }
}

}  // namespace emotion::trees
