#include "emotion/runtime/tensor_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "emotion/core/errors.hpp"
#include "model_builder.hpp"

using namespace emotion::runtime;
using emotion::ModelFormatError;
using emotion::runtime::test::container;

namespace {

const std::string two_tensors =
    R"({"__metadata__":{"note":"hi"},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]}})";

std::string reason_of(const std::vector<std::byte>& bytes, const TensorFileLimits& limits = {}) {
    try {
        parse_tensor_file(bytes, limits);
    } catch (const ModelFormatError& error) {
        return error.what();
    }
    return "accepted";
}

std::string one_tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"x\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
}

}  // namespace

TEST_CASE("tensor_file: views, shapes and metadata of a valid file") {
    const auto bytes = container(two_tensors + "   ", std::string(16, 'x'));
    const TensorFile file = parse_tensor_file(bytes);
    REQUIRE(file.tensors.size() == 2);
    CHECK(file.metadata.at("note") == "hi");
    const Tensor& a = file.tensors.at("a");
    CHECK(a.dtype == DType::f64);
    CHECK(a.shape == std::vector<std::size_t>{1, 1});
    CHECK(a.bytes.data() == bytes.data() + bytes.size() - 16);  // a view, no copy
    CHECK(file.tensors.at("b").bytes.size() == 8);
    CHECK(parse_tensor_file(container("{}")).tensors.empty());
    CHECK(parse_tensor_file(container(one_tensor("\"U8\"", "[0,5]", "[0,0]"))).tensors.at("x").bytes.empty());
    CHECK(parse_tensor_file(container(one_tensor("\"I64\"", "[]", "[0,8]"), std::string(8, 'x'))).tensors.at("x").shape.empty());
}

TEST_CASE("tensor_file: every prefix of a valid file is refused") {
    const auto bytes = container(two_tensors, std::string(16, 'x'));
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        CAPTURE(n);
        CHECK(reason_of({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}) != "accepted");
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(reason_of(longer) == "it has 1 bytes after its last tensor");
}

TEST_CASE("tensor_file: crafted headers") {
    const std::string buffer(16, 'x');
    for (const std::string& header : {
             one_tensor("\"F16\"", "[8]", "[0,16]"), one_tensor("1", "[8]", "[0,16]"), one_tensor("\"F32\"", "[-4]", "[0,16]"),
             one_tensor("\"F32\"", "[4.0]", "[0,16]"), one_tensor("\"F32\"", "[3]", "[0,16]"), one_tensor("\"F32\"", "[4]", "[0,17]"),
             one_tensor("\"F32\"", "[4]", "[16,0]"), one_tensor("\"F32\"", "[4]", "[0]"), one_tensor("\"F32\"", "4", "[0,16]"),
             one_tensor("\"F32\"", "[1,1,1,1,1,1,1,1,4]", "[0,16]"),
             // Products that overflow 64 bits, to 16 bytes and to 0.
             one_tensor("\"F32\"", "[4611686018427387905,4]", "[0,16]"), one_tensor("\"F64\"", "[4294967296,4294967296]", "[0,0]"),
             one_tensor("\"F32\"", "[9223372036854775807,9223372036854775807,9223372036854775807]", "[0,16]"),
             one_tensor("\"F32\"", "[18446744073709551615]", "[0,16]"), one_tensor("\"F32\"", "[1]", "[4,8]"),
             std::string(R"({"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}})"), std::string(R"({"x":{"dtype":"F32","shape":[4]}})"),
             std::string(R"({"x":[1]})"), std::string(R"({"x y":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"),
             std::string(R"({"":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"), std::string(R"({"__metadata__":[]})"),
             std::string(R"({"__metadata__":{"a":1}})"), std::string(R"([1])"), std::string(" {}"), std::string("{}x"),
             // Overlap, hole, the same place twice.
             std::string(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})"),
             std::string(R"({"a":{"dtype":"U8","shape":[7],"data_offsets":[0,7]},"b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})"),
             std::string(R"({"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}})"),
         }) {
        CAPTURE(header);
        CHECK(reason_of(container(header, buffer)) != "accepted");
    }
    std::vector<std::byte> huge(16, std::byte{0xFF});
    CHECK(reason_of(huge).find("not the length of a header") != std::string::npos);
    CHECK(reason_of(container("{}"), {.file_bytes = 9}).find("more than the limit of 9") != std::string::npos);
    CHECK(reason_of(container(two_tensors, buffer), {.tensors = 2}) == "it has more than 2 tensors");  // __metadata__ counts
}

TEST_CASE("tensor_file: paths that are no regular files are refused without waiting") {
    const auto folder = std::filesystem::temp_directory_path() / ("emotion_tensor_file_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    CHECK_THROWS_WITH_AS(read_tensor_file(folder.string()), "it is a folder", ModelFormatError);
    CHECK_THROWS_AS(read_tensor_file((folder / "absent").string()), ModelFormatError);
    CHECK_THROWS_WITH_AS(read_tensor_file(std::string("a\0b", 3)), "its path holds a zero byte", ModelFormatError);
    CHECK_THROWS_WITH_AS(read_tensor_file("/dev/zero"), "it is not a regular file", ModelFormatError);
    const auto pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK_THROWS_WITH_AS(read_tensor_file(pipe.string()), "it is not a regular file", ModelFormatError);

    const auto file = folder / "sparse";
    const auto bytes = container(two_tensors, std::string(16, 'x'));
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    CHECK(read_tensor_file(file.string()) == bytes);
    // Past the limit: refused before anything of that size is allocated.
    std::filesystem::resize_file(file, std::uintmax_t{5} << 30);
    CHECK_THROWS_AS(read_tensor_file(file.string()), ModelFormatError);
    // A wrong header length in a large file: the rest is not read.
    std::ofstream(file, std::ios::binary).write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    std::filesystem::resize_file(file, std::uintmax_t{2} << 30);
    CHECK_THROWS_AS(read_tensor_file(file.string()), ModelFormatError);
    std::filesystem::remove_all(folder);
}
