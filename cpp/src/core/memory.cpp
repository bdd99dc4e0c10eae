#include "emotion/core/memory.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// The number in a control file; unlimited for "max" and where there is none.
std::size_t limit_in(const char* path) {
    std::ifstream file(path);
    std::size_t bytes = 0;
    return file >> bytes ? bytes : unlimited;
}

std::size_t measured() noexcept {
    std::size_t bytes = unlimited;
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) {
        bytes = saturating_bytes(static_cast<std::size_t>(pages), static_cast<std::size_t>(page));
    }
#endif
    try {
        for (const char* const path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
            bytes = std::min(bytes, limit_in(path));
        }
    } catch (...) {
        return bytes;  // no memory for a file's buffer: the machine's own number will do
    }
    return bytes;
}

}  // namespace

std::size_t physical_memory() noexcept {
    static const std::size_t bytes = measured();
    return bytes;
}

std::size_t saturating_bytes(std::size_t n, std::size_t size) noexcept { return size != 0 && n > unlimited / size ? unlimited : n * size; }

void check_memory(std::size_t n, std::size_t size, std::string_view parameter, std::string_view caller, std::string_view things) {
    if (saturating_bytes(n, size) > physical_memory()) {
        throw InvalidInputError(parameter, caller, "such that " + std::string(things) + " fit in this machine's memory (" + std::to_string(physical_memory() >> 20) + " MiB)",
                                std::to_string(n) + " of " + std::to_string(size) + " bytes");
    }
}

}  // namespace emotion
