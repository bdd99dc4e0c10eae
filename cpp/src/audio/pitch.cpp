#include "emotion/audio/pitch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "emotion/audio/fft.hpp"
#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "peak_scale.hpp"
#include "scratch.hpp"

namespace emotion::audio {
namespace {

// The settings that are no arguments. Chosen on synthetic vowels (benchmarks/pitch_accuracy.py has others) and by agreement with YIN on real clips.
constexpr double window_periods = 3.0;      // of the lowest pitch: Boersma 1993, section 3
constexpr double lag_rate_low_hz = 16000.0;
constexpr double low_stop_hz = 30.0, low_pass_hz = 60.0, high_pass_hz = 1000.0, high_stop_hz = 3000.0;  // band of the correlation
constexpr double tilt = 0.5;                // the power spectrum is weighted by f^tilt: against noise that falls with frequency
constexpr float octave_cost = 0.04F;        // correlation an octave, in favour of high pitch: against the multiples of the period
constexpr float jump_cost = 0.35F;          // an octave of pitch change, for frames 10 ms apart
constexpr float change_cost = 0.15F;        // a change between voiced and unvoiced, for frames 10 ms apart
constexpr float silence = 0.02F;            // level over the clip's highest below which frames turn unvoiced
constexpr float least_height = 0.1F;        // of a candidate
constexpr float softness = 0.08F;           // of the voiced probability
constexpr std::size_t most_candidates = 8;
constexpr float unvoiced_value = std::numeric_limits<float>::quiet_NaN();

struct Candidate {
    float lag = 0.0F;       // samples of the correlation
    float strength = 0.0F;  // what the path search adds up
    float height = 0.0F;    // the correlation
    float octave = 0.0F;    // log2 of the frequency
};

// The candidates of one frame, strongest first, and its level.
struct Frame {
    std::array<Candidate, most_candidates> candidates;
    std::size_t count = 0;
    float level = 0.0F;
};

EMOTION_CLONES void weigh(float* power, const float* weight, std::size_t bins) {
    for (std::size_t k = 0; k < bins; ++k) {
        store(power + k * lanes, load(power + k * lanes) * weight[k]);
    }
}

// r[k] / r[0] over that of the window; 0 for a frame of nothing.
EMOTION_CLONES void normalise(float* r, const float* correction, std::size_t count) {
    Lane inverse;
    const Lane zero = load(r);
    for (std::size_t l = 0; l < lanes; ++l) {
        inverse[l] = zero[l] > 1e-30F ? 1.0F / zero[l] : 0.0F;
    }
    for (std::size_t k = 0; k < count; ++k) {
        store(r + k * lanes, load(r + k * lanes) * inverse * correction[k]);
    }
}

class Tracker {
public:
    Tracker(double rate, const PitchOptions& o) : o_(o), rate_(rate) {
        const auto window_length = static_cast<std::size_t>(std::ceil(window_periods / o.fmin_hz * rate));
        const double longest = rate / o.fmin_hz;
        // The transform may be shorter than frame plus lag: what wraps around are products of the window's tails.
        const std::size_t n = std::bit_ceil(window_length + static_cast<std::size_t>(longest / 2.0) + 2);
        fft_ = RealFft::get(n);
        window_length_ = window_length;
        window_.resize(n);
        for (std::size_t i = 0; i < window_length; ++i) {
            window_[i] = static_cast<float>(
                0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(window_length)));
        }
        // The correlation is sampled at 16 to 32 kHz, whatever the rate of the samples.
        lag_rate_ = rate;
        std::size_t m = n;
        for (; lag_rate_ < lag_rate_low_hz; lag_rate_ *= 2.0) {
            m *= 2;
        }
        for (; lag_rate_ >= 2.0 * lag_rate_low_hz; lag_rate_ /= 2.0) {
            m /= 2;
        }
        inverse_ = RealFft::get(m);
        first_lag_ = std::max<std::size_t>(2, static_cast<std::size_t>(std::floor(lag_rate_ / o.fmax_hz)));
        last_lag_ = static_cast<std::size_t>(std::ceil(lag_rate_ / o.fmin_hz));
        lags_ = last_lag_ + 2 + sinc_reach;
        make_weight();
        make_sinc();
        make_correction();
    }

    PitchTrack operator()(std::span<const float> samples, const StopToken& stop) const;

private:
    static constexpr std::size_t sinc_reach = 8, phases = 64;

