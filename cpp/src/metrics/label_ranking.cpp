#include "emotion/metrics/label_ranking.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "emotion/core/errors.hpp"

namespace emotion::metrics {
namespace {

using Scored = std::pair<double, bool>;  // score, whether the label is true

void rank_row(std::vector<Scored>& labels, std::span<double> out) {
    std::sort(labels.begin(), labels.end(), [](const Scored& a, const Scored& b) { return a.first > b.first; });
    double seen_true = 0;
    double coverage = 0;
    double precision = 0;
    double wrong = 0;
    for (std::size_t begin = 0, end = 0; begin < labels.size(); begin = end) {
        double here = 0;
        for (end = begin; end < labels.size() && labels[end].first == labels[begin].first; ++end) {
            here += labels[end].second ? 1.0 : 0.0;
        }
        const auto rank = static_cast<double>(end);
        seen_true += here;
        coverage = here > 0 ? rank : coverage;
        precision += here * seen_true / rank;
        wrong += here * (rank - seen_true);
    }
    const double others = static_cast<double>(labels.size()) - seen_true;
    const bool pairs = seen_true > 0 && others > 0;
    out[0] = coverage;
    out[1] = pairs ? precision / seen_true : 1.0;
    out[2] = pairs ? wrong / (seen_true * others) : 0.0;
}

}  // namespace

void label_ranking(MatrixView<const std::uint8_t> truth, MatrixView<const double> score, MatrixView<double> out, Parallel& parallel, StopToken& stop) {
    if (truth.rows != score.rows || truth.cols != score.cols || out.rows != truth.rows || out.cols != 3) {
        throw InvalidInputError("score", "label_ranking", "of the shape of truth", std::to_string(score.rows) + " x " + std::to_string(score.cols));
    }
    constexpr std::size_t rows_a_block = 256;
    parallel.blocks(truth.rows, rows_a_block, [&](std::size_t begin, std::size_t end) {
        std::vector<Scored> labels(truth.cols);
        for (std::size_t i = begin; i < end; ++i) {
            stop.check();
            for (std::size_t l = 0; l < truth.cols; ++l) {
                labels[l] = {score(i, l), truth(i, l) != 0};
            }
            rank_row(labels, out.row(i));
        }
    });
}

}  // namespace emotion::metrics
