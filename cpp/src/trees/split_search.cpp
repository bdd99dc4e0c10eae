#include "split_search.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sort_keys.hpp"

namespace emotion::trees {
namespace {

int bits_for(std::uint64_t largest) { return static_cast<int>(std::bit_width(largest)); }

// Scores of unit-weight splits. Every state is an integer, so a score is a pure function of the class counts on both sides.

// Maximises sum_c l_c^2 / L + sum_c r_c^2 / R, which minimises the children's weighted Gini impurity.
// With r_c = t_c - l_c: sum r^2 = sum t^2 - 2 sum t l + sum l^2, so one row moves three sums in O(1).
struct GiniScore {
    std::int64_t squares_left = 0;
    std::int64_t cross = 0;
    std::int64_t squares_total = 0;
    double best = -1;

    void start_node(const std::int64_t* total, std::size_t k) {
        squares_total = 0;
        for (std::size_t c = 0; c < k; ++c) {
            squares_total += total[c] * total[c];
        }
        best = -1;
    }
    void start_scan() { squares_left = cross = 0; }
    void move(std::int64_t left_before, std::int64_t total, std::int64_t n) {
        squares_left += n * (2 * left_before + n);
        cross += n * total;
    }
    bool improves(std::int64_t left, std::int64_t right) {
        const auto squares_l = static_cast<double>(squares_left);
        const auto squares_r = static_cast<double>(squares_total - 2 * cross + squares_left);
        const auto l = static_cast<double>(left);
        const auto r = static_cast<double>(right);
        const double numerator = squares_l * r + squares_r * l;
        const double denominator = l * r;
        if (numerator > best * denominator) {
            best = numerator / denominator;
            return true;
        }
        return false;
    }
};

// Maximises sum_c l_c log l_c - L log L + the same on the right: minus the children's weighted entropy.
struct EntropyScore {
    const std::int64_t* xlogx = nullptr;
    std::int64_t sum = 0;
    std::int64_t start = 0;
    std::int64_t best = std::numeric_limits<std::int64_t>::min();

    void start_node(const std::int64_t* total, std::size_t k) {
        start = 0;
        for (std::size_t c = 0; c < k; ++c) {
            start += xlogx[total[c]];
        }
        best = std::numeric_limits<std::int64_t>::min();
    }
    void start_scan() { sum = start; }
    void move(std::int64_t left_before, std::int64_t total, std::int64_t n) {
        const std::int64_t left_after = left_before + n;
        sum += xlogx[left_after] - xlogx[left_before] + xlogx[total - left_after] - xlogx[total - left_before];
    }
    bool improves(std::int64_t left, std::int64_t right) {
        const std::int64_t score = sum - xlogx[left] - xlogx[right];
        if (score > best) {
            best = score;
            return true;
        }
        return false;
    }
};

// What both searches share: the items' rows in node order, packing, sorting, and the walk over columns.
template <class Key>
class SearchBase : public SplitSearch {
public:
    explicit SearchBase(const TrainingPlan& plan) : plan_(plan), columns_(plan.columns.data()) {}
    void compact(std::size_t begin, std::size_t end) override {
        plan_.codes->is_wide() ? copy_rows(wide_copy_, begin, end) : copy_rows(narrow_copy_, begin, end);
        columns_ = compact_columns_.data();
    }
    void release() override { columns_ = plan_.columns.data(); }
    [[nodiscard]] std::size_t size() const override { return rows_.size(); }
    [[nodiscard]] const Split& best() const override { return best_; }

protected:
    // Column-major codes of the places [begin, end), read from whole rows; the places' rows become 0, 1, ….
    template <class Code>
    void copy_rows(std::vector<Code>& copy, std::size_t begin, std::size_t end) {
        constexpr std::size_t tile = 16;
        const std::size_t m = end - begin;
        const std::size_t d = plan_.columns.size();
        copy.resize(m * d);
        compact_columns_ = plan_.columns;
        for (std::size_t first = 0; first < m; first += tile) {
            const std::size_t count = std::min(tile, m - first);
            const Code* sources[tile];
            for (std::size_t k = 0; k < count; ++k) {
                const std::uint32_t row = rows_[begin + first + k];
                if constexpr (sizeof(Code) == 2) {
                    sources[k] = plan_.codes->narrow_row(row);
                } else {
                    sources[k] = plan_.codes->wide_row(row);
                }
                rows_[begin + first + k] = static_cast<std::uint32_t>(first + k);
            }
            for (std::size_t j = 0; j < d; ++j) {
                const std::size_t source = plan_.source_columns[j];
                Code* const to = copy.data() + j * m + first;
                for (std::size_t k = 0; k < count; ++k) {
                    to[k] = sources[k][source];
                }
            }
        }
        for (std::size_t j = 0; j < d; ++j) {
            if constexpr (sizeof(Code) == 2) {
                compact_columns_[j].narrow = copy.data() + j * m;
            } else {
                compact_columns_[j].wide = copy.data() + j * m;
            }
        }
    }

