#include "emotion/core/parallel.hpp"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>
#include <tbb/version.h>

#include <algorithm>
#include <string>

#include "emotion/core/errors.hpp"

namespace emotion {

namespace {

constexpr int most_threads = 256;  // oneTBB has at most 255 workers; asked for an arena of many more it has crashed

}  // namespace

struct Parallel::Arena {
    explicit Arena(int n)
        : limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(std::max(n, tbb::info::default_concurrency()))), arena(n) {}
    // More threads than cores are rarely wise, but allowed: without this oneTBB ignores the surplus and says so on the user's screen.
    tbb::global_control limit;
    tbb::task_arena arena;
};

Parallel::Parallel(int n_threads) : n_threads_(std::min(n_threads, most_threads)) {
    if (n_threads < 1) {
        throw InvalidInputError("n_threads", "Parallel", "at least 1", std::to_string(n_threads));
    }
    if (n_threads > 1) {
        arena_ = std::make_unique<Arena>(n_threads_);
    }
}

Parallel::~Parallel() = default;

void Parallel::blocks(std::size_t n, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& fn) {
    if (n == 0) {
        return;
    }
    grain = std::max<std::size_t>(grain, 1);
    const std::size_t n_blocks = (n - 1) / grain + 1;
    if (!arena_ || n_blocks == 1) {
        for (std::size_t b = 0; b < n_blocks; ++b) {
            fn(b * grain, std::min(n, (b + 1) * grain));
        }
        return;
    }
    arena_->arena.execute([&] {
        // Isolated: a thread that waits inside a block for a nested call takes only blocks of that nested call.
        tbb::this_task_arena::isolate([&] {
            tbb::parallel_for(
                tbb::blocked_range<std::size_t>(0, n_blocks, 1),
                [&](const tbb::blocked_range<std::size_t>& range) {
                    for (std::size_t b = range.begin(); b != range.end(); ++b) {
                        fn(b * grain, std::min(n, (b + 1) * grain));
                    }
                },
                tbb::simple_partitioner());
        });
    });
}

void Parallel::each(std::size_t n, const std::function<void(std::size_t)>& fn) {
    blocks(n, 1, [&](std::size_t begin, std::size_t) { fn(begin); });
}

int tbb_header_version() { return TBB_INTERFACE_VERSION; }
int tbb_runtime_version() { return TBB_runtime_interface_version(); }

}  // namespace emotion
