#include "emotion/model_selection/groups.hpp"

#include <cstddef>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "emotion/core/errors.hpp"

namespace emotion::model_selection {
namespace {

class DisjointSets {
public:
    explicit DisjointSets(std::size_t n) : parent_(n), size_(n, 1) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }

    std::size_t find(std::size_t i) {
        while (parent_[i] != i) {
            parent_[i] = parent_[parent_[i]];
            i = parent_[i];
        }
        return i;
    }

    void join(std::size_t a, std::size_t b) {
        a = find(a);
        b = find(b);
        if (a == b) {
            return;
        }
        if (size_[a] < size_[b]) {
            std::swap(a, b);
        }
        parent_[b] = a;
        size_[a] += size_[b];
    }

private:
    std::vector<std::size_t> parent_;
    std::vector<std::size_t> size_;
};

}  // namespace

std::vector<std::int64_t> join_groups(const std::vector<std::span<const std::int64_t>>& keys) {
    if (keys.empty()) {
        throw InvalidInputError("keys", "join_groups", "at least one array", "none");
    }
    const std::size_t n = keys.front().size();
    DisjointSets sets(n);
    for (const auto& key : keys) {
        if (key.size() != n) {
            throw InvalidInputError("keys", "join_groups", "arrays of one length", std::to_string(n) + " and " + std::to_string(key.size()));
        }
        std::unordered_map<std::int64_t, std::size_t> first;
        first.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            if (key[i] < 0) {
                continue;
            }
            const auto [at, is_new] = first.try_emplace(key[i], i);
            if (!is_new) {
                sets.join(at->second, i);
            }
        }
    }
    constexpr std::int64_t unnumbered = -1;
    std::vector<std::int64_t> number(n, unnumbered);
    std::vector<std::int64_t> components(n);
    std::int64_t next = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t& own = number[sets.find(i)];
        if (own == unnumbered) {
            own = next++;
        }
        components[i] = own;
    }
    return components;
}

}  // namespace emotion::model_selection
