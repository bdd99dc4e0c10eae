#include "emotion/core/views.hpp"

#include <doctest/doctest.h>

using namespace emotion;

TEST_CASE("a matrix and its views share memory, row-major") {
    Matrix<float> m(2, 3);
    m(1, 2) = 5.0F;
    const MatrixView<const float> view = m.view();
    CHECK(view(1, 2) == 5.0F);
    CHECK(view.row(1)[2] == 5.0F);
    CHECK(&view(1, 0) == m.values.data() + 3);
    CHECK(view.size() == 6);
}
