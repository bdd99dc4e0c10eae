#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "arrays.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/metrics/calibration_error.hpp"
#include "emotion/metrics/cluster_bootstrap.hpp"
#include "emotion/metrics/confusion.hpp"
#include "emotion/metrics/f1_thresholds.hpp"
#include "emotion/metrics/label_ranking.hpp"
#include "emotion/metrics/paired_permutation.hpp"
#include "interruptible.hpp"
#include "rooms.hpp"

namespace emotion::bindings {
namespace {

metrics::Binning binning_of(const std::string& strategy) {
    if (strategy == "quantile") {
        return metrics::Binning::equal_mass;
    }
    if (strategy == "uniform") {
        return metrics::Binning::equal_width;
    }
    throw InvalidInputError("strategy", "reliability_bins", "'quantile' or 'uniform'", "'" + strategy + "'");
}

// A matrix of non-negative finite weights; NaN is refused by the comparison.
void check_weights(MatrixView<const double> weights, const char* caller) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!(weights.data[i] >= 0.0 && weights.data[i] <= 1e300)) {
            throw InvalidInputError("weights", caller, "finite and not negative", std::to_string(weights.data[i]));
        }
    }
}

metrics::PermutationOptions permutation_options(std::size_t exact_up_to, std::uint64_t n_resamples, std::uint64_t seed, const char* caller) {
    if (n_resamples < 1 || n_resamples > 1'000'000'000) {
        throw InvalidInputError("n_resamples", caller, "from 1 to 1e9", std::to_string(n_resamples));
    }
    return {exact_up_to, n_resamples, seed};
}

py::tuple as_tuple(const metrics::PermutationResult& result) {
    return py::make_tuple(result.statistic, result.p_value, result.n_permutations, result.exact);
}

void register_comparisons(py::module_& m) {
    m.def("label_ranking", [](const Array<std::uint8_t>& truth, const Array<double>& score, int n_jobs) {
        const auto t = matrix(truth, "truth", "label_ranking");
        const auto s = matrix(score, "score", "label_ranking");
        auto [out, view] = new_matrix<double>(t.rows, 3);
        const auto result = view;
        interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            metrics::label_ranking(t, s, result, parallel, stop);
        });
        return out;
    }, py::arg("truth").noconvert(), py::arg("score").noconvert(), py::arg("n_jobs"), "Coverage, average precision and ranking loss of each row.");

    m.def("sign_flip_test", [](const Array<double>& differences, std::size_t exact_up_to, std::uint64_t n_resamples, std::uint64_t seed, int n_jobs) {
        const auto d = vector(differences, "differences", "sign_flip_test");
        const auto options = permutation_options(exact_up_to, n_resamples, seed, "sign_flip_test");
        return as_tuple(interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            return metrics::sign_flip_test(d, options, parallel, stop);
        }));
    }, py::arg("differences").noconvert(), py::arg("exact_up_to"), py::arg("n_resamples"), py::arg("seed"), py::arg("n_jobs"),
       "Statistic, two-sided p, assignments, exact: the sum of differences under changes of their signs.");

    m.def("swap_test", [](const Array<double>& a, const Array<double>& b, std::size_t k, std::size_t n_classes, const std::string& metric,
                          std::size_t exact_up_to, std::uint64_t n_resamples, std::uint64_t seed, int n_jobs) {
        const auto x = matrix(a, "a", "swap_test");
        const auto y = matrix(b, "b", "swap_test");
        if (k > 10'000) {
            throw InvalidInputError("k", "swap_test", "at most 10,000", std::to_string(k));
        }
        const auto options = permutation_options(exact_up_to, n_resamples, seed, "swap_test");
        const auto rate = metrics::rate_named(metric, "swap_test");
        return as_tuple(interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            return metrics::swap_test(x, y, k, n_classes, rate, options, parallel, stop);
        }));
    }, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("k"), py::arg("n_classes"), py::arg("metric"), py::arg("exact_up_to"),
       py::arg("n_resamples"), py::arg("seed"), py::arg("n_jobs"),
       "Statistic, two-sided p, assignments, exact: a score's difference when the models' counts (clusters, k * k) are exchanged by cluster.");
}

}  // namespace

