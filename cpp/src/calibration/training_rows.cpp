#include "training_rows.hpp"

#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::calibration {

void check_training_rows(MatrixView<const double> proba, std::span<const std::int64_t> y, std::span<const double> weight, const char* caller) {
    if (y.size() != proba.rows || (!weight.empty() && weight.size() != proba.rows)) {
        throw InvalidInputError("y and weight", caller, "as long as proba, " + std::to_string(proba.rows), "another length");
    }
    for (std::size_t i = 0; i < proba.size(); ++i) {
        if (!(proba.data[i] >= 0.0 && proba.data[i] <= 1.0)) {
            throw InvalidInputError("proba", caller, "between 0 and 1", std::to_string(proba.data[i]));
        }
    }
    for (const std::int64_t code : y) {
        if (code < 0 || static_cast<std::uint64_t>(code) >= proba.cols) {
            throw InvalidInputError("y", caller, "codes from 0 to " + std::to_string(proba.cols) + " (exclusive)", std::to_string(code));
        }
    }
    for (const double w : weight) {
        if (!(w >= 0.0 && w <= 1e300)) {
            throw InvalidInputError("weight", caller, "finite and not negative", std::to_string(w));
        }
    }
}

}  // namespace emotion::calibration
