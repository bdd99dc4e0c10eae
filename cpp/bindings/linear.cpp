#include "rooms.hpp"

namespace emotion::bindings {

void register_linear(pybind11::module_& m) { (void)m; }

}  // namespace emotion::bindings
