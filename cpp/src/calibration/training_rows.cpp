#include "training_rows.hpp"

#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::calibration {

void check_codes_and_weights(std::size_t rows, std::size_t n_classes, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller) {
    if (y.size() != rows || (!weight.empty() && weight.size() != rows)) {
        throw InvalidInputError("y and weight", caller, "as long as proba, " + std::to_string(rows), "another length");
    }
    for (const std::int64_t code : y) {
        if (code < 0 || static_cast<std::uint64_t>(code) >= n_classes) {
            throw InvalidInputError("y", caller, "codes from 0 to " + std::to_string(n_classes) + " (exclusive)", std::to_string(code));
        }
    }
    for (const double w : weight) {
        require(w >= 0.0 && w <= 1e300, "weight", caller, "finite and not negative", w);
    }
}

void check_training_rows(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller) {
    check_codes_and_weights(proba.rows, proba.cols, y, weight, caller);
    for (std::size_t i = 0; i < proba.size(); ++i) {
        require(proba.data[i] >= 0.0 && proba.data[i] <= 1.0, "proba", caller, "between 0 and 1", proba.data[i]);
    }
}

}  // namespace emotion::calibration
