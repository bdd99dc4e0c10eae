#include "interruptible.hpp"

#include <pybind11/pybind11.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace py = pybind11;

namespace emotion::bindings {

void run_interruptible(const std::function<void(StopToken&)>& work, const py::object& progress) {
    StopToken token;
    std::exception_ptr failure;
    std::mutex mutex;
    std::condition_variable finished_changed;
    bool finished = false;

    std::thread worker([&] {
        try {
            work(token);
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        finished = true;
        finished_changed.notify_one();
    });

    const auto wait = [&](std::chrono::milliseconds time) {
        // Safe without the GIL: only plain C++ objects of this frame are touched.
        const py::gil_scoped_release release;
        std::unique_lock lock(mutex);
        return finished_changed.wait_for(lock, time, [&] { return finished; });
    };
    const auto join = [&] {
        const py::gil_scoped_release release;
        worker.join();
    };

    std::uint64_t reported = 0;
    try {
        while (!wait(std::chrono::milliseconds(50))) {
            if (PyErr_CheckSignals() != 0) {
                throw py::error_already_set();
            }
            const std::uint64_t done = token.done();
            if (!progress.is_none() && done != reported) {
                reported = done;
                progress(done);
            }
        }
    } catch (...) {
        token.request_stop();
        join();
        throw;
    }
    join();
    if (failure) {
        std::rethrow_exception(failure);
    }
    if (!progress.is_none() && token.done() != reported) {
        progress(token.done());
    }
}

}  // namespace emotion::bindings
