#include "emotion/runtime/tensor_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "emotion/core/errors.hpp"
#include "emotion/runtime/json_text.hpp"

namespace emotion::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "model files are little-endian and their arrays are copied as they are");

constexpr std::size_t prefix_bytes = 8;
constexpr std::array<std::pair<std::string_view, std::size_t>, 5> dtypes = {{{"F64", 8}, {"F32", 4}, {"I64", 8}, {"I32", 4}, {"U8", 1}}};

using Kind = JsonValue::Kind;

[[noreturn]] void refuse(const std::string& reason) { throw ModelFormatError(reason); }

// The length of the header, checked against the number of bytes that are really there.
std::size_t header_length(std::span<const std::byte> prefix, std::uint64_t file_bytes, const TensorFileLimits& limits) {
    if (file_bytes > limits.file_bytes) {
        refuse("it has " + std::to_string(file_bytes) + " bytes, more than the limit of " + std::to_string(limits.file_bytes));
    }
    if (prefix.size() < prefix_bytes) {
        refuse("it has only " + std::to_string(file_bytes) + " bytes");
    }
    std::uint64_t length = 0;
    for (std::size_t i = prefix_bytes; i > 0; --i) {
        length = (length << 8) | std::to_integer<std::uint64_t>(prefix[i - 1]);
    }
    if (length > limits.header_bytes) {
        refuse("its first 8 bytes are not the length of a header (at most " + std::to_string(limits.header_bytes) + " bytes)");
    }
    if (length > file_bytes - prefix_bytes) {
        refuse("it ends inside its header: it has " + std::to_string(file_bytes) + " bytes, the header needs " + std::to_string(length + prefix_bytes));
    }
    return static_cast<std::size_t>(length);
}

JsonValue parse_header(std::string_view text) {
    if (text.empty() || text.front() != '{') {
        refuse("its header is not a JSON object");
    }
    try {
        return parse_json(text);
    } catch (const ModelFormatError& error) {
        refuse("its header cannot be read: " + std::string(error.what()));
    }
}

std::optional<std::size_t> as_size(const JsonValue& value) {
    if (!value.is(Kind::integer) || value.integer < 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(value.integer);
}

DType parse_dtype(const std::string& name, const JsonValue* value) {
    if (value != nullptr && value->is(Kind::string)) {
        for (std::size_t i = 0; i < dtypes.size(); ++i) {
            if (dtypes[i].first == value->string) {
                return static_cast<DType>(i);
            }
        }
    }
    refuse("tensor " + name + " has a dtype other than F64, F32, I64, I32 and U8");
}

// The number of bytes that a shape needs, or nothing where the product overflows.
std::optional<std::size_t> bytes_of(DType dtype, const std::vector<std::size_t>& shape) {
    std::size_t product = item_size(dtype);
    for (const std::size_t extent : shape) {
        if (__builtin_mul_overflow(product, extent, &product)) {
            return std::nullopt;
        }
    }
    return product;
}

std::vector<std::size_t> parse_shape(const std::string& name, const JsonValue* value, const TensorFileLimits& limits) {
    if (value == nullptr || !value->is(Kind::array) || value->items.size() > limits.dimensions) {
        refuse("tensor " + name + " has no shape of at most " + std::to_string(limits.dimensions) + " dimensions");
    }
    std::vector<std::size_t> shape;
    for (const JsonValue& item : value->items) {
        const std::optional<std::size_t> extent = as_size(item);
        if (!extent) {
            refuse("tensor " + name + " has an extent that is not a whole number from 0 up");
        }
        shape.push_back(*extent);
    }
    return shape;
}

Tensor parse_tensor(const std::string& name, const JsonValue& value, std::span<const std::byte> buffer, const TensorFileLimits& limits) {
    if (!value.is(Kind::object) || value.keys.size() != 3) {
        refuse("tensor " + name + " must have dtype, shape and data_offsets and nothing else");
    }
    Tensor tensor;
    tensor.dtype = parse_dtype(name, value.find("dtype"));
    tensor.shape = parse_shape(name, value.find("shape"), limits);
    const JsonValue* const offsets = value.find("data_offsets");
    if (offsets == nullptr || !offsets->is(Kind::array) || offsets->items.size() != 2) {
        refuse("tensor " + name + " has no pair of data_offsets");
    }
    const std::optional<std::size_t> begin = as_size(offsets->items[0]);
    const std::optional<std::size_t> end = as_size(offsets->items[1]);
    if (!begin || !end || *begin > *end || *end > buffer.size()) {
        refuse("tensor " + name + " lies outside the file (is the file truncated?)");
    }
    if (bytes_of(tensor.dtype, tensor.shape) != *end - *begin) {
        refuse("tensor " + name + " has a shape that does not fit its number of bytes");
    }
    tensor.bytes = buffer.subspan(*begin, *end - *begin);
    return tensor;
}

// Sorted by place, each tensor begins where the one before ended, and the last ends with the file: no overlap, no hole, no hidden bytes.
void check_tiling(const TensorFile& file, std::span<const std::byte> buffer) {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const auto& [name, tensor] : file.tensors) {
        const auto begin = static_cast<std::size_t>(tensor.bytes.data() - buffer.data());
        ranges.emplace_back(begin, begin + tensor.bytes.size());
    }
    std::sort(ranges.begin(), ranges.end());
    std::size_t end = 0;
    for (const auto& [first, last] : ranges) {
        if (first != end) {
            refuse("its tensors overlap or leave a hole at byte " + std::to_string(std::min(first, end)) + " of the buffer");
        }
        end = last;
    }
    if (end != buffer.size()) {
        refuse("it has " + std::to_string(buffer.size() - end) + " bytes after its last tensor");
    }
}

