#include "input_bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion::audio {
namespace {

int open_regular(const Source& source, std::uint64_t& size) {
    if (source.path.empty() || source.path.find('\0') != std::string::npos) {
        fail_source("not_found", source, "is not a valid path");
    }
    // O_NONBLOCK: opening a pipe without a writer must not wait.
    const int descriptor = ::open(source.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        const int code = errno;
        if (code == EACCES || code == EPERM) {
            fail_source("no_permission", source, "cannot be read: permission denied");
        }
        if (code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO) {
            fail_source("corrupt", source, std::string("cannot be opened: ") + std::strerror(code));
        }
        fail_source("not_found", source, "does not exist");
    }
    struct stat status {};
    const bool known = ::fstat(descriptor, &status) == 0;
    if (!known || !S_ISREG(status.st_mode) || status.st_size == 0) {
        ::close(descriptor);
        if (known && S_ISREG(status.st_mode)) {
            fail_source("corrupt", source, "is empty (0 bytes)");
        }
        fail_source("unsupported_format", source, known && S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
    }
    size = static_cast<std::uint64_t>(status.st_size);
    return descriptor;
}

}  // namespace

void fail_source(const char* reason, const Source& source, const std::string& text) { throw MediaDecodeError(reason, source.name() + " " + text); }

InputBytes::InputBytes(const Source& source) : bytes_(source.bytes) {
    if (!source.from_bytes) {
        descriptor_ = open_regular(source, size_);
        return;
    }
    size_ = bytes_.size();
    if (size_ == 0) {
        fail_source("corrupt", source, "is empty (0 bytes)");
    }
}

InputBytes::~InputBytes() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

std::size_t InputBytes::read(std::uint64_t position, void* target, std::size_t n) const noexcept {
    n = position < size_ ? static_cast<std::size_t>(std::min<std::uint64_t>(n, size_ - position)) : 0;
    if (descriptor_ < 0) {
        if (n > 0) {
            std::memcpy(target, bytes_.data() + position, n);
        }
        return n;
    }
    std::size_t done = 0;
    while (done < n) {
        const ssize_t got = ::pread(descriptor_, static_cast<char*>(target) + done, n - done, static_cast<off_t>(position + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

}  // namespace emotion::audio