void register_metrics(py::module_& m) {
    m.def("best_f1_thresholds", [](const Array<std::uint8_t>& truth, const Array<double>& scores, int n_jobs) {
        const auto t = matrix(truth, "y", "tune_thresholds");
        const auto s = matrix(scores, "scores", "tune_thresholds");
        auto [thresholds, cuts] = new_vector<double>(s.cols);
        auto [f1, values] = new_vector<double>(s.cols);
        interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            metrics::best_f1_thresholds(t, s, cuts, values, parallel, stop);
        });
        return py::make_tuple(thresholds, f1);
    }, py::arg("truth").noconvert(), py::arg("scores").noconvert(), py::arg("n_jobs"), "The threshold with the largest F1 of each column, and that F1.");

    m.def("confusion_counts", [](const Array<std::int64_t>& truth, const Array<std::int64_t>& predicted, std::size_t n_classes,
                                 const Array<double>& weight, const Array<std::int64_t>& cluster, std::size_t n_clusters) {
        const auto t = vector(truth, "truth", "confusion_counts");
        const auto p = vector(predicted, "predicted", "confusion_counts");
        const auto w = vector(weight, "weight", "confusion_counts");
        const auto g = vector(cluster, "cluster", "confusion_counts");
        const auto k = static_cast<py::ssize_t>(n_classes);
        if (n_classes > 1'000'000 || n_clusters * n_classes > 1'000'000'000 / std::max<std::size_t>(n_classes, 1)) {
            throw InvalidInputError("n_classes and n_clusters", "confusion_counts", "such that clusters x classes^2 is below 1e9", "more");
        }
        Array<double> out({static_cast<py::ssize_t>(n_clusters), k, k});
        const std::span<double> view(out.mutable_data(), static_cast<std::size_t>(out.size()));
        {
            const py::gil_scoped_release release;  // safe: arguments and result are held by this frame, and no Python object is touched
            metrics::confusion_counts(t, p, w, g, n_clusters, n_classes, view);
        }
        return out;
    }, py::arg("truth").noconvert(), py::arg("predicted").noconvert(), py::arg("n_classes"), py::arg("weight").noconvert(),
       py::arg("cluster").noconvert(), py::arg("n_clusters"),
       "Counts (clusters, true class, predicted class); empty weight: rows count 1; empty cluster: one cluster.");

    m.def("reliability_bins", [](const Array<double>& confidence, const Array<std::uint8_t>& correct, const Array<double>& weight,
                                 std::size_t n_bins, const std::string& strategy) {
        const auto c = vector(confidence, "confidence", "reliability_bins");
        const auto ok = vector(correct, "correct", "reliability_bins");
        const auto w = vector(weight, "weight", "reliability_bins");
        const auto binning = binning_of(strategy);
        check_weights({w.data(), 1, w.size()}, "reliability_bins");
        auto [out, view] = new_matrix<double>(n_bins <= 1'000'000 ? n_bins : 0, 3);
        {
            const py::gil_scoped_release release;  // safe: as above
            const auto bins = metrics::reliability_bins(c, ok, w, n_bins, binning);
            for (std::size_t b = 0; b < bins.size(); ++b) {
                view(b, 0) = bins[b].weight;
                view(b, 1) = bins[b].confidence;
                view(b, 2) = bins[b].accuracy;
            }
        }
        return out;
    }, py::arg("confidence").noconvert(), py::arg("correct").noconvert(), py::arg("weight").noconvert(), py::arg("n_bins"), py::arg("strategy"),
       "Weight, mean confidence and accuracy of each bin; one weight a row.");

    m.def("calibration_error", [](const Array<double>& confidence, const Array<std::uint8_t>& correct, const Array<double>& weight,
                                  std::size_t n_bins, const std::string& strategy, bool debiased) {
        const auto c = vector(confidence, "confidence", "calibration_error");
        const auto ok = vector(correct, "correct", "calibration_error");
        const auto w = vector(weight, "weight", "calibration_error");
        const auto binning = binning_of(strategy);
        check_weights({w.data(), 1, w.size()}, "calibration_error");
        const py::gil_scoped_release release;  // safe: as above
        return metrics::calibration_error(metrics::reliability_bins(c, ok, w, n_bins, binning), debiased);
    }, py::arg("confidence").noconvert(), py::arg("correct").noconvert(), py::arg("weight").noconvert(), py::arg("n_bins"), py::arg("strategy"),
       py::arg("debiased"), "The expected calibration error, not clipped; empty weight: rows count 1.");

    m.def("cluster_bins", [](const Array<double>& confidence, const Array<std::uint8_t>& correct, const Array<std::int64_t>& cluster,
                             std::size_t n_clusters, std::size_t n_bins) {
        const auto c = vector(confidence, "confidence", "cluster_bins");
        const auto ok = vector(correct, "correct", "cluster_bins");
        const auto g = vector(cluster, "cluster", "cluster_bins");
        Matrix<double> table;
        {
            const py::gil_scoped_release release;  // safe: as above
            table = metrics::cluster_bins(c, ok, g, n_clusters, n_bins);
        }
        auto [out, view] = new_matrix<double>(table.rows, table.cols);
        std::copy(table.values.begin(), table.values.end(), view.data);
        return out;
    }, py::arg("confidence").noconvert(), py::arg("correct").noconvert(), py::arg("cluster").noconvert(), py::arg("n_clusters"), py::arg("n_bins"),
       "Rows, sums of confidence and right answers of each cluster in the equal-mass bins of all rows (clusters, 3 bins).");

    m.def("calibration_errors", [](const Array<double>& table, const Array<double>& weights, int n_jobs) {
        const auto t = matrix(table, "table", "calibration_errors");
        const auto w = matrix(weights, "weights", "calibration_errors");
        check_weights(w, "calibration_errors");
        auto [out, view] = new_vector<double>(w.rows);
        const auto result = view;
        interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            metrics::calibration_errors(t, w, result, parallel, stop);
        });
        return out;
    }, py::arg("table").noconvert(), py::arg("weights").noconvert(), py::arg("n_jobs"),
       "The debiased error for each row of cluster weights, in the bins of `cluster_bins`; not clipped.");

    m.def("cluster_multiplicities", [](std::size_t n_clusters, std::size_t n_resamples, std::uint64_t seed, int n_jobs) {
        if (n_clusters < 1 || n_resamples > 100'000'000 / n_clusters) {
            throw InvalidInputError("n_resamples", "cluster_multiplicities", "such that clusters x resamples is from 1 to 1e8", std::to_string(n_resamples));
        }
        auto [out, view] = new_matrix<double>(n_resamples, n_clusters);
        const auto result = view;
        interruptible([&](StopToken& stop) {
            Parallel parallel(n_jobs);
            metrics::cluster_multiplicities(seed, result, parallel, stop);
        });
        return out;
    }, py::arg("n_clusters"), py::arg("n_resamples"), py::arg("seed"), py::arg("n_jobs"), "How often each cluster is drawn in each replicate.");
    register_comparisons(m);
}

}  // namespace emotion::bindings