void check_name(const std::string& name, const TensorFileLimits& limits) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    };
    if (name.empty() || name.size() > limits.name_bytes || !std::all_of(name.begin(), name.end(), allowed)) {
        refuse("the name of a tensor is not 1 to " + std::to_string(limits.name_bytes) + " letters, digits, dots, dashes and underscores");
    }
}

// A file descriptor that is closed when it goes out of scope.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

// Reads until `into` is full or the file ends; returns how many bytes came.
std::size_t read_fully(int descriptor, std::span<std::byte> into) {
    constexpr std::size_t chunk = std::size_t{1} << 28;
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got = ::read(descriptor, into.data() + done, std::min(chunk, into.size() - done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            refuse(std::string("reading it failed: ") + std::strerror(errno));
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

}  // namespace

std::size_t item_size(DType dtype) { return dtypes[static_cast<std::size_t>(dtype)].second; }

std::string_view dtype_name(DType dtype) { return dtypes[static_cast<std::size_t>(dtype)].first; }

TensorFile parse_tensor_file(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
    const std::size_t length = header_length(bytes.first(std::min(bytes.size(), prefix_bytes)), bytes.size(), limits);
    TensorFile file;
    file.header = {reinterpret_cast<const char*>(bytes.data()) + prefix_bytes, length};
    const std::span<const std::byte> buffer = bytes.subspan(prefix_bytes + length);
    const JsonValue header = parse_header(file.header);
    if (header.keys.size() > limits.tensors) {
        refuse("it has more than " + std::to_string(limits.tensors) + " tensors");
    }
    for (std::size_t i = 0; i < header.keys.size(); ++i) {
        const std::string& name = header.keys[i];
        const JsonValue& value = header.items[i];
        if (name != "__metadata__") {
            check_name(name, limits);
            file.tensors.emplace(name, parse_tensor(name, value, buffer, limits));
            continue;
        }
        if (!value.is(Kind::object)) {
            refuse("its __metadata__ is not an object");
        }
        for (std::size_t k = 0; k < value.keys.size(); ++k) {
            if (!value.items[k].is(Kind::string)) {
                refuse("its __metadata__ holds something else than strings");
            }
            file.metadata.emplace(value.keys[k], value.items[k].string);
        }
    }
    check_tiling(file, buffer);
    return file;
}

std::vector<std::byte> read_tensor_file(const std::string& path, const TensorFileLimits& limits) {
    if (path.find('\0') != std::string::npos) {
        refuse("its path holds a zero byte");
    }
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) {
        refuse(std::string("it cannot be opened: ") + std::strerror(errno));
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) {
        refuse(std::string("it cannot be opened: ") + std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        refuse(S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file");
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::array<std::byte, prefix_bytes> prefix{};
    const std::size_t got = read_fully(file.number(), prefix);
    const std::size_t length = header_length(std::span(prefix).first(got), size, limits);
    std::vector<std::byte> bytes(prefix_bytes + length);
    std::copy(prefix.begin(), prefix.end(), bytes.begin());
    if (read_fully(file.number(), std::span(bytes).subspan(prefix_bytes)) != length || length == 0 || bytes[prefix_bytes] != std::byte{'{'}) {
        refuse("its header is not a JSON object");
    }
    bytes.resize(static_cast<std::size_t>(size));
    if (read_fully(file.number(), std::span(bytes).subspan(prefix_bytes + length)) != size - prefix_bytes - length) {
        refuse("it became shorter while it was read");
    }
    return bytes;
}

}  // namespace emotion::runtime
