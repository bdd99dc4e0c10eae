#include "emotion/explain/linear_shap.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"

namespace emotion::explain {
namespace {

constexpr std::size_t values_a_block = 1 << 16;

void check(const LinearMargins& model, std::size_t rows, std::size_t columns, std::size_t n_values, std::size_t n_base) {
    const auto refuse = [](const char* parameter, const std::string& rule, std::size_t got) {
        throw InvalidInputError(parameter, "linear_shap", rule, std::to_string(got));
    };
    const std::size_t outputs = model.coef.rows;
    if (model.intercept.size() != outputs || n_base != outputs) {
        refuse("intercept", "one for each of " + std::to_string(outputs) + " outputs", model.intercept.size());
    }
    if (model.coef.cols != columns || model.mean.size() != columns || model.source.size() != columns) {
        refuse("X", "of " + std::to_string(model.coef.cols) + " columns, with one mean and one source each", columns);
    }
    for (const std::int32_t source : model.source) {
        if (source < 0 || static_cast<std::size_t>(source) >= model.n_features) {
            throw InvalidInputError("source", "linear_shap", "positions of explained columns", std::to_string(source));
        }
    }
    if (n_values != rows * model.n_features * outputs) {
        refuse("values", "rows x columns x outputs numbers", n_values);
    }
}

}  // namespace

template <class T>
void linear_shap(const LinearMargins& model, MatrixView<const T> z, std::span<double> values, std::span<double> base, Parallel& parallel, StopToken& stop) {
    check(model, z.rows, z.cols, values.size(), base.size());
    const std::size_t outputs = model.coef.rows;
    std::vector<double> turned(z.cols * outputs);  // coefficients of a column side by side, as the values are
    for (std::size_t k = 0; k < outputs; ++k) {
        base[k] = model.intercept[k];
        for (std::size_t j = 0; j < z.cols; ++j) {
            turned[j * outputs + k] = model.coef(k, j);
            base[k] += model.coef(k, j) * model.mean[j];
        }
    }
    const std::size_t width = std::max<std::size_t>(1, model.n_features * outputs);
    parallel.blocks(z.rows, std::max<std::size_t>(1, values_a_block / width), [&](std::size_t begin, std::size_t end) {
        stop.check();
        std::fill(values.begin() + static_cast<std::ptrdiff_t>(begin * width), values.begin() + static_cast<std::ptrdiff_t>(end * width), 0.0);
        for (std::size_t r = begin; r < end; ++r) {
            for (std::size_t j = 0; j < z.cols; ++j) {
                const double distance = static_cast<double>(z(r, j)) - model.mean[j];
                double* const to = values.data() + r * width + static_cast<std::size_t>(model.source[j]) * outputs;
                const double* const coef = turned.data() + j * outputs;
                for (std::size_t k = 0; k < outputs; ++k) {
                    to[k] += coef[k] * distance;
                }
            }
        }
        stop.advance(end - begin);
    });
}

template void linear_shap(const LinearMargins&, MatrixView<const float>, std::span<double>, std::span<double>, Parallel&, StopToken&);
template void linear_shap(const LinearMargins&, MatrixView<const double>, std::span<double>, std::span<double>, Parallel&, StopToken&);

}  // namespace emotion::explain
