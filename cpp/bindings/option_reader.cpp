#include "option_reader.hpp"

namespace py = pybind11;

namespace emotion::bindings {

void OptionReader::operator()(const char* key, trees::Share& place) const {
    using Kind = trees::Share::Kind;
    if (!step_.contains(key)) {
        return;
    }
    if (!has(key)) {
        place = {Kind::automatic, 0};
        return;
    }
    if (is_text(key)) {
        const auto name = get<std::string>(key);
        if (name != "sqrt" && name != "log2") {
            throw InvalidInputError(key, caller_, "a number, 'sqrt', 'log2' or None", "'" + name + "'");
        }
        place = {name == "sqrt" ? Kind::sqrt : Kind::log2, 0};
        return;
    }
    const auto number = get<double>(key);
    if (!(number > 0)) {
        throw InvalidInputError(key, caller_, "positive", std::to_string(number));
    }
    place = {PyIndex_Check(py::object(step_[key]).ptr()) != 0 ? Kind::count : Kind::fraction, number};
}

std::vector<double> OptionReader::class_weights(std::size_t n_classes) const {
    auto weights = get<std::vector<double>>("class_weight");
    if (weights.size() != n_classes) {
        throw InvalidInputError("class_weight", caller_, "one weight a class (" + std::to_string(n_classes) + ")", std::to_string(weights.size()));
    }
    return weights;
}

}  // namespace emotion::bindings
