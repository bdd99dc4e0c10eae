// Reading the dictionaries that the Python classes give for a step.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <string>
#include <vector>

#include "emotion/core/errors.hpp"
#include "emotion/trees/forest_sizes.hpp"

namespace emotion::bindings {

// InvalidInputError in the name of the caller for a value of another type. It keeps references: it lives as long as the call that made it.
class OptionReader {
public:
    OptionReader(const pybind11::dict& step, const char* caller) : step_(step), caller_(caller) {}

    // There is such an option, and it is not None.
    [[nodiscard]] bool has(const char* key) const { return step_.contains(key) && !step_[key].is_none(); }
    [[nodiscard]] bool is_text(const char* key) const { return has(key) && pybind11::isinstance<pybind11::str>(step_[key]); }

    // An option that must be there.
    template <class T>
    [[nodiscard]] T get(const char* key) const {
        if (!step_.contains(key)) {
            throw InvalidInputError("steps", caller_, std::string("complete (") + key + ")", "a step without it");
        }
        try {
            return step_[key].template cast<T>();
        } catch (const pybind11::cast_error&) {
            throw InvalidInputError(key, caller_, "of the documented type", pybind11::repr(step_[key]).cast<std::string>());
        }
    }

    // An option that is left as it is where it is absent or None.
    template <class T>
    void operator()(const char* key, T& place) const {
        if (has(key)) {
            place = get<T>(key);
        }
    }

    // An integer is a count, a float a share, None the step's automatic choice.
    void operator()(const char* key, trees::Share& place) const;

    [[nodiscard]] std::vector<double> class_weights(std::size_t n_classes) const;

private:
    const pybind11::dict& step_;
    const char* caller_;
};

}  // namespace emotion::bindings
