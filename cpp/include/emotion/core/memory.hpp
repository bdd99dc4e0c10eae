// How much memory this process can have at all, so that a request for more is refused by name: systems that promise more than they have
// kill the process when it touches the memory, long after the allocation went well.
#pragma once

#include <cstddef>
#include <string_view>

namespace emotion {

// Bytes of the machine's memory, bounded by the control group's limit (cgroup v2 or v1); read once. Where the system tells nothing:
// the largest std::size_t. Thread-safe.
[[nodiscard]] std::size_t physical_memory() noexcept;

// n * size bytes, the largest std::size_t where that overflows.
[[nodiscard]] std::size_t saturating_bytes(std::size_t n, std::size_t size) noexcept;

// Throws InvalidInputError, naming parameter and caller, if n things of `size` bytes are more than physical_memory().
void check_memory(std::size_t n, std::size_t size, std::string_view parameter, std::string_view caller, std::string_view things);

}  // namespace emotion