    // sinc_[p * 2 reach + i]: weight of the value i + 1 - reach steps away from the whole part, for the fraction p / phases; a Hann taper.
    void make_sinc() {
        sinc_.resize(phases * 2 * sinc_reach);
        for (std::size_t p = 0; p < phases; ++p) {
            for (std::size_t i = 0; i < 2 * sinc_reach; ++i) {
                const double d = static_cast<double>(p) / phases - static_cast<double>(i) - 1.0 + static_cast<double>(sinc_reach);
                const double angle = std::numbers::pi * d;
                const double sinc = std::abs(d) < 1e-9 ? 1.0 : std::sin(angle) / angle;
                sinc_[p * 2 * sinc_reach + i] = static_cast<float>(sinc * (0.5 + 0.5 * std::cos(angle / static_cast<double>(sinc_reach))));
            }
        }
    }

    void make_weight() {
        const double step = rate_ / static_cast<double>(fft_->size());
        const std::size_t used = std::min(fft_->bins(), inverse_->bins());
        weight_.assign(inverse_->bins(), 0.0F);
        for (std::size_t k = 0; k < used; ++k) {
            const double f = static_cast<double>(k) * step;
            const double low = std::clamp((f - low_stop_hz) / (low_pass_hz - low_stop_hz), 0.0, 1.0);
            const double high = std::clamp((high_stop_hz - f) / (high_stop_hz - high_pass_hz), 0.0, 1.0);
            weight_[k] = static_cast<float>(low * high * std::pow(f / 500.0, tilt));
        }
    }

    // Leaves the correlation of eight frames, lags_ values each, in `r`.
    void correlate(const float* signal, std::size_t hop, float* power, float* r, float* work, bool flat) const {
        const std::size_t used = std::min(fft_->bins(), inverse_->bins());
        fft_->power(signal, hop, window_.data(), power, work);
        std::fill(power + used * lanes, power + std::max(fft_->bins(), inverse_->bins()) * lanes, 0.0F);
        if (!flat) {
            weigh(power, weight_.data(), used);
        }
        inverse_->even(power, lags_, r, work);
    }
    [[nodiscard]] std::size_t power_size() const { return std::max(fft_->bins(), inverse_->bins()) * lanes; }
    [[nodiscard]] std::size_t work_size() const { return std::max(fft_->scratch_size(), inverse_->scratch_size()); }

    // One over the correlation of the window alone.
    void make_correction() {
        std::vector<float> flat(fft_->size() + lanes, 1.0F), power(power_size()), r(lags_ * lanes), work(work_size());
        correlate(flat.data(), 1, power.data(), r.data(), work.data(), true);
        correction_.resize(lags_);
        for (std::size_t k = 0; k < lags_; ++k) {
            correction_[k] = r[0] / std::max(r[k * lanes], 1e-3F * r[0]);
        }
    }

    void find_candidates(const float* r, Frame& frame) const;
    [[nodiscard]] float refine(const float* r, float lag) const;
    void search(std::vector<Frame>& frames, PitchTrack& track) const;

