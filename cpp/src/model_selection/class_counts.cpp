#include "emotion/model_selection/class_counts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::model_selection {
namespace {

constexpr std::size_t block = 65536;  // rows between two looks at the token

void check_codes(std::span<const std::int64_t> codes, const char* parameter, std::size_t n) {
    for (const std::int64_t code : codes) {
        if (code < 0 || code >= static_cast<std::int64_t>(n)) {
            throw InvalidInputError(parameter, "count_classes", "from 0 to below " + std::to_string(n), std::to_string(code));
        }
    }
}

}  // namespace

ClassCounts count_classes(std::span<const std::int64_t> groups, std::size_t n_groups, std::span<const std::int64_t> labels, std::size_t n_classes,
                          const StopToken& stop) {
    constexpr std::size_t limit = std::numeric_limits<std::uint32_t>::max();
    if (groups.size() != labels.size() || groups.size() >= limit || n_classes >= limit) {
        const std::string got = std::to_string(groups.size()) + " groups and " + std::to_string(labels.size()) + " labels";
        throw InvalidInputError("groups", "count_classes", "as many as labels, below 2^32", got);
    }
    check_codes(groups, "groups", n_groups);
    check_codes(labels, "labels", n_classes);
    std::vector<std::uint32_t> next(n_groups + 1, 0);
    for (const std::int64_t g : groups) {
        ++next[static_cast<std::size_t>(g) + 1];
    }
    stop.check();
    for (std::size_t g = 0; g < n_groups; ++g) {
        next[g + 1] += next[g];
    }
    std::vector<std::uint32_t> sorted(groups.size());  // labels, group after group; next[g] ends as the end of group g
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (i % block == 0) {
            stop.check();
        }
        sorted[next[static_cast<std::size_t>(groups[i])]++] = static_cast<std::uint32_t>(labels[i]);
    }
    ClassCounts counts;
    counts.start.reserve(n_groups + 1);
    counts.start.push_back(0);
    counts.total.assign(n_classes, 0);
    std::vector<std::uint32_t> tally(n_classes, 0);
    std::vector<std::uint32_t> seen;
    std::uint32_t begin = 0;
    for (std::size_t g = 0; g < n_groups; ++g) {
        if (g % block == 0) {
            stop.check();
        }
        seen.clear();
        for (std::uint32_t i = begin; i < next[g]; ++i) {
            if (tally[sorted[i]]++ == 0) {
                seen.push_back(sorted[i]);
            }
        }
        begin = next[g];
        std::sort(seen.begin(), seen.end());
        for (const std::uint32_t label : seen) {
            counts.entries.push_back({label, tally[label]});
            counts.total[label] += tally[label];
            tally[label] = 0;
        }
        counts.start.push_back(counts.entries.size());
    }
    return counts;
}

double pairwise_sum(std::span<const double> values) {
    const std::size_t n = values.size();
    if (n < 8) {
        double sum = 0;
        for (const double v : values) {
            sum += v;
        }
        return sum;
    }
    if (n > 128) {
        const std::size_t half = n / 2 - n / 2 % 8;
        return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
    }
    std::array<double, 8> r;
    std::copy_n(values.begin(), 8, r.begin());
    std::size_t i = 8;
    for (; i + 8 <= n; i += 8) {
        for (std::size_t j = 0; j < 8; ++j) {
            r[j] += values[i + j];
        }
    }
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) {
        sum += values[i];
    }
    return sum;
}

std::vector<double> class_deviations(const ClassCounts& counts, const StopToken& stop) {
    const auto n_classes = static_cast<double>(counts.n_classes());
    std::vector<double> deviation(counts.n_groups());
    std::vector<double> row(counts.n_classes());
    for (std::size_t g = 0; g < counts.n_groups(); ++g) {
        if (g % 1024 == 0) {
            stop.check();
        }
        std::fill(row.begin(), row.end(), 0.0);
        for (const auto& [label, rows] : counts.group(g)) {
            row[label] = rows;
        }
        const double mean = pairwise_sum(row) / n_classes;
        for (double& v : row) {
            v = (v - mean) * (v - mean);
        }
        deviation[g] = std::sqrt(pairwise_sum(row) / n_classes);
    }
    return deviation;
}

}  // namespace emotion::model_selection
