// Loads the input as a model file, once as it is and once with the checksum ignored (else nearly every mutation would end there); what is
// accepted must predict and explain a row inside its arrays.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/core/parallel.hpp"
#include "emotion/core/stop_token.hpp"
#include "emotion/runtime/model.hpp"
#include "emotion/runtime/model_file.hpp"

namespace {

using namespace emotion;

void use(const runtime::Model& model, float value) {
    Parallel serial(1);
    StopToken stop;
    const std::vector<float> row(model.n_features(), value);
    const MatrixView<const float> x(row.data(), 1, row.size());
    try {
        (void)model.predict(x, 3, serial, stop);
    } catch (const InvalidInputError&) {
        // Without an imputer, NaN reaches a logistic regression.
    }
}

void load(std::span<const std::byte> bytes, runtime::Checksum checksum) {
    try {
        const runtime::Model model(runtime::parse_model_file(bytes, "input", checksum));
        use(model, 0.0F);
        use(model, -1e30F);
        use(model, std::numeric_limits<float>::quiet_NaN());
    } catch (const ModelFormatError&) {
        // The answer to nearly every input.
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    load(bytes, runtime::Checksum::verify);
    load(bytes, runtime::Checksum::ignore);
    return 0;
}
