#include "emotion/metrics/rates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::metrics {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double ratio(double a, double b) { return b > 0 ? a / b : undefined; }

struct Margins {
    const double* truth;
    const double* predicted;
    double total;
    double hits;
};

double mean_recall(MatrixView<const double> counts, std::size_t n_classes, const Margins& m) {
    double sum = 0;
    double known = 0;
    for (std::size_t c = 0; c < n_classes; ++c) {
        if (m.truth[c] > 0) {
            sum += counts(c, c) / m.truth[c];
            known += 1;
        }
    }
    return ratio(sum, known);
}

double mean_f1(MatrixView<const double> counts, std::size_t n_classes, const Margins& m, bool weighted) {
    double sum = 0;
    double known = 0;
    for (std::size_t c = 0; c < n_classes; ++c) {
        const double both = m.truth[c] + m.predicted[c];
        if (both > 0) {
            const double weight = weighted ? m.truth[c] : 1.0;
            sum += weight * 2.0 * counts(c, c) / both;
            known += weight;
        }
    }
    return ratio(sum, known);
}

// kappa and the correlation coefficient share their numerator.
double agreement(std::size_t rows, const Margins& m, Rate rate) {
    double chance = 0;
    double truth = 0;
    double predicted = 0;
    for (std::size_t c = 0; c < rows; ++c) {
        chance += m.truth[c] * m.predicted[c];
        truth += m.truth[c] * m.truth[c];
        predicted += m.predicted[c] * m.predicted[c];
    }
    const double square = m.total * m.total;
    const double covariance = m.hits * m.total - chance;
    if (rate == Rate::kappa) {
        return ratio(covariance, square - chance);
    }
    const bool constant = std::min(square - truth, square - predicted) <= 1e-13 * square;  // rounding of fractional weights, not variance
    return constant ? 0.0 : covariance / std::sqrt((square - truth) * (square - predicted));
}

}  // namespace

Rate rate_named(std::string_view name, const char* caller) {
    constexpr std::pair<std::string_view, Rate> known[] = {
        {"accuracy", Rate::accuracy},       {"balanced_accuracy", Rate::balanced_accuracy}, {"uar", Rate::balanced_accuracy},
        {"macro_f1", Rate::macro_f1},       {"weighted_f1", Rate::weighted_f1},             {"cohen_kappa", Rate::kappa},
        {"matthews_corrcoef", Rate::matthews},
    };
    for (const auto& [word, rate] : known) {
        if (word == name) {
            return rate;
        }
    }
    throw InvalidInputError("metric", caller, "a score of confusion counts", "'" + std::string(name) + "'");
}

double rate_of(MatrixView<const double> counts, std::size_t n_classes, Rate rate, double* margins) {
    const std::size_t rows = counts.rows;
    std::fill(margins, margins + 2 * rows, 0.0);
    Margins m{margins, margins + rows, 0, 0};
    for (std::size_t t = 0; t < rows; ++t) {
        const auto row = counts.row(t);
        for (std::size_t p = 0; p < rows; ++p) {
            margins[t] += row[p];
            margins[rows + p] += row[p];
        }
        m.total += margins[t];
        m.hits += t < n_classes ? row[t] : 0.0;
    }
    switch (rate) {
        case Rate::accuracy:
            return ratio(m.hits, m.total);
        case Rate::balanced_accuracy:
            return mean_recall(counts, n_classes, m);
        case Rate::macro_f1:
        case Rate::weighted_f1:
            return mean_f1(counts, n_classes, m, rate == Rate::weighted_f1);
        case Rate::kappa:
        case Rate::matthews:
            break;
    }
    return agreement(rows, m, rate);
}

}  // namespace emotion::metrics
