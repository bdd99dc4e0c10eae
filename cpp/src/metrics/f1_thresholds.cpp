#include "emotion/metrics/f1_thresholds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"

namespace emotion::metrics {
namespace {

struct Scored {
    double score;
    bool present;
};

// The largest number below `above` halfway to `below`, so that only `above` exceeds it.
double between(double above, double below) {
    const double middle = below / 2 + above / 2;
    return middle < above && middle >= below ? middle : below;
}

struct Best {
    double threshold;
    double f1;
};

Best best_cut(std::vector<Scored>& rows) {
    std::sort(rows.begin(), rows.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
    const auto positives = static_cast<std::uint64_t>(std::count_if(rows.begin(), rows.end(), [](const Scored& r) { return r.present; }));
    Best best{rows.front().score, 0};
    std::uint64_t found = 0;
    std::uint64_t best_found = 0;
    std::uint64_t best_size = 1;
    for (std::size_t i = 1; i <= rows.size(); ++i) {
        found += rows[i - 1].present ? 1 : 0;
        if (i < rows.size() && rows[i].score == rows[i - 1].score) {
            continue;  // no threshold lies between equal scores
        }
        const std::uint64_t size = i + positives;
        if (found * best_size > best_found * size) {
            best_found = found;
            best_size = size;
            best.threshold = i < rows.size() ? between(rows[i - 1].score, rows[i].score)
                                             : std::nextafter(rows.back().score, -std::numeric_limits<double>::infinity());
        }
    }
    best.f1 = 2.0 * static_cast<double>(best_found) / static_cast<double>(best_size);
    return best;
}

}  // namespace

void best_f1_thresholds(MatrixView<const std::uint8_t> truth, MatrixView<const double> scores, std::span<double> thresholds, std::span<double> f1,
                        Parallel& parallel, StopToken& stop) {
    constexpr const char* caller = "tune_thresholds";
    if (truth.rows != scores.rows || truth.cols != scores.cols || thresholds.size() != scores.cols || f1.size() != scores.cols) {
        throw InvalidInputError("scores", caller, "of the shape of y", std::to_string(scores.rows) + " x " + std::to_string(scores.cols));
    }
    if (scores.rows == 0 || scores.rows > std::numeric_limits<std::uint32_t>::max() / 2) {  // products of two counts fit 64 bits
        throw InvalidInputError("scores", caller, "of 1 to 2**31 rows", std::to_string(scores.rows));
    }
    parallel.each(scores.cols, [&](std::size_t k) {
        stop.check();
        std::vector<Scored> rows(scores.rows);
        for (std::size_t r = 0; r < scores.rows; ++r) {
            if (!std::isfinite(scores(r, k))) {
                throw InvalidInputError("scores", caller, "finite", std::to_string(scores(r, k)));
            }
            rows[r] = {scores(r, k), truth(r, k) != 0};
        }
        const Best best = best_cut(rows);
        thresholds[k] = best.threshold;
        f1[k] = best.f1;
    });
}

}  // namespace emotion::metrics
