// Cancellation and progress of a long call, shared between the working threads and the thread that waits for them.
#pragma once

#include <atomic>
#include <cstdint>

#include "emotion/core/errors.hpp"

namespace emotion {

// Rules: a kernel calls check() at least ten times a second of work on each thread; check() costs one relaxed load.
// advance() counts finished units of work (trees, folds, clips) for progress displays; it never influences results.
class StopToken {
public:
    void request_stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool stop_requested() const noexcept { return stop_.load(std::memory_order_relaxed); }
    void check() const {
        if (stop_requested()) {
            throw Cancelled();
        }
    }
    void advance(std::uint64_t units = 1) noexcept { done_.fetch_add(units, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> done_{0};
};

}  // namespace emotion
