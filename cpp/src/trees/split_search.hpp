// The search for the best split of a node, over columns given one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "training_plan.hpp"

namespace emotion::trees {

// A boundary between two neighbouring values of the node, named by their codes.
struct Split {
    bool found = false;
    bool missing_in_node = false;      // the node has rows where the column is NaN
    bool missing_left = false;
    bool only_missing_right = false;   // every value goes left, NaN right; right_code has no meaning
    std::uint32_t feature = 0;
    std::uint32_t left_code = 0;
    std::uint32_t right_code = 0;
    float cut = std::numeric_limits<float>::quiet_NaN();   // the threshold where it was drawn at random; NaN: the middle between the codes' values
};

struct NodeSums {
    std::vector<double> classes;   // weight of each class
    double weight = 0;
    double copies = 0;
    double impurity = 0;
    bool pure = false;             // at most one class
};

// What a node's random numbers depend on.
struct NodeKey {
    std::uint64_t seed = 0;
    std::uint64_t tree = 0;
    std::uint64_t path = 0;
};

struct SplitLimits {
    double min_samples_leaf = 1;
    double min_weight_leaf = 0;
    NodeKey key;
};

// Holds the items of one tree in node order: a node is a range of places. One object a thread, reused from tree to tree.
//
// Order of the items inside a node never shows in a result: with unit weights all sums are integers; with weights the order of
// positions is kept by stable partitions, and sums run over (code, place).
class SplitSearch {
public:
    virtual ~SplitSearch() = default;
    SplitSearch() = default;
    SplitSearch(const SplitSearch&) = delete;
    SplitSearch& operator=(const SplitSearch&) = delete;

    virtual void start_tree(const std::vector<std::uint32_t>& copies, const std::vector<double>& class_factor) = 0;
    [[nodiscard]] virtual std::size_t size() const = 0;
    // From now on only the places [begin, end) are asked for: copies their codes together, so that the nodes below them read from the
    // second-level cache. release() ends that; the places must not be asked for again. Results do not depend on either.
    virtual void compact(std::size_t begin, std::size_t end) = 0;
    virtual void release() = 0;
    virtual void sums(std::size_t begin, std::size_t end, NodeSums& out) = 0;
    // The node whose split is sought from now on. `sums` must stay alive until apply().
    virtual void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) = 0;
    // The column will be tried: fetches what a small node reads of it into the cache.
    virtual void prefetch(std::uint32_t feature) const = 0;
    // Looks at all boundaries of a column, or at its random cut; false if the column is constant in the node. Earlier columns win ties, and smaller values.
    virtual bool try_column(std::uint32_t feature) = 0;
    [[nodiscard]] virtual const Split& best() const = 0;
    // Moves the places of the left child before those of the right; returns where the right child begins.
    virtual std::size_t apply(const Split& split, std::size_t begin, std::size_t end) = 0;
};

// xlogx: for unit weights and entropy, see entropy_table; `narrow_keys`: the packed keys of a tree fit 31 bits.
std::unique_ptr<SplitSearch> make_split_search(const TrainingPlan& plan, Criterion criterion, bool narrow_keys, const std::vector<std::int64_t>& xlogx);

// One random cut a column, for any weights; the plan has values.
std::unique_ptr<SplitSearch> make_random_cut_search(const TrainingPlan& plan, Criterion criterion);

// Whether code, class and a count up to max_copies fit 31 bits.
bool fits_narrow_keys(const TrainingPlan& plan, std::uint32_t max_copies);

// n log2 n for n = 0 … n_max in fixed point, so that sums over classes are exact and independent of order.
std::vector<std::int64_t> entropy_table(std::size_t n_max);

// Gini impurity or entropy (bits) of class weights.
double impurity_of(const std::vector<double>& classes, double weight, Criterion criterion);

// What the split with these weights left of it scores: the larger, the smaller the children's weighted impurity. -infinity if a child has no
// weight, or less than min_weight_leaf.
double split_score(const std::vector<double>& left, const NodeSums& total, double min_weight_leaf, Criterion criterion);

}  // namespace emotion::trees