    // Calls fn(code of place i, i) for the places of a node.
    template <class F>
    void for_codes(const Column& column, std::size_t begin, std::size_t end, F&& fn) const {
        const std::uint32_t* const rows = rows_.data();
        if (column.merged != nullptr) {
            for (std::size_t i = begin; i < end; ++i) {
                fn(column.code(rows[i]), i);
            }
        } else if (column.narrow != nullptr) {
            for (std::size_t i = begin; i < end; ++i) {
                fn(std::uint32_t{column.narrow[rows[i]]}, i);
            }
        } else {
            for (std::size_t i = begin; i < end; ++i) {
                fn(column.wide[rows[i]], i);
            }
        }
    }

    // Packs and sorts the node's keys; false if the column is constant.
    template <class Payload>
    bool sort_column(const Column& column, Payload&& payload) {
        Key low = std::numeric_limits<Key>::max();
        Key high = 0;
        Key* const keys = sorter_.keys();
        const std::size_t begin = begin_;
        const int bits = payload_bits_;
        for_codes(column, begin_, end_, [&](std::uint32_t code, std::size_t i) {
            const Key key = (static_cast<Key>(code) << bits) | payload(i);
            low = std::min(low, key);
            high = std::max(high, key);
            keys[i - begin] = key;
        });
        if ((low >> bits) == (high >> bits)) {
            return false;
        }
        sorter_.sort(end_ - begin_, low >> bits, high >> bits, bits);
        // The keys of NaN are the last.
        n_present_ = end_ - begin_;
        if ((high >> bits) == column.missing_code) {
            const Key* const sorted = sorter_.sorted();
            n_present_ = static_cast<std::size_t>(std::lower_bound(sorted, sorted + n_present_, static_cast<Key>(column.missing_code) << bits) - sorted);
        }
        return true;
    }

    // Stable partition flags: place i goes left.
    template <class Move>
    std::size_t partition(const Split& split, std::size_t begin, std::size_t end, Move&& move) {
        const Column& column = columns_[split.feature];
        std::size_t left = begin;
        std::size_t right = 0;
        for_codes(column, begin, end, [&](std::uint32_t code, std::size_t i) {
            const bool goes_left = code == column.missing_code ? split.missing_left : code <= split.left_code;
            move(i, left, right);
            left += goes_left ? 1 : 0;
            right += goes_left ? 0 : 1;
        });
        return left;
    }

    void record(std::uint32_t feature, std::size_t i, bool missing_left) {
        const Key* const sorted = sorter_.sorted();
        best_.found = true;
        best_.feature = feature;
        best_.missing_in_node = n_present_ < end_ - begin_;
        best_.missing_left = missing_left;
        best_.only_missing_right = i + 1 == n_present_;
        best_.left_code = static_cast<std::uint32_t>(sorted[i] >> payload_bits_);
        best_.right_code = static_cast<std::uint32_t>(sorted[i + 1] >> payload_bits_);
    }

    const TrainingPlan& plan_;
    const Column* columns_;   // of the plan, or compact_columns_
    std::vector<Column> compact_columns_;
    std::vector<std::uint16_t> narrow_copy_;
    std::vector<std::uint32_t> wide_copy_;
    KeySorter<Key> sorter_;
    std::vector<std::uint32_t> rows_;
    std::vector<std::uint32_t> spare_rows_;
    Split best_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t n_present_ = 0;
    int payload_bits_ = 0;
};

// Unit weights. Key: code | class | copies.
template <class Key, class Score>
class UnitSearch final : public SearchBase<Key> {
    using Base = SearchBase<Key>;

public:
    UnitSearch(const TrainingPlan& plan, Score score) : Base(plan), score_(score), total_(plan.n_classes), left_(plan.n_classes) {}

