// Long native calls that Ctrl-C can stop.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <optional>
#include <type_traits>

#include "emotion/core/stop_token.hpp"

namespace emotion::bindings {

// Runs work(token) on a thread of its own while this thread sleeps without the GIL, waking twenty times a second to look for pending
// signals and to call progress(done) (a Python callable, or None). When a signal handler or progress raises, the token is told to stop,
// the work is waited for, and the Python exception is rethrown: no native work outlives the call. The calling thread must hold the GIL;
// work must not touch Python. Starting the thread costs about 30 µs: short calls release the GIL and run in place instead.
void run_interruptible(const std::function<void(StopToken&)>& work, const pybind11::object& progress = pybind11::none());

// The same for work that returns a value.
template <class F>
auto interruptible(F&& work, const pybind11::object& progress = pybind11::none()) {
    using Result = std::invoke_result_t<F&, StopToken&>;
    if constexpr (std::is_void_v<Result>) {
        run_interruptible([&](StopToken& token) { work(token); }, progress);
    } else {
        std::optional<Result> result;
        run_interruptible([&](StopToken& token) { result.emplace(work(token)); }, progress);
        return std::move(*result);
    }
}

}  // namespace emotion::bindings