    PitchOptions o_;
    double rate_, lag_rate_ = 0.0;
    std::size_t window_length_ = 0, first_lag_ = 0, last_lag_ = 0, lags_ = 0;
    std::shared_ptr<const RealFft> fft_, inverse_;
    std::vector<float> window_, weight_, correction_, sinc_;
};

void Tracker::find_candidates(const float* r, Frame& frame) const {
    frame.count = 0;
    const auto at = [&](std::size_t k) { return r[k * lanes]; };
    for (std::size_t k = first_lag_; k <= last_lag_; ++k) {
        const float here = at(k);
        if (!(here > least_height && here > at(k - 1) && here >= at(k + 1))) {
            continue;
        }
        const float a = at(k - 1), c = at(k + 1), bend = a - 2.0F * here + c;
        const float shift = bend < 0.0F ? 0.5F * (a - c) / bend : 0.0F;
        Candidate candidate;
        candidate.lag = static_cast<float>(k) + shift;
        candidate.height = here - 0.25F * (a - c) * shift;
        candidate.octave = std::log2(static_cast<float>(lag_rate_) / candidate.lag);
        // A correlation above 1 is an artefact of the correction at long lags: fold it down, as Boersma does.
        const float height = candidate.height > 1.0F ? 1.0F / candidate.height : candidate.height;
        candidate.height = height;
        candidate.strength = height + octave_cost * (candidate.octave - static_cast<float>(std::log2(o_.fmin_hz)));
        std::size_t place = frame.count < most_candidates ? frame.count++ : most_candidates - 1;
        if (place == most_candidates - 1 && frame.count == most_candidates && frame.candidates[place].lag > 0.0F &&
            frame.candidates[place].strength >= candidate.strength) {
            continue;
        }
        for (; place > 0 && frame.candidates[place - 1].strength < candidate.strength; --place) {
            frame.candidates[place] = frame.candidates[place - 1];
        }
        frame.candidates[place] = candidate;
    }
}

void Tracker::search(std::vector<Frame>& frames, PitchTrack& track) const {
    const std::size_t n = frames.size();
    float loudest = 0.0F;
    for (const Frame& f : frames) {
        loudest = std::max(loudest, f.level);
    }
    // State 0 is unvoiced, state i + 1 candidate i.
    constexpr std::size_t states = most_candidates + 1;
    std::vector<std::array<std::uint8_t, states>> back(n);
    std::array<double, states> value{}, next{};
    const auto per_frame = static_cast<float>(0.01 / o_.hop_s);
    const float jump = jump_cost * per_frame, change = change_cost * per_frame;
    const auto threshold = static_cast<float>(o_.voicing_threshold);
    std::vector<float> margin(n);
    for (std::size_t t = 0; t < n; ++t) {
        Frame& f = frames[t];
        const float relative = loudest > 0.0F ? f.level / loudest : 0.0F;
        const float unvoiced = threshold + std::max(0.0F, 2.0F - relative * (1.0F + threshold) / silence);
        float best_strength = 0.0F;
        for (std::size_t s = 0; s <= f.count; ++s) {
            const float strength = s == 0 ? unvoiced : f.candidates[s - 1].strength;
            if (s > 0) {
                best_strength = std::max(best_strength, f.candidates[s - 1].height);
            }
            double best = 0.0;
            std::uint8_t from = 0;
            if (t > 0) {
                const Frame& b = frames[t - 1];
                best = -std::numeric_limits<double>::infinity();
                for (std::size_t p = 0; p <= b.count; ++p) {
                    double cost = 0.0;
                    if ((p == 0) != (s == 0)) {
                        cost = static_cast<double>(change);
                    } else if (p > 0) {
                        cost = static_cast<double>(jump * std::abs(b.candidates[p - 1].octave - f.candidates[s - 1].octave));
                    }
                    if (value[p] - cost > best) {
                        best = value[p] - cost;
                        from = static_cast<std::uint8_t>(p);
                    }
                }
            }
            next[s] = best + static_cast<double>(strength);
            back[t][s] = from;
        }
        value = next;
        margin[t] = best_strength - unvoiced;
    }
    std::size_t state = 0;
    for (std::size_t s = 1; n > 0 && s <= frames[n - 1].count; ++s) {
        state = value[s] > value[state] ? s : state;
    }
    for (std::size_t t = n; t-- > 0;) {
        track.f0_hz[t] = state == 0 ? unvoiced_value : static_cast<float>(lag_rate_) / frames[t].candidates[state - 1].lag;
        track.voiced_probability[t] = 1.0F / (1.0F + std::exp(-margin[t] / softness));
        state = back[t][state];
    }
}

// The peak near `lag` of the band-limited correlation: a parabola through three points of its sinc interpolation, an eighth of a sample apart.
float Tracker::refine(const float* r, float lag) const {
    const auto place = static_cast<std::size_t>(std::lround(lag * static_cast<float>(phases)));
    const auto value = [&](std::size_t x) {
        const std::size_t whole = x / phases;
        const float* const kernel = &sinc_[(x % phases) * 2 * sinc_reach];
        double sum = 0.0;
        for (std::size_t i = 0; i < 2 * sinc_reach; ++i) {
            const std::size_t k = whole + i + 1 >= sinc_reach ? whole + i + 1 - sinc_reach : sinc_reach - whole - i - 1;  // r is even
            sum += static_cast<double>(r[k * lanes]) * static_cast<double>(kernel[i]);
        }
        return sum;
    };
    constexpr std::size_t apart = phases / 8;
    const double a = value(place - apart), b = value(place), c = value(place + apart), bend = a - 2.0 * b + c;
    const double shift = bend < 0.0 ? std::clamp(0.5 * (a - c) / bend, -1.0, 1.0) / 8.0 : 0.0;
    return static_cast<float>(static_cast<double>(place) / static_cast<double>(phases) + shift);
}

PitchTrack Tracker::operator()(std::span<const float> samples, const StopToken& stop) const {
    PitchTrack track;
    if (samples.empty()) {
        return track;
    }
    const auto n = 1 + static_cast<std::size_t>(std::floor(static_cast<double>(samples.size()) / (o_.hop_s * rate_) + 1e-9));
    track.times_s.resize(n);
    track.f0_hz.resize(n);
    track.voiced_probability.resize(n);

    const std::size_t margin = fft_->size() + 1;
    Scratch signal(samples.size() + 2 * margin), power(power_size()), r(lags_ * lanes), work(work_size()), gathered(lanes * fft_->size());
    std::fill_n(signal.data(), margin, 0.0F);
    std::fill_n(signal.data() + margin + samples.size(), margin, 0.0F);
    std::fill_n(gathered.data(), lanes * fft_->size(), 0.0F);
    double mean = 0.0;
    for (const float x : samples) {
        mean += static_cast<double>(x);
    }
    mean /= static_cast<double>(samples.size());
    std::vector<float> centred(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        centred[i] = static_cast<float>(static_cast<double>(samples[i]) - mean);
    }
    scale_to_peak(centred, signal.data() + margin);

    std::vector<Frame> frames(n);
    for (std::size_t first = 0; first < n; first += lanes) {
        stop.check();
        const std::size_t count = std::min(lanes, n - first);
        for (std::size_t l = 0; l < lanes; ++l) {
            const std::size_t t = first + std::min(l, count - 1);
            const double centre = static_cast<double>(t) * o_.hop_s * rate_;
            const auto begin = static_cast<long>(std::floor(centre - 0.5 * static_cast<double>(window_length_) + 0.5)) + static_cast<long>(margin);
            // A hop need not be a whole number of samples: the frames are gathered. The margins are as wide as the transform.
            std::copy_n(signal.data() + begin, window_length_, gathered.data() + l * fft_->size());
        }
        correlate(gathered.data(), fft_->size(), power.data(), r.data(), work.data(), false);
        for (std::size_t l = 0; l < count; ++l) {
            frames[first + l].level = r[l];
        }
        normalise(r.data(), correction_.data(), lags_);
        for (std::size_t l = 0; l < count; ++l) {
            Frame& frame = frames[first + l];
            frame.level = std::sqrt(std::max(frame.level, 0.0F));
            find_candidates(r.data() + l, frame);
            for (std::size_t i = 0; i < frame.count; ++i) {
                frame.candidates[i].lag = refine(r.data() + l, frame.candidates[i].lag);
            }
            track.times_s[first + l] = static_cast<double>(first + l) * o_.hop_s;
        }
    }
    search(frames, track);
    return track;
}

}  // namespace

