#include "rooms.hpp"

namespace emotion::bindings {

void register_trees(pybind11::module_& m) { (void)m; }

}  // namespace emotion::bindings
