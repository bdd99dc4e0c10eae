// Working memory that a thread keeps between calls: the system hands out large blocks page by page, which would cost a short clip more than
// its arithmetic. A thread keeps at most eight buffers of at most 16 MiB each. Data begin on a cache line. Contents are unspecified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace emotion::audio {

class Scratch {
public:
    explicit Scratch(std::size_t n) : size_(n) {
        auto& kept = pool();
        if (!kept.empty()) {
            values_ = std::move(kept.back());
            kept.pop_back();
        }
        if (values_.size() < n + line) {
            values_.resize(n + line);
        }
        data_ = values_.data() + (line - reinterpret_cast<std::uintptr_t>(values_.data()) / sizeof(float) % line) % line;
    }
    ~Scratch() {
        auto& kept = pool();
        if (values_.capacity() <= most_values && kept.size() < most_buffers) {
            kept.push_back(std::move(values_));  // no allocation: see pool()
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    [[nodiscard]] float* data() noexcept { return data_; }
    [[nodiscard]] const float* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    float& operator[](std::size_t i) noexcept { return data_[i]; }

private:
    static constexpr std::size_t line = 16;  // floats
    static constexpr std::size_t most_values = 4U << 20;
    static constexpr std::size_t most_buffers = 8;
    static std::vector<std::vector<float>>& pool() {
        thread_local std::vector<std::vector<float>> buffers = [] {
            std::vector<std::vector<float>> empty;
            empty.reserve(most_buffers);
            return empty;
        }();
        return buffers;
    }

    std::size_t size_;
    std::vector<float> values_;
    float* data_;
};

}  // namespace emotion::audio
