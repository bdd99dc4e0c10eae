#include "rooms.hpp"

namespace emotion::bindings {

void register_model_selection(pybind11::module_& m) { (void)m; }

}  // namespace emotion::bindings