    void start_tree(const std::vector<std::uint32_t>& copies, const std::vector<double>&) override {
        const TrainingPlan& plan = this->plan_;
        const std::uint32_t largest = *std::max_element(copies.begin(), copies.end());
        copy_bits_ = bits_for(largest);
        this->payload_bits_ = copy_bits_ + bits_for(plan.n_classes - 1);
        this->release();
        this->rows_.clear();
        payload_.clear();
        for (std::size_t i = 0; i < copies.size(); ++i) {
            if (copies[i] != 0) {
                this->rows_.push_back(plan.item_row[i]);
                payload_.push_back((static_cast<Key>(plan.item_class[i]) << copy_bits_) | copies[i]);
            }
        }
        this->spare_rows_.resize(this->rows_.size());
        spare_payload_.resize(payload_.size());
        this->sorter_.reserve(this->rows_.size());
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) override {
        std::fill(total_.begin(), total_.end(), 0);
        const Key copy_mask = (Key{1} << copy_bits_) - 1;
        for (std::size_t i = begin; i < end; ++i) {
            total_[payload_[i] >> copy_bits_] += static_cast<std::int64_t>(payload_[i] & copy_mask);
        }
        std::int64_t all = 0;
        std::size_t present = 0;
        for (std::size_t c = 0; c < total_.size(); ++c) {
            all += total_[c];
            present += total_[c] > 0 ? 1 : 0;
            out.classes[c] = static_cast<double>(total_[c]);
        }
        out.weight = out.copies = static_cast<double>(all);
        out.pure = present <= 1;
    }

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        this->begin_ = begin;
        this->end_ = end;
        this->best_ = Split{};
        for (std::size_t c = 0; c < total_.size(); ++c) {
            total_[c] = static_cast<std::int64_t>(sums.classes[c]);
        }
        all_ = static_cast<std::int64_t>(sums.copies);
        least_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(std::max(limits.min_samples_leaf, limits.min_weight_leaf))));
        score_.start_node(total_.data(), total_.size());
    }

    bool try_column(std::uint32_t feature) override {
        const Key* const payload = payload_.data();
        if (!this->sort_column(this->columns_[feature], [payload](std::size_t i) { return payload[i]; })) {
            return false;
        }
        const std::size_t n = this->end_ - this->begin_;
        const std::size_t present = this->n_present_;
        std::fill(left_.begin(), left_.end(), 0);
        score_.start_scan();
        if (present == n) {
            scan(feature, 0, n - 1, 0, false);
            return true;
        }
        scan(feature, 0, present, 0, false);  // NaN right; the last boundary is before NaN
        std::fill(left_.begin(), left_.end(), 0);
        score_.start_scan();
        std::int64_t left = 0;
        for (std::size_t i = present; i < n; ++i) {
            left += move(this->sorter_.sorted()[i]);
        }
        scan(feature, 0, present - 1, left, true);
        return true;
    }

    std::size_t apply(const Split& split, std::size_t begin, std::size_t end) override {
        const std::size_t middle = this->partition(split, begin, end, [&](std::size_t i, std::size_t left, std::size_t right) {
            const std::uint32_t row = this->rows_[i];
            const Key payload = payload_[i];
            this->rows_[left] = row;
            payload_[left] = payload;
            this->spare_rows_[right] = row;
            spare_payload_[right] = payload;
        });
        std::copy_n(this->spare_rows_.begin(), end - middle, this->rows_.begin() + static_cast<std::ptrdiff_t>(middle));
        std::copy_n(spare_payload_.begin(), end - middle, payload_.begin() + static_cast<std::ptrdiff_t>(middle));
        return middle;
    }

private:
    std::int64_t move(Key key) {
        const auto n = static_cast<std::int64_t>(key & ((Key{1} << copy_bits_) - 1));
        const std::size_t c = static_cast<std::size_t>((key >> copy_bits_) & ((Key{1} << (this->payload_bits_ - copy_bits_)) - 1));
        score_.move(left_[c], total_[c], n);
        left_[c] += n;
        return n;
    }

    // Boundaries behind the sorted places [begin, end).
    void scan(std::uint32_t feature, std::size_t begin, std::size_t end, std::int64_t left, bool missing_left) {
        const Key* const sorted = this->sorter_.sorted();
        Score score = score_;
        const Key copy_mask = (Key{1} << copy_bits_) - 1;
        const Key class_mask = (Key{1} << (this->payload_bits_ - copy_bits_)) - 1;
        const int copy_bits = copy_bits_;
        const int payload_bits = this->payload_bits_;
        std::int64_t* const left_counts = left_.data();
        const std::int64_t* const total = total_.data();
        const std::int64_t all = all_;
        const std::int64_t least = least_;
        std::size_t found = end;
        for (std::size_t i = begin; i < end; ++i) {
            const Key key = sorted[i];
            const auto n = static_cast<std::int64_t>(key & copy_mask);
            const auto c = static_cast<std::size_t>((key >> copy_bits) & class_mask);
            score.move(left_counts[c], total[c], n);
            left_counts[c] += n;
            left += n;
            if ((key >> payload_bits) != (sorted[i + 1] >> payload_bits) && left >= least && all - left >= least && score.improves(left, all - left)) {
                found = i;
            }
        }
        score_.best = score.best;
        if (found != end) {
            this->record(feature, found, missing_left);
        }
    }

    Score score_;
    std::vector<Key> payload_;
    std::vector<Key> spare_payload_;
    std::vector<std::int64_t> total_;
    std::vector<std::int64_t> left_;
    std::int64_t all_ = 0;
    std::int64_t least_ = 1;
    int copy_bits_ = 0;
};

