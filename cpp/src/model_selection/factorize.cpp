#include "emotion/model_selection/factorize.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"

namespace emotion::model_selection {
namespace {

constexpr std::size_t block = 65536;      // rows between two looks at the token
constexpr std::uint64_t table_slack = 65536;

struct Slot {
    std::uint64_t key = 0;  // the word itself, or the hash of a longer row
    std::int64_t code = -1;
};

std::uint64_t word(const std::byte* at, std::size_t width) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, width);
    return value;
}

std::uint64_t hash_row(const std::byte* at, std::size_t width) {
    std::uint64_t hash = width;
    for (; width >= 8; at += 8, width -= 8) {
        hash = mix64(hash ^ word(at, 8)) + 0x9E3779B97F4A7C15ULL;
    }
    return width == 0 ? hash : mix64(hash ^ word(at, width)) + 0x9E3779B97F4A7C15ULL;
}

// Wide: rows of more than eight bytes, whose keys are hashes.
template <bool Wide>
class Table {
public:
    Table(std::span<const std::byte> bytes, std::size_t width) : bytes_(bytes), width_(width), slots_(1024) {}

    std::int64_t code_of(std::size_t row, std::vector<std::int64_t>& first) {
        const std::byte* const at = bytes_.data() + row * width_;
        const std::uint64_t key = Wide ? hash_row(at, width_) : word(at, width_);
        std::size_t i = start(key);
        for (; slots_[i].code >= 0; i = (i + 1) & (slots_.size() - 1)) {
            if (slots_[i].key == key && (!Wide || same_bytes(at, first[static_cast<std::size_t>(slots_[i].code)]))) {
                return slots_[i].code;
            }
        }
        const auto code = static_cast<std::int64_t>(first.size());
        slots_[i] = {key, code};
        first.push_back(static_cast<std::int64_t>(row));
        if (2 * first.size() > slots_.size()) {
            grow();
        }
        return code;
    }

private:
    [[nodiscard]] std::size_t start(std::uint64_t key) const { return static_cast<std::size_t>(Wide ? key : mix64(key)) & (slots_.size() - 1); }

    [[nodiscard]] bool same_bytes(const std::byte* at, std::int64_t row) const {
        return std::memcmp(at, bytes_.data() + static_cast<std::size_t>(row) * width_, width_) == 0;
    }

    void grow() {
        std::vector<Slot> old(slots_.size() * 4);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.code >= 0) {
                std::size_t i = start(slot.key);
                while (slots_[i].code >= 0) {
                    i = (i + 1) & (slots_.size() - 1);
                }
                slots_[i] = slot;
            }
        }
    }

    std::span<const std::byte> bytes_;
    std::size_t width_;
    std::vector<Slot> slots_;
};

template <bool Wide>
Factorized by_table(std::span<const std::byte> bytes, std::size_t width, const StopToken& stop) {
    const std::size_t n = bytes.size() / width;
    Factorized result;
    result.codes.resize(n);
    Table<Wide> table(bytes, width);
    for (std::size_t i = 0; i < n; ++i) {
        if (i % block == 0) {
            stop.check();
        }
        const bool repeats = i > 0 && std::memcmp(bytes.data() + i * width, bytes.data() + (i - 1) * width, width) == 0;
        result.codes[i] = repeats ? result.codes[i - 1] : table.code_of(i, result.first);
    }
    return result;
}

Factorized by_range(std::span<const std::int64_t> values, std::int64_t low, std::size_t range, const StopToken& stop) {
    const auto slot = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(low)); };
    std::vector<std::int64_t> first(range, -1);
    for (std::size_t i = values.size(); i-- > 0;) {
        first[slot(i)] = static_cast<std::int64_t>(i);
    }
    stop.check();
    Factorized result;
    for (std::int64_t& row : first) {  // a value's place in the table goes from its first row to its code
        if (row >= 0) {
            result.first.push_back(row);
            row = static_cast<std::int64_t>(result.first.size()) - 1;
        }
    }
    result.codes.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        result.codes[i] = first[slot(i)];
    }
    return result;
}

}  // namespace

Factorized factorize(std::span<const std::byte> bytes, std::size_t width, const StopToken& stop) {
    if (width == 0 || bytes.size() % width != 0) {
        throw InvalidInputError("width", "factorize", "a divisor of the number of bytes, " + std::to_string(bytes.size()), std::to_string(width));
    }
    return width > 8 ? by_table<true>(bytes, width, stop) : by_table<false>(bytes, width, stop);
}

Factorized factorize_sorted(std::span<const std::int64_t> values, const StopToken& stop) {
    if (values.empty()) {
        return {};
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const std::uint64_t range = static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(*low);
    if (range < 2 * values.size() + table_slack) {
        return by_range(values, *low, static_cast<std::size_t>(range) + 1, stop);
    }
    Factorized result = factorize(std::as_bytes(values), sizeof(std::int64_t), stop);
    std::vector<std::int64_t> order(result.first.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto value = [&](std::int64_t code) { return values[static_cast<std::size_t>(result.first[static_cast<std::size_t>(code)])]; };
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return value(a) < value(b); });
    std::vector<std::int64_t> rank(order.size());
    std::vector<std::int64_t> first(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) {
        rank[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
        first[k] = result.first[static_cast<std::size_t>(order[k])];
    }
    for (std::int64_t& code : result.codes) {
        code = rank[static_cast<std::size_t>(code)];
    }
    result.first = std::move(first);
    return result;
}

}  // namespace emotion::model_selection
