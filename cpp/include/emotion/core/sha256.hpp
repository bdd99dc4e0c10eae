// SHA-256 (FIPS 180-4), for the checksum of model files and content keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace emotion {

class Sha256 {
public:
    Sha256() noexcept;
    void update(std::span<const std::byte> bytes) noexcept;
    // The digest as 64 lower-case hexadecimal digits. The object must not be used afterwards.
    [[nodiscard]] std::string hex_digest() noexcept;

private:
    void block(const std::byte* data) noexcept;
    std::array<std::uint32_t, 8> state_;
    std::array<std::byte, 64> buffer_{};
    std::uint64_t length_ = 0;
};

[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace emotion
