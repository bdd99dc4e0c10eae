#include "emotion/audio/stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "emotion/audio/resample.hpp"
#include "emotion/audio/stft.hpp"
#include "emotion/core/errors.hpp"
#include "emotion/core/rng.hpp"
#include "noise.hpp"

using namespace emotion;
using namespace emotion::audio;
using emotion::audio::test::normal_noise;

namespace {

std::vector<float> noise(std::size_t n) { return normal_noise(n, 5); }

std::shared_ptr<const FramePlan> plan_of(std::size_t n_fft, std::size_t hop, bool center = true) {
    const std::vector<FrameDescriptor> descriptors{FrameDescriptor::spectral_centroid, FrameDescriptor::rms, FrameDescriptor::zero_crossing_rate};
    return std::make_shared<const FramePlan>(
        FrameOptions{.descriptors = descriptors, .window = hann_window(n_fft), .hop_length = hop, .center = center});
}

// Everything that a stream gives for the samples in chunks of the sizes that next() says.
struct Given {
    std::vector<std::vector<float>> frames, windows;  // one entry a frame, a window
    bool operator==(const Given&) const = default;
};
template <class Next>
Given run(FeatureStream& stream, const FramePlan* plan, std::span<const float> x, Next&& next) {
    Given given;
    const auto take = [&](FeatureStream::Counts counts, auto&& call) {
        Matrix<float> frames(plan ? plan->names().size() : 0, counts.frames), windows(counts.windows, stream.n_features());
        call(frames.view(), windows.view());
        for (std::size_t t = 0; t < counts.frames; ++t) {
            std::vector<float> frame;
            for (std::size_t r = 0; r < frames.rows; ++r) {
                frame.push_back(frames(r, t));
            }
            given.frames.push_back(std::move(frame));
        }
        for (std::size_t i = 0; i < counts.windows; ++i) {
            given.windows.emplace_back(windows.row(i).begin(), windows.row(i).end());
        }
    };
    const StopToken stop;
    while (!x.empty()) {
        const std::size_t n = std::min(x.size(), next());
        take(stream.upcoming(n), [&](auto frames, auto windows) { stream.push(x.first(n), frames, windows, stop); });
        x = x.subspan(n);
    }
    take(stream.remaining(), [&](auto frames, auto windows) { stream.flush(frames, windows, stop); });
    return given;
}

}  // namespace