PitchTrack track_pitch(std::span<const float> samples, double sample_rate_hz, const PitchOptions& o, const StopToken& stop) {
    constexpr const char* caller = "pitch";
    if (!(sample_rate_hz >= 4000.0 && sample_rate_hz <= 768000.0)) {
        throw InvalidInputError("sample_rate_hz", caller, "between 4000 and 768000", std::to_string(sample_rate_hz));
    }
    if (!(o.fmin_hz >= 20.0 && o.fmin_hz < o.fmax_hz)) {
        throw InvalidInputError("fmin_hz", caller, "at least 20 and below fmax_hz", std::to_string(o.fmin_hz));
    }
    if (!(o.fmax_hz <= sample_rate_hz / 4.0)) {
        throw InvalidInputError("fmax_hz", caller, "at most a quarter of sample_rate_hz", std::to_string(o.fmax_hz));
    }
    if (!(o.hop_s >= 0.001 && o.hop_s <= 1.0)) {
        throw InvalidInputError("hop_s", caller, "between 0.001 and 1", std::to_string(o.hop_s));
    }
    if (!(o.voicing_threshold >= 0.0 && o.voicing_threshold <= 1.0)) {
        throw InvalidInputError("voicing_threshold", caller, "between 0 and 1", std::to_string(o.voicing_threshold));
    }
    for (const float x : samples) {
        if (!std::isfinite(x)) {
            throw InvalidInputError("samples", caller, "finite", "NaN or infinity");
        }
    }
    return Tracker(sample_rate_hz, o)(samples, stop);
}

}  // namespace emotion::audio
