// A minimisation that stops wherever it needs its function, so that several can advance in lock-step over one pass through the data.
//
// A coroutine (minimization_by_lbfgs, minimization_by_proximal_lbfgs) runs until it asks for the value and the gradient at a point:
//     while (search.advance()) { search.give(f(search.point(), search.gradient())); }
// Complexity: a switch of two stacks an evaluation. Exceptions leave through advance(). Thread rule: one thread at a time.
// NaN policy and determinism: those of the method.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

namespace emotion::linear {

struct LbfgsResult {
    int n_iter = 0;
    bool converged = false;
    double value = 0;
};

// What a function is: it returns the value at x and fills the gradient, which has the size of x.
using Evaluate = std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;

class Minimization {
public:
    // Inside the coroutine: const double value = co_await Request{&x, &gradient}. Both stay alive until the answer.
    struct Request {
        const std::vector<double>* point;
        std::vector<double>* gradient;
    };

    struct promise_type {
        Request request{};
        double value = 0;
        LbfgsResult result;
        std::exception_ptr failure;

        struct Answer {
            const double* value;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<>) const noexcept {}
            [[nodiscard]] double await_resume() const noexcept { return *value; }
        };

        Minimization get_return_object() { return Minimization(std::coroutine_handle<promise_type>::from_promise(*this)); }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
        void return_value(const LbfgsResult& found) { result = found; }
        void unhandled_exception() { failure = std::current_exception(); }
        Answer await_transform(const Request& asked) {
            request = asked;
            return {&value};
        }
    };

    Minimization(Minimization&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Minimization(const Minimization&) = delete;
    Minimization& operator=(const Minimization&) = delete;
    Minimization& operator=(Minimization&&) = delete;
    ~Minimization() {
        if (handle_) {
            handle_.destroy();
        }
    }

    // Goes on to the next request; false at the end.
    bool advance() {
        handle_.resume();
        if (handle_.promise().failure) {
            std::rethrow_exception(handle_.promise().failure);
        }
        return !handle_.done();
    }

    [[nodiscard]] const std::vector<double>& point() const { return *handle_.promise().request.point; }
    [[nodiscard]] std::vector<double>& gradient() const { return *handle_.promise().request.gradient; }
    void give(double value) { handle_.promise().value = value; }
    [[nodiscard]] const LbfgsResult& result() const { return handle_.promise().result; }  // after the end

    // All of it with one function.
    LbfgsResult run(const Evaluate& evaluate) {
        while (advance()) {
            give(evaluate(point(), gradient()));
        }
        return result();
    }

private:
    explicit Minimization(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

}  // namespace emotion::linear