TEST_CASE("chunks of any sizes give the same bits, and windows those of functionals") {
    const auto x = noise(23'456);
    const std::vector<std::tuple<std::size_t, std::size_t, bool>> framings{{512, 128, true}, {511, 700, true}, {512, 100, false}};
    for (const auto& [n_fft, hop, center] : framings) {
        const auto plan = plan_of(n_fft, hop, center);
        const WindowOptions options{.set = FeatureSet::classic, .length = 8'000, .hop = 3'000};
        FeatureStream stream(16'000, plan, options);
        const Given whole = run(stream, plan.get(), x, [&] { return x.size(); });
        CHECK(whole.frames.size() == plan->frames(x.size()));
        REQUIRE(whole.windows.size() == 7);
        for (std::size_t k = 0; k < 7; ++k) {
            const std::size_t begin = k * 3'000, end = std::min<std::size_t>(begin + 8'000, x.size());
            CHECK(whole.windows[k] == functionals(std::span(x).subspan(begin, end - begin), 16'000, FeatureSet::classic));
        }
        RandomStream random(7, Purpose::test, n_fft);
        stream.reset();
        CHECK(run(stream, plan.get(), x, [&] { return static_cast<std::size_t>(1.0 + 2'000.0 * random.uniform()); }) == whole);
        stream.reset();
        std::size_t calls = 0;
        CHECK(run(stream, plan.get(), x, [&] { return calls++ % 2 == 0 ? 1UL : 37UL; }) == whole);
    }
}

TEST_CASE("the last window is cut at the end, unless it brings nothing new") {
    const auto x = noise(20);
    const auto count = [&](std::size_t length, std::size_t hop, std::size_t n) {
        FeatureStream stream(16'000, nullptr, WindowOptions{.length = length, .hop = hop});
        return run(stream, nullptr, std::span(x).first(n), [] { return 3UL; }).windows.size();
    };
    CHECK(count(10, 5, 0) == 0);
    CHECK(count(10, 5, 4) == 1);   // [0, 4)
    CHECK(count(10, 5, 10) == 1);  // [0, 10): [5, 10) brings nothing new
    CHECK(count(10, 5, 11) == 2);  // and [5, 11)
    CHECK(count(4, 8, 9) == 2);    // [0, 4), [8, 9)
    CHECK(count(4, 8, 8) == 1);    // [4, 8) lies between windows
    CHECK(count(5, 5, 20) == 4);
}

TEST_CASE("windows at another rate are resampled one by one") {
    const auto x = noise(30'000);
    FeatureStream stream(48'000, nullptr, WindowOptions{.length = 12'000, .hop = 9'000, .feature_rate_hz = 16'000});
    const Given given = run(stream, nullptr, x, [] { return 777UL; });
    REQUIRE(given.windows.size() == 3);
    const auto plan = Resampler::get(48'000, 16'000);
    std::vector<float> y(plan->output_size(12'000));
    plan->apply(std::span(x).subspan(9'000, 12'000), y, StopToken{});
    CHECK(given.windows[1] == functionals(y, 16'000, FeatureSet::classic));
}

TEST_CASE("windows of samples at the bound are taken, though resampling overshoots it") {
    std::vector<float> x(30'000);
    for (std::size_t t = 0; t < x.size(); ++t) {
        x[t] = t / 150 % 2 == 0 ? largest_sample : -largest_sample;
    }
    const auto plan = Resampler::get(48'000, 16'000);
    std::vector<float> y(plan->output_size(12'000));
    plan->apply(std::span(x).first(12'000), y, StopToken{});
    REQUIRE(*std::ranges::max_element(y) > 1.05F * largest_sample);
    for (const FeatureSet& set : {FeatureSet::classic, FeatureSet::egemaps, FeatureSet::full}) {
        FeatureStream stream(48'000, nullptr, WindowOptions{.set = set, .length = 12'000, .hop = 12'000, .feature_rate_hz = 16'000});
        const Given given = run(stream, nullptr, x, [] { return 777UL; });
        CHECK(given.windows.size() == 3);
        for (const auto& window : given.windows) {
            CHECK(std::ranges::all_of(window, [](float v) { return std::isfinite(v); }));
        }
    }
}

TEST_CASE("a refused push changes nothing") {
    const auto x = noise(4'000);
    const auto plan = plan_of(512, 128);
    FeatureStream stream(16'000, plan, WindowOptions{.length = 2'000, .hop = 1'000});
    const Given whole = run(stream, plan.get(), x, [] { return 500UL; });
    stream.reset();
    std::size_t refused = 0;
    const Given again = run(stream, plan.get(), x, [&] {
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 2e9F}) {
            std::vector<float> chunk(900, 0.1F);
            chunk[899] = bad;
            const auto counts = stream.upcoming(chunk.size());
            Matrix<float> frames(3, counts.frames), windows(counts.windows, stream.n_features());
            CHECK_THROWS_AS(stream.push(chunk, frames.view(), windows.view(), StopToken{}), InvalidInputError);
            chunk[899] = 0.1F;
            StopToken stopped;
            stopped.request_stop();
            if (counts.frames > 0) {
                CHECK_THROWS_AS(stream.push(chunk, frames.view(), windows.view(), stopped), Cancelled);
            }
            ++refused;
        }
        return 500UL;
    });
    CHECK(refused == 24);
    CHECK(again == whole);
    CHECK_THROWS_AS(stream.push(x, {}, {}, StopToken{}), InvalidInputError);
    CHECK(stream.remaining().frames == 0);
    CHECK(stream.remaining().windows == 0);
}

TEST_CASE("memory stays within what is looked back, and a large push is given back") {
    SampleBuffer buffer(100);
    const auto x = noise(3'000'000);
    std::size_t at = 0;
    for (std::size_t i = 0; i < 50'000; ++i) {
        buffer.append(std::span(x).subspan(at, 57));
        at += 57;
        buffer.drop_before(at > 1'000 ? at - 1'000 : 0);
        REQUIRE(buffer.end() == at);
        REQUIRE(*buffer.at(at - 1) == x[at - 1]);
        REQUIRE(*buffer.at(buffer.begin()) == x[buffer.begin()]);
    }
    CHECK(buffer.capacity() <= 2 * (1'000 + 57) + 100);
    buffer.append(x);
    CHECK(buffer.capacity() > 3'000'000);
    buffer.drop_before(buffer.end() - 10);
    CHECK(buffer.capacity() == 120);
    CHECK(*buffer.at(buffer.end() - 10) == x[x.size() - 10]);
}

TEST_CASE("different streams run at the same time") {
    const auto x = noise(20'000);
    const auto plan = plan_of(512, 128);
    const WindowOptions options{.set = FeatureSet::egemaps, .length = 6'000, .hop = 6'000};
    FeatureStream alone(16'000, plan, options);
    const Given expected = run(alone, plan.get(), x, [] { return 400UL; });
    std::vector<Given> given(3);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < given.size(); ++i) {
        threads.emplace_back([&, i] {
            FeatureStream stream(16'000, plan, options);
            given[i] = run(stream, plan.get(), x, [i] { return 300 + 50 * i; });
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const Given& one : given) {
        CHECK(one == expected);
    }
}

TEST_CASE("wrong settings are refused") {
    const auto plan = plan_of(512, 128);
    CHECK_THROWS_AS(FeatureStream(16'000, nullptr, std::nullopt), InvalidInputError);
    CHECK_THROWS_AS(FeatureStream(99, plan, std::nullopt), InvalidInputError);
    CHECK_THROWS_AS(FeatureStream(800'000, plan, std::nullopt), InvalidInputError);
    CHECK_THROWS_AS(FeatureStream(16'000, nullptr, WindowOptions{.length = 0, .hop = 1}), InvalidInputError);
    CHECK_THROWS_AS(FeatureStream(16'000, nullptr, WindowOptions{.length = 1, .hop = 0}), InvalidInputError);
    CHECK_THROWS_AS(FeatureStream(16'000, nullptr, WindowOptions{.length = 1, .hop = 1, .feature_rate_hz = 99}), InvalidInputError);
}
