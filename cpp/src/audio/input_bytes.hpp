// Bytes in memory, or a regular file through a descriptor of our own (docs/adr/0010). Every position stays within [0, size].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emotion/audio/decode.hpp"

namespace emotion::audio {

// MediaDecodeError of the source.
[[noreturn]] void fail_source(const char* reason, const Source& source, const std::string& text);

class InputBytes {
public:
    // MediaDecodeError with reason not_found, no_permission, unsupported_format (not a regular file) or corrupt (empty, or cannot be opened).
    explicit InputBytes(const Source& source);
    ~InputBytes();
    InputBytes(const InputBytes&) = delete;
    InputBytes& operator=(const InputBytes&) = delete;

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // Copies up to n bytes from `position` on; fewer where the file ends, or ends sooner than it did when it was opened.
    std::size_t read(std::uint64_t position, void* target, std::size_t n) const noexcept;
    // Where the bytes of memory begin; nullptr for a file.
    [[nodiscard]] const std::byte* memory() const noexcept { return descriptor_ < 0 ? bytes_.data() : nullptr; }

private:
    std::span<const std::byte> bytes_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace emotion::audio
