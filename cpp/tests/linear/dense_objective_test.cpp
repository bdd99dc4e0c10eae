#include "../../src/linear/dense_objective.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "emotion/core/rng.hpp"

using namespace emotion;
using namespace emotion::linear;

namespace {

template <class T>
struct Labels {
    Matrix<T> x;
    std::vector<std::vector<std::int32_t>> y;
    std::vector<std::vector<double>> weights;
    std::vector<std::vector<double>> parameters;

    Labels(std::size_t rows, std::size_t cols, std::size_t n_labels) : x(rows, cols) {
        RandomStream stream(11, Purpose::test, 0);
        for (T& v : x.values) {
            v = static_cast<T>(stream.normal());
        }
        for (std::size_t l = 0; l < n_labels; ++l) {
            y.emplace_back(rows);
            weights.emplace_back(rows);
            parameters.emplace_back(cols + 1);
            for (std::size_t r = 0; r < rows; ++r) {
                y[l][r] = static_cast<std::int32_t>(stream.below(2));
                weights[l][r] = static_cast<double>(stream.below(3));
            }
            for (double& p : parameters[l]) {
                p = 0.3 * stream.normal();
            }
        }
    }
};

template <class T>
void check_together(std::size_t rows, std::size_t cols, std::size_t n_labels, int threads) {
    const Labels<T> given(rows, cols, n_labels);
    Parallel parallel(threads);
    StopToken stop;
    std::vector<std::unique_ptr<DenseObjective<T>>> objectives;
    std::vector<std::vector<double>> gradients(n_labels, std::vector<double>(cols + 1));
    std::vector<typename DenseObjective<T>::Question> questions;
    for (std::size_t l = 0; l < n_labels; ++l) {
        objectives.push_back(std::make_unique<DenseObjective<T>>(given.x.view(), given.y[l], given.weights[l], 1, LogisticOptions{}, parallel, stop));
        questions.push_back({objectives[l].get(), &given.parameters[l], &gradients[l], 0});
    }
    DenseObjective<T>::answer(questions);
    std::vector<double> alone(cols + 1);
    for (std::size_t l = 0; l < n_labels; ++l) {
        CHECK((*objectives[l])(given.parameters[l], alone) == questions[l].value);
        CHECK(alone == gradients[l]);
    }
}

}  // namespace

TEST_CASE("labels answered together have the bits that each has alone, whatever the shape, the type and the number of threads") {
    for (const std::size_t n_labels : {1UL, 2UL, 3UL, 4UL, 7UL, 9UL}) {
        for (const int threads : {1, 2}) {
            check_together<float>(531, 13, n_labels, threads);
            check_together<double>(531, 13, n_labels, threads);
            check_together<float>(3, 1, n_labels, threads);
            check_together<double>(260, 517, n_labels, threads);
        }
    }
}

TEST_CASE("a stop ends a pass") {
    const Labels<double> given(300, 4, 2);
    Parallel parallel(1);
    StopToken stop;
    DenseObjective<double> first(given.x.view(), given.y[0], given.weights[0], 1, {}, parallel, stop);
    DenseObjective<double> second(given.x.view(), given.y[1], given.weights[1], 1, {}, parallel, stop);
    std::vector<double> gradient(5);
    std::vector<double> other(5);
    std::vector<DenseObjective<double>::Question> questions = {{&first, &given.parameters[0], &gradient, 0}, {&second, &given.parameters[1], &other, 0}};
    stop.request_stop();
    CHECK_THROWS_AS(DenseObjective<double>::answer(questions), Cancelled);
}