// Sample weights and class weights. Key: code | place in the node. A boundary costs O(classes).
class WeightedSearch final : public SearchBase<std::uint64_t> {
public:
    WeightedSearch(const TrainingPlan& plan, Criterion criterion) : SearchBase(plan), criterion_(criterion), left_(plan.n_classes), right_(plan.n_classes) {
        payload_bits_ = 32;
    }

    void start_tree(const std::vector<std::uint32_t>& copies, const std::vector<double>& class_factor) override {
        release();
        rows_.clear();
        items_.clear();
        factor_ = class_factor;
        for (std::size_t i = 0; i < copies.size(); ++i) {
            const double weight = copies[i] * (plan_.item_weight.empty() ? 1.0 : plan_.item_weight[i]);
            if (weight > 0) {
                rows_.push_back(plan_.item_row[i]);
                items_.push_back({weight, plan_.item_class[i], copies[i]});
            }
        }
        spare_rows_.resize(rows_.size());
        spare_items_.resize(items_.size());
        sorter_.reserve(rows_.size());
    }

    void sums(std::size_t begin, std::size_t end, NodeSums& out) override {
        std::fill(out.classes.begin(), out.classes.end(), 0.0);
        double copies = 0;
        for (std::size_t i = begin; i < end; ++i) {
            out.classes[items_[i].label] += items_[i].weight;
            copies += items_[i].copies;
        }
        out.weight = 0;
        std::size_t present = 0;
        for (std::size_t c = 0; c < out.classes.size(); ++c) {
            present += out.classes[c] > 0 ? 1 : 0;
            out.classes[c] *= factor_[c];
            out.weight += out.classes[c];
        }
        out.copies = copies;
        out.pure = present <= 1;
    }

    void start_node(std::size_t begin, std::size_t end, const NodeSums& sums, const SplitLimits& limits) override {
        begin_ = begin;
        end_ = end;
        best_ = Split{};
        best_score_ = -std::numeric_limits<double>::infinity();
        sums_ = &sums;
        limits_ = limits;
    }

    bool try_column(std::uint32_t feature) override {
        const std::size_t begin = begin_;
        if (!sort_column(columns_[feature], [begin](std::size_t i) { return static_cast<std::uint64_t>(i - begin); })) {
            return false;
        }
        const std::size_t n = end_ - begin_;
        std::fill(left_.begin(), left_.end(), 0.0);
        left_copies_ = 0;
        if (n_present_ == n) {
            scan(feature, n - 1, false);
            return true;
        }
        scan(feature, n_present_, false);
        std::fill(left_.begin(), left_.end(), 0.0);
        left_copies_ = 0;
        for (std::size_t i = n_present_; i < n; ++i) {
            move(sorter_.sorted()[i]);
        }
        scan(feature, n_present_ - 1, true);
        return true;
    }

    std::size_t apply(const Split& split, std::size_t begin, std::size_t end) override {
        const std::size_t middle = partition(split, begin, end, [&](std::size_t i, std::size_t left, std::size_t right) {
            const std::uint32_t row = rows_[i];
            const Item item = items_[i];
            rows_[left] = row;
            items_[left] = item;
            spare_rows_[right] = row;
            spare_items_[right] = item;
        });
        std::copy_n(spare_rows_.begin(), end - middle, rows_.begin() + static_cast<std::ptrdiff_t>(middle));
        std::copy_n(spare_items_.begin(), end - middle, items_.begin() + static_cast<std::ptrdiff_t>(middle));
        return middle;
    }

private:
    struct Item {
        double weight;
        std::uint32_t label;
        std::uint32_t copies;
    };

