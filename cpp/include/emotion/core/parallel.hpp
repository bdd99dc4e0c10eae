// Threads. This is the only door to oneTBB: parallel.cpp is the one file that includes it.
//
// Determinism: the blocks depend on n and grain only, never on the number of threads, so a unit that writes one result a block, and
// adds partial sums in block order, gives equal bits for any number of threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace emotion {

// The threads of one public call. With one thread nothing of oneTBB is touched and everything runs on the calling thread.
// Nested calls of blocks() from inside a block are allowed; a block never starts another block of an outer call while it waits,
// so scratch memory kept per block is safe.
class Parallel {
public:
    explicit Parallel(int n_threads);  // n_threads >= 1, more than 256 count as 256; InvalidInputError otherwise
    ~Parallel();
    Parallel(const Parallel&) = delete;
    Parallel& operator=(const Parallel&) = delete;

    [[nodiscard]] int n_threads() const noexcept { return n_threads_; }

    // Calls fn(begin, end) for the blocks [0, grain), [grain, 2 grain), … of [0, n), in any order, at the same time.
    // An exception thrown by a block is rethrown here after the running blocks have ended. grain >= 1.
    void blocks(std::size_t n, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& fn);

    // Calls fn(i) for each i of [0, n), one task an index.
    void each(std::size_t n, const std::function<void(std::size_t)>& fn);

private:
    struct Arena;
    int n_threads_;
    std::unique_ptr<Arena> arena_;
};

// oneTBB's interface versions: of the headers that were compiled and of the library that was loaded. The second must not be smaller.
int tbb_header_version();
int tbb_runtime_version();

}  // namespace emotion
