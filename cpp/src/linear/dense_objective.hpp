// The objective of a logistic regression on dense rows, and that of several labels on the same rows in one pass.
//
// Definition: see objective.hpp. Rows of several outputs are widened to float64 a chunk at a time, and both products read the chunk; rows of one output
// are read as they are. Complexity O(rows columns outputs) an evaluation. Blocks of at least 256 rows run in parallel and are added in block order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "objective.hpp"

namespace emotion::linear {

template <class T>
class DenseObjective final : public Objective {
public:
    DenseObjective(MatrixView<const T> x, std::span<const std::int32_t> labels, std::span<const double> weights, std::size_t n_outputs,
                   const LogisticOptions& options, Parallel& parallel, StopToken& stop);

    double operator()(const std::vector<double>& parameters, std::vector<double>& gradient) override;

    struct Question {
        DenseObjective* objective;
        const std::vector<double>* parameters;
        std::vector<double>* gradient;
        double value;  // the answer
    };

    // Answers questions to objectives of one output each, on the same rows: bit for bit as each alone, and x is read once.
    static void answer(std::span<Question> questions);

private:
    [[nodiscard]] std::size_t rows_of_one_output() const;  // in a chunk
    [[nodiscard]] double* partial(std::size_t begin);      // the gradient of the block that begins there, all zeros
    double block(const double* parameters, double* partial, std::size_t begin, std::size_t end) const;
    double block_of_one(const double* parameters, double* partial, std::size_t begin, std::size_t end) const;
    static void block_of_labels(std::span<Question> questions, std::size_t begin, std::size_t end);
    // Asks for a share of the chunk after the one at row r, beside the work on its rows i to i + 4: the wait for memory is then hidden behind arithmetic.
    void fetch_ahead(std::size_t r, std::size_t chunk_rows, std::size_t i) const;
    double collect(const std::vector<double>& parameters, std::vector<double>& gradient) const;

    MatrixView<const T> x_;
    Parallel& parallel_;
    StopToken& stop_;
    std::vector<double> losses_;
    std::vector<double> gradients_;
};

extern template class DenseObjective<float>;
extern template class DenseObjective<double>;

}  // namespace emotion::linear
