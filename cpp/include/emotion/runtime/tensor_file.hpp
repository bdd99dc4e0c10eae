// The safetensors layout: an 8-byte little-endian header length, a JSON header, one byte buffer that the tensors tile.
//
// Source: the format description of https://github.com/huggingface/safetensors; this reader accepts a subset (docs/formats/model-file.md).
// The bytes are hostile until shown otherwise: nothing is read outside them, nothing is allocated on the word of a header alone, and the
// work is linear in their number (times a logarithm in the number of tensors). Deterministic; safe to call from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emotion::runtime {

struct TensorFileLimits {
    std::uint64_t file_bytes = std::uint64_t{4} << 30;
    std::uint64_t header_bytes = std::uint64_t{16} << 20;
    std::size_t tensors = 4096;
    std::size_t name_bytes = 256;
    std::size_t dimensions = 8;
};

enum class DType { f64, f32, i64, i32, u8 };

[[nodiscard]] std::size_t item_size(DType dtype);
[[nodiscard]] std::string_view dtype_name(DType dtype);

struct Tensor {
    DType dtype = DType::u8;
    std::vector<std::size_t> shape;
    std::span<const std::byte> bytes;  // exactly item_size * product of shape; unaligned, little-endian
};

struct TensorFile {
    std::string_view header;                          // the JSON text
    std::map<std::string, Tensor, std::less<>> tensors;
    std::map<std::string, std::string, std::less<>> metadata;  // the strings of __metadata__
};

// Views into `bytes`, which must outlive the result. Throws ModelFormatError with the reason alone (the caller adds the file's name).
TensorFile parse_tensor_file(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});

// The whole content of a regular file. The header's claims are compared with the file's size before the rest is read. Throws
// ModelFormatError with the reason alone where the path is missing, unreadable, a folder, a device or a pipe, or past the limits.
std::vector<std::byte> read_tensor_file(const std::string& path, const TensorFileLimits& limits = {});

}  // namespace emotion::runtime