    void move(std::uint64_t key) {
        const Item& item = items_[begin_ + (key & 0xFFFFFFFFU)];
        left_[item.label] += item.weight;
        left_copies_ += item.copies;
    }

    void scan(std::uint32_t feature, std::size_t end, bool missing_left) {
        const std::uint64_t* const sorted = sorter_.sorted();
        for (std::size_t i = 0; i < end; ++i) {
            move(sorted[i]);
            if ((sorted[i] >> 32) == (sorted[i + 1] >> 32) || left_copies_ < limits_.min_samples_leaf ||
                sums_->copies - left_copies_ < limits_.min_samples_leaf) {
                continue;
            }
            if (improves()) {
                record(feature, i, missing_left);
            }
        }
    }

    bool improves() {
        double left_weight = 0;
        for (std::size_t c = 0; c < left_.size(); ++c) {
            left_weight += left_[c] * factor_[c];
        }
        const double right_weight = sums_->weight - left_weight;
        if (left_weight <= 0 || right_weight <= 0 || left_weight < limits_.min_weight_leaf || right_weight < limits_.min_weight_leaf) {
            return false;
        }
        double score = 0;
        if (criterion_ == Criterion::gini) {
            double squares_left = 0;
            double squares_right = 0;
            for (std::size_t c = 0; c < left_.size(); ++c) {
                const double l = left_[c] * factor_[c];
                const double r = sums_->classes[c] - l;
                squares_left += l * l;
                squares_right += r * r;
            }
            score = squares_left / left_weight + squares_right / right_weight;
        } else {
            const auto xlogx = [](double x) { return x > 0 ? x * std::log2(x) : 0.0; };
            for (std::size_t c = 0; c < left_.size(); ++c) {
                const double l = left_[c] * factor_[c];
                score += xlogx(l) + xlogx(sums_->classes[c] - l);
            }
            score -= xlogx(left_weight) + xlogx(right_weight);
        }
        if (score > best_score_) {
            best_score_ = score;
            return true;
        }
        return false;
    }

    Criterion criterion_;
    const NodeSums* sums_ = nullptr;
    SplitLimits limits_;
    std::vector<Item> items_;
    std::vector<Item> spare_items_;
    std::vector<double> factor_;
    std::vector<double> left_;
    std::vector<double> right_;
    double left_copies_ = 0;
    double best_score_ = 0;
};

}  // namespace

std::unique_ptr<SplitSearch> make_split_search(const TrainingPlan& plan, Criterion criterion, bool narrow_keys, const std::vector<std::int64_t>& xlogx) {
    if (plan.weighted) {
        return std::make_unique<WeightedSearch>(plan, criterion);
    }
    if (criterion == Criterion::gini) {
        if (narrow_keys) {
            return std::make_unique<UnitSearch<std::uint32_t, GiniScore>>(plan, GiniScore{});
        }
        return std::make_unique<UnitSearch<std::uint64_t, GiniScore>>(plan, GiniScore{});
    }
    EntropyScore score;
    score.xlogx = xlogx.data();
    if (narrow_keys) {
        return std::make_unique<UnitSearch<std::uint32_t, EntropyScore>>(plan, score);
    }
    return std::make_unique<UnitSearch<std::uint64_t, EntropyScore>>(plan, score);
}

bool fits_narrow_keys(const TrainingPlan& plan, std::uint32_t max_copies) {
    return bits_for(plan.max_code) + bits_for(plan.n_classes - 1) + bits_for(max_copies) <= 31;
}

std::vector<std::int64_t> entropy_table(std::size_t n_max) {
    const double largest = static_cast<double>(n_max) * std::log2(static_cast<double>(n_max) + 1) + 2;
    const double scale = std::ldexp(1.0, std::min(40, 60 - static_cast<int>(std::ceil(std::log2(largest)))));
    std::vector<std::int64_t> table(n_max + 1, 0);
    for (std::size_t n = 2; n <= n_max; ++n) {
        table[n] = std::llround(static_cast<double>(n) * std::log2(static_cast<double>(n)) * scale);
    }
    return table;
}

double impurity_of(const std::vector<double>& classes, double weight, Criterion criterion) {
    if (!(weight > 0)) {
        return 0;
    }
    double sum = 0;
    for (const double value : classes) {
        const double share = value / weight;
        if (criterion == Criterion::gini) {
            sum += share * share;
        } else if (share > 0) {
            sum -= share * std::log2(share);
        }
    }
    return criterion == Criterion::gini ? 1 - sum : sum;
}

}  // namespace emotion::trees
