// Splits by counts: no sample weights, no class weights. Internal to split_search.cpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "packed_gini.hpp"
#include "search_base.hpp"

namespace emotion::trees {

inline int bits_for(std::uint64_t largest) { return static_cast<int>(std::bit_width(largest)); }

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

// Unit weights. Key: code | class | copies.
template <class Key, class Score>
class UnitSearch : public SearchBase<Key> {
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
                this->rows_.push_back(plan.code_row(i));
                payload_.push_back((static_cast<Key>(plan.item_class[i]) << copy_bits_) | copies[i]);
            }
        }
        this->spare_rows_.resize(this->rows_.size());
        spare_payload_.resize(payload_.size());
        this->sorter_.reserve(this->rows_.size());
        prefixes_.resize(packed_copies + padding);
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
        packed_ = std::is_same_v<Score, GiniScore> && total_.size() <= packed_classes && all_ <= static_cast<std::int64_t>(packed_copies);
        packed_total_ = 0;
        for (std::size_t c = 0; packed_ && c < total_.size(); ++c) {
            packed_total_ |= static_cast<std::uint64_t>(total_[c]) << (8 * c);
        }
    }

    bool try_column(std::uint32_t feature) override {
        const Key* const payload = payload_.data();
        if (!this->sort_column(this->columns_[feature], [payload](std::size_t i) { return payload[i]; })) {
            return false;
        }
        const std::size_t n = this->end_ - this->begin_;
        const std::size_t present = this->n_present_;
        if constexpr (std::is_same_v<Score, GiniScore>) {
            if (packed_) {
                packed_scans(feature, n, present);
                return true;
            }
        }
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
    // A key's copies in the byte of its class.
    [[nodiscard]] std::uint64_t word(Key key) const {
        const std::uint64_t copies = key & ((Key{1} << copy_bits_) - 1);
        return copies << (8 * ((key >> copy_bits_) & ((Key{1} << (this->payload_bits_ - copy_bits_)) - 1)));
    }

    // As try_column's scans, by the kernel that scores eight boundaries at once.
    void packed_scans(std::uint32_t feature, std::size_t n, std::size_t present) {
        if (present == n) {
            packed_scan(feature, n - 1, 0, false);
            return;
        }
        packed_scan(feature, present, 0, false);
        std::uint64_t missing = 0;
        for (std::size_t i = present; i < n; ++i) {
            missing += word(this->sorter_.sorted()[i]);
        }
        packed_scan(feature, present - 1, missing, true);
    }

    // Boundaries behind the first `end` sorted places; `prefix` counts what is left of them all.
    void packed_scan(std::uint32_t feature, std::size_t end, std::uint64_t prefix, bool missing_left) {
        const Key* const sorted = this->sorter_.sorted();
        std::uint64_t* const prefixes = prefixes_.data();
        const int payload_bits = this->payload_bits_;
        std::uint64_t last = packed_total_;   // between equal codes there is no boundary: the one before is repeated, at first one that never wins
        for (std::size_t i = 0; i < end; ++i) {
            prefix += word(sorted[i]);
            last = (sorted[i] >> payload_bits) != (sorted[i + 1] >> payload_bits) ? prefix : last;
            prefixes[i] = last;
        }
        const std::size_t found = best_boundary(prefixes, end, packed_total_, static_cast<std::uint32_t>(all_),
                                                static_cast<std::uint32_t>(std::min<std::int64_t>(least_, packed_copies + 1)), &score_.best);
        if (found != end) {
            this->record(feature, found, missing_left);
        }
    }

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

protected:
    Score score_;
    std::vector<Key> payload_;
    std::vector<Key> spare_payload_;
    std::vector<std::int64_t> total_;
    std::vector<std::int64_t> left_;
    std::int64_t all_ = 0;
    std::int64_t least_ = 1;
    int copy_bits_ = 0;
    bool packed_ = false;             // the node's class counts fit the bytes of one word
    std::uint64_t packed_total_ = 0;
    std::vector<std::uint64_t> prefixes_;
};

}  // namespace emotion::trees
