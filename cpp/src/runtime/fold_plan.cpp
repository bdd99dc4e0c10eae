#include "fold_plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace emotion::runtime {
namespace {

bool equal_rows(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
    return a.size() == b.size() && (a.data() == b.data() || std::equal(a.begin(), a.end(), b.begin()));
}

// Training rows that are all others are given by the test rows.
std::span<const std::int64_t> key_rows(const Fold& fold) { return fold.rest ? fold.test : fold.train; }

bool equal_training(const Fold& a, const Fold& b) { return a.rest == b.rest && equal_rows(key_rows(a), key_rows(b)); }

// The runs of each group, groups in the order of their first runs.
std::vector<std::vector<std::size_t>> groups_of(std::span<const Fold> folds) {
    using Key = std::tuple<bool, std::size_t, std::int64_t, std::int64_t, std::int64_t>;
    std::map<Key, std::vector<std::size_t>> buckets;  // groups that may be equal
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t f = 0; f < folds.size(); ++f) {
        const std::span<const std::int64_t> rows = key_rows(folds[f]);
        std::vector<std::size_t>& bucket = buckets[{folds[f].rest, rows.size(), rows.front(), rows[rows.size() / 2], rows.back()}];
        const auto same = std::find_if(bucket.begin(), bucket.end(), [&](std::size_t g) { return equal_training(folds[f], folds[groups[g].front()]); });
        if (same == bucket.end()) {
            bucket.push_back(groups.size());
            groups.push_back({f});
        } else {
            groups[*same].push_back(f);
        }
    }
    return groups;
}

// Whether one model is the beginning of the other.
bool grows_alike(const EstimatorSpec& a, const EstimatorSpec& b) {
    if (a.index() != b.index()) {
        return false;
    }
    if (const auto* const forest = std::get_if<ForestSpec>(&a)) {
        ForestSpec other = std::get<ForestSpec>(b);
        other.options.n_estimators = forest->options.n_estimators;
        return other == *forest;
    }
    if (const auto* const boosting = std::get_if<BoostingSpec>(&a)) {
        BoostingSpec other = std::get<BoostingSpec>(b);
        other.options.n_estimators = boosting->options.n_estimators;
        return boosting->options.n_iter_no_change <= 0 && other == *boosting;
    }
    return false;
}

class GroupPlan {
public:
    GroupPlan(std::span<const PipelineSpec> specs, std::span<const Fold> folds) : specs_(specs), folds_(folds) {}

    // Runs whose first `depth` steps are equal; `prefix` is the last one that is shared.
    void add(const std::vector<std::size_t>& runs, std::size_t prefix, std::size_t depth) {
        if (runs.size() == 1) {
            group.tasks.push_back({prefix, runs});
            return;
        }
        std::vector<std::size_t> complete;
        std::vector<std::vector<std::size_t>> branches;
        for (const std::size_t run : runs) {
            const std::vector<StepSpec>& steps = steps_of(run);
            if (steps.size() == depth) {
                complete.push_back(run);
                continue;
            }
            const auto same = std::find_if(branches.begin(), branches.end(), [&](const auto& b) { return steps_of(b.front())[depth] == steps[depth]; });
            if (same == branches.end()) {
                branches.push_back({run});
            } else {
                same->push_back(run);
            }
        }
        std::vector<FitTask> families = families_of(complete);
        if (families.size() + branches.size() > 1) {  // what follows differs: this is what is shared
            group.prefixes.push_back({prefix, runs.front(), depth});
            prefix = group.prefixes.size() - 1;
        }
        for (FitTask& family : families) {
            family.prefix = prefix;
            group.tasks.push_back(std::move(family));
        }
        for (const std::vector<std::size_t>& branch : branches) {
            add(branch, prefix, depth + 1);
        }
    }

    FoldGroup group;

private:
    [[nodiscard]] const PipelineSpec& spec_of(std::size_t run) const { return specs_[folds_[run].spec]; }
    [[nodiscard]] const std::vector<StepSpec>& steps_of(std::size_t run) const { return spec_of(run).steps; }

    [[nodiscard]] std::vector<FitTask> families_of(const std::vector<std::size_t>& runs) const {
        std::vector<FitTask> families;
        for (const std::size_t run : runs) {
            const EstimatorSpec& own = spec_of(run).estimator;
            const auto same = std::find_if(families.begin(), families.end(), [&](const FitTask& f) { return grows_alike(spec_of(f.runs.front()).estimator, own); });
            if (same == families.end()) {
                families.push_back({no_prefix, {run}});
            } else {
                same->runs.push_back(run);
            }
        }
        for (FitTask& family : families) {
            std::stable_sort(family.runs.begin(), family.runs.end(),
                             [&](std::size_t a, std::size_t b) { return size_of(spec_of(a).estimator) < size_of(spec_of(b).estimator); });
        }
        return families;
    }

    std::span<const PipelineSpec> specs_;
    std::span<const Fold> folds_;
};

}  // namespace

int size_of(const EstimatorSpec& spec) {
    if (const auto* const forest = std::get_if<ForestSpec>(&spec)) {
        return forest->options.n_estimators;
    }
    const auto* const boosting = std::get_if<BoostingSpec>(&spec);
    return boosting != nullptr ? boosting->options.n_estimators : 1;
}

std::vector<FoldGroup> plan_folds(std::span<const PipelineSpec> specs, std::span<const Fold> folds) {
    std::vector<FoldGroup> plan;
    for (const std::vector<std::size_t>& runs : groups_of(folds)) {
        GroupPlan group(specs, folds);
        group.add(runs, no_prefix, 0);
        plan.push_back(std::move(group.group));
    }
    return plan;
}

}  // namespace emotion::runtime
