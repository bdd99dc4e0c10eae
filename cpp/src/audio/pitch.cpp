#include "emotion/audio/pitch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "emotion/audio/fft.hpp"
#include "emotion/audio/sampling_rate.hpp"
#include "emotion/core/errors.hpp"
#include "lanes.hpp"
#include "peak_scale.hpp"
#include "pitch_path.hpp"
#include "plan_cache.hpp"
#include "scratch.hpp"

namespace emotion::audio {
namespace {

// The settings that are no arguments. Chosen on synthetic vowels (benchmarks/pitch_accuracy.py has others) and by agreement with YIN on real clips.
constexpr double window_periods = 3.0;      // of the lowest pitch: Boersma 1993
constexpr double lag_rate_low_hz = 16000.0;
constexpr double low_stop_hz = 30.0, low_pass_hz = 60.0, high_pass_hz = 1000.0, high_stop_hz = 3000.0;  // band of the correlation
// The power spectrum is weighted by f^tilt, which makes noise with a spectrum of f^-tilt white: estimated from the quietest frames of each segment.
constexpr double usual_tilt = 0.5, steepest_tilt = 1.0;
constexpr double quiet_share = 0.1;         // of the frames
constexpr double quiet_floor = 0.02;        // of the highest level: frames below say nothing about noise that matters
constexpr std::array<double, 9> noise_bands_hz{40.0, 80.0, 160.0, 320.0, 640.0, 1000.0, 1500.0, 2000.0, 3000.0};
constexpr std::size_t segment_frames = 4096;
constexpr float octave_cost = 0.04F;        // correlation an octave, in favour of high pitch: against the multiples of the period
constexpr float least_height = 0.1F;        // of a candidate
constexpr float edge = 1.01F;               // a pitch so little outside the range is at its limit

// out = power x weight, bin by bin.
EMOTION_CLONES void weigh(const float* power, const float* weight, std::size_t bins, float* out) {
    for (std::size_t k = 0; k < bins; ++k) {
        store(out + k * lanes, load(power + k * lanes) * weight[k]);
    }
}

// sums[l] = sum over the bins of weight x power.
EMOTION_CLONES void weighted_sums(const float* power, const float* weight, std::size_t bins, float* sums) {
    Lane sum = {};
    for (std::size_t k = 0; k < bins; ++k) {
        sum += load(power + k * lanes) * weight[k];
    }
    store(sums, sum);
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

// Weights of a power spectrum, for the pull of the tilted band on a period (Tracker::pulled).
struct Slope {
    std::vector<float> slope, bend;  // w'(f) f and w(f) f^2, f in cycles a lag
};

class Tracker {
public:
    Tracker(double rate, const PitchOptions& o) : o_(o), rate_(rate) {
        // The correlation is sampled at 16 to 32 kHz, whatever the rate of the samples.
        lag_rate_ = rate;
        for (; lag_rate_ < lag_rate_low_hz; lag_rate_ *= 2.0) {
        }
        for (; lag_rate_ >= 2.0 * lag_rate_low_hz; lag_rate_ /= 2.0) {
        }
        shortest_lag_ = static_cast<float>(lag_rate_ / o.fmax_hz);
        longest_lag_ = std::nextafter(static_cast<float>(lag_rate_ / o.fmin_hz), 0.0F);  // rounding leaves no frequency outside the range
        shortest_lag_ = std::nextafter(shortest_lag_, longest_lag_);
        first_lag_ = static_cast<std::size_t>(std::floor(lag_rate_ / o.fmax_hz));
        last_lag_ = static_cast<std::size_t>(std::ceil(lag_rate_ / o.fmin_hz));
        lags_ = last_lag_ + 2 + sinc_reach;
        const auto window_length = static_cast<std::size_t>(std::ceil(window_periods / o.fmin_hz * rate));
        // The transform may be shorter than frame plus lag: what wraps around are products of the window's tails. The inverse gives half its
        // length of lags.
        const double longest = rate / o.fmin_hz, covers = 2.0 * static_cast<double>(lags_) * std::max(1.0, rate / lag_rate_);
        const std::size_t n = std::bit_ceil(std::max(window_length + static_cast<std::size_t>(longest / 2.0) + 2, static_cast<std::size_t>(covers)));
        fft_ = RealFft::get(n);
        window_length_ = window_length;
        window_.resize(n);
        for (std::size_t i = 0; i < window_length; ++i) {
            window_[i] = static_cast<float>(
                0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(window_length)));
        }
        inverse_ = RealFft::get(static_cast<std::size_t>(static_cast<double>(n) * (lag_rate_ / rate)));
        lowest_octave_ = static_cast<float>(std::log2(o.fmin_hz));
        make_band();
        make_sinc();
        make_correction();
    }

    PitchTrack operator()(std::span<const float> samples, const StopToken& stop) const;

private:
    static constexpr std::size_t sinc_reach = 8, phases = 64;

    // sinc_[p * 2 reach + i]: weight of the value i + 1 - reach steps away from the whole part, for the fraction p / phases; a Hann taper. Their sum
    // is 1 for every fraction: a ripple of 1e-4 would move the flat peaks of tones of few harmonics.
    void make_sinc() {
        sinc_.resize(phases * 2 * sinc_reach);
        for (std::size_t p = 0; p < phases; ++p) {
            std::array<double, 2 * sinc_reach> row{};
            double sum = 0.0;
            for (std::size_t i = 0; i < 2 * sinc_reach; ++i) {
                const double d = static_cast<double>(p) / phases - static_cast<double>(i) - 1.0 + static_cast<double>(sinc_reach);
                const double angle = std::numbers::pi * d;
                const double sinc = std::abs(d) < 1e-9 ? 1.0 : std::sin(angle) / angle;
                row[i] = sinc * (0.5 + 0.5 * std::cos(angle / static_cast<double>(sinc_reach)));
                sum += row[i];
            }
            for (std::size_t i = 0; i < row.size(); ++i) {
                sinc_[p * 2 * sinc_reach + i] = static_cast<float>(row[i] / sum);
            }
        }
    }

    // The band, and the logarithm of frequency over 500 Hz.
    void make_band() {
        const double step = rate_ / static_cast<double>(fft_->size());
        used_ = std::min({fft_->bins(), inverse_->bins(), static_cast<std::size_t>(std::ceil(high_stop_hz / step))});
        for (std::size_t k = 0; k < used_; ++k) {
            const double f = static_cast<double>(k) * step;
            const double low = std::clamp((f - low_stop_hz) / (low_pass_hz - low_stop_hz), 0.0, 1.0);
            const double high = std::clamp((high_stop_hz - f) / (high_stop_hz - high_pass_hz), 0.0, 1.0);
            band_.push_back(low * high);
            band_slope_.push_back((f > low_stop_hz && f < low_pass_hz ? high / (low_pass_hz - low_stop_hz) : 0.0) -
                                  (f > high_pass_hz && f < high_stop_hz ? low / (high_stop_hz - high_pass_hz) : 0.0));
            frequency_.push_back(f / lag_rate_);
            log_frequency_.push_back(std::log(std::max(f, step) / 500.0));
        }
        usual_weight_ = weight(usual_tilt);
    }
    [[nodiscard]] std::vector<float> weight(double tilt) const {
        std::vector<float> w(used_);
        for (std::size_t k = 0; k < used_; ++k) {
            w[k] = static_cast<float>(band_[k] * std::exp(tilt * log_frequency_[k]));
        }
        return w;
    }
    [[nodiscard]] Slope slope(double tilt) const;

    // The tilt that makes the noise white: minus the slope of the quietest frames' spectrum, in powers of frequency.
    [[nodiscard]] double noise_tilt(const float* powers, const std::vector<PitchFrame>& frames, std::size_t first, std::size_t count) const;
    void track_segment(const float* signal, std::size_t first, std::size_t count, std::vector<PitchFrame>& frames, const StopToken& stop) const;
    [[nodiscard]] std::size_t power_size() const { return std::max(fft_->bins(), inverse_->bins()) * lanes; }
    [[nodiscard]] std::size_t work_size() const { return std::max(fft_->scratch_size(), inverse_->scratch_size()); }

    // One over the correlation of the window alone.
    void make_correction() {
        std::vector<float> flat(fft_->size() + lanes, 1.0F), power(power_size()), r(lags_ * lanes), work(work_size());
        fft_->power(flat.data(), 1, window_.data(), power.data(), work.data());
        std::fill(power.begin() + static_cast<std::ptrdiff_t>(std::min(fft_->bins(), inverse_->bins()) * lanes), power.end(), 0.0F);
        inverse_->even(power.data(), lags_, r.data(), work.data());
        correction_.resize(lags_);
        for (std::size_t k = 0; k < lags_; ++k) {
            correction_[k] = r[0] / std::max(r[k * lanes], 1e-3F * r[0]);
        }
    }

    void find_candidates(const float* r, PitchFrame& frame) const;
    [[nodiscard]] float refine(const float* r, float lag) const;
    [[nodiscard]] float pulled(float lag, float slope, float bend) const;

    PitchOptions o_;
    double rate_, lag_rate_ = 0.0;
    std::size_t window_length_ = 0, first_lag_ = 0, last_lag_ = 0, lags_ = 0, used_ = 0;
    float lowest_octave_ = 0.0F, shortest_lag_ = 0.0F, longest_lag_ = 0.0F;
    std::vector<double> band_, band_slope_, log_frequency_;  // a factor, its slope by the hertz
    std::vector<double> frequency_;                           // cycles a lag
    std::shared_ptr<const RealFft> fft_, inverse_;
    std::vector<float> window_, usual_weight_, correction_, sinc_;
};

void Tracker::find_candidates(const float* r, PitchFrame& frame) const {
    frame.count = 0;
    const auto at = [&](std::size_t k) { return r[k * lanes]; };
    for (std::size_t k = first_lag_; k <= last_lag_; ++k) {
        const float here = at(k);
        if (!(here > least_height && here > at(k - 1) && here >= at(k + 1))) {
            continue;
        }
        const float a = at(k - 1), c = at(k + 1), bend = a - 2.0F * here + c;
        const float shift = bend < 0.0F ? 0.5F * (a - c) / bend : 0.0F;
        PitchPeak candidate;
        candidate.lag = static_cast<float>(k) + shift;
        candidate.height = here - 0.25F * (a - c) * shift;
        candidate.octave = std::log2(static_cast<float>(lag_rate_) / candidate.lag);
        // A correlation above 1 is an artefact of the correction at long lags: fold it down.
        const float height = candidate.height > 1.0F ? 1.0F / candidate.height : candidate.height;
        candidate.height = height;
        candidate.strength = height + octave_cost * (candidate.octave - lowest_octave_);
        std::size_t place = frame.count < pitch_path::most_candidates ? frame.count++ : pitch_path::most_candidates - 1;
        if (place == pitch_path::most_candidates - 1 && frame.count == pitch_path::most_candidates && frame.candidates[place].lag > 0.0F &&
            frame.candidates[place].strength >= candidate.strength) {
            continue;
        }
        for (; place > 0 && frame.candidates[place - 1].strength < candidate.strength; --place) {
            frame.candidates[place] = frame.candidates[place - 1];
        }
        frame.candidates[place] = candidate;
    }
}

// The peak near `lag` of the band-limited correlation: a parabola through three points of its sinc interpolation, half a sample apart: nearer
// together the ripple of the interpolation would move a flat peak.
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
    constexpr std::size_t apart = phases / 2;
    const double a = value(place - apart), b = value(place), c = value(place + apart), bend = a - 2.0 * b + c;
    const double shift = bend < 0.0 ? std::clamp(0.5 * (a - c) / bend, -1.0, 1.0) / 2.0 : 0.0;
    return static_cast<float>(static_cast<double>(place) / static_cast<double>(phases) + shift);
}

// The line of a harmonic is as wide as the window's transform, and a weight that rises across it moves its centre: to first order the correlation
// of the lines P at f with the weight w, over that of the window R, is the sum of P (w cos(2 pi f lag) + w' R'/R sin(2 pi f lag) / (2 pi)),
// whose peak lies R'/R sum(P w' f) / ((2 pi)^2 sum(P w f^2)) from the period: 30 cents at 80 Hz for a sine, .1 with this term taken away.
Slope Tracker::slope(double tilt) const {
    Slope s{std::vector<float>(used_), std::vector<float>(used_)};
    for (std::size_t k = 0; k < used_; ++k) {
        const double power = std::exp(tilt * log_frequency_[k]), hz = frequency_[k] * lag_rate_;
        s.slope[k] = static_cast<float>(power * (tilt * band_[k] + hz * band_slope_[k]));
        s.bend[k] = static_cast<float>(power * band_[k] * frequency_[k] * frequency_[k]);
    }
    return s;
}

float Tracker::pulled(float lag, float slope, float bend) const {
    const auto k = std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(lag)), 1, lags_ - 2);
    const float falls = 0.5F * std::log(correction_[k - 1] / correction_[k + 1]);  // R'/R
    constexpr auto turns = static_cast<float>(4.0 * std::numbers::pi * std::numbers::pi);
    const float pull = bend > 0.0F ? falls * slope / (turns * bend) : 0.0F;
    return lag - std::clamp(pull, -0.1F * lag, 0.1F * lag);
}

double Tracker::noise_tilt(const float* powers, const std::vector<PitchFrame>& frames, std::size_t first, std::size_t count) const {
    float loudest = 0.0F;
    for (std::size_t t = first; t < first + count; ++t) {
        loudest = std::max(loudest, frames[t].level);
    }
    std::vector<std::pair<float, std::size_t>> heard;
    for (std::size_t t = first; t < first + count; ++t) {
        if (frames[t].level > static_cast<float>(quiet_floor) * loudest) {
            heard.emplace_back(frames[t].level, t - first);
        }
    }
    const std::size_t quiet = std::min(heard.size(), static_cast<std::size_t>(std::ceil(quiet_share * static_cast<double>(count))));
    std::partial_sort(heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(quiet), heard.end());
    std::vector<double> spectrum(used_);
    for (std::size_t i = 0; i < quiet; ++i) {
        const std::size_t t = heard[i].second;
        const float* const power = powers + t / lanes * lanes * used_ + t % lanes;
        for (std::size_t k = 0; k < used_; ++k) {
            spectrum[k] += static_cast<double>(power[k * lanes]);
        }
    }
    // The regression line of the logarithms, one point a band.
    const double step = rate_ / static_cast<double>(fft_->size());
    double n = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;
    for (std::size_t b = 0; b + 1 < noise_bands_hz.size(); ++b) {
        const auto from = static_cast<std::size_t>(std::ceil(noise_bands_hz[b] / step));
        const std::size_t to = std::min(used_, static_cast<std::size_t>(std::ceil(noise_bands_hz[b + 1] / step)));
        double sum = 0.0;
        for (std::size_t k = from; k < to; ++k) {
            sum += spectrum[k];
        }
        if (sum > 0.0) {
            const double x = 0.5 * std::log(noise_bands_hz[b] * noise_bands_hz[b + 1]), y = std::log(sum / static_cast<double>(to - from));
            n += 1.0;
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
    }
    return n < 3.0 ? usual_tilt : std::clamp(-(sxy - sx * sy / n) / (sxx - sx * sx / n), 0.0, steepest_tilt);
}

// signal: the first sample of the clip, with margins as wide as the transform.
void Tracker::track_segment(const float* signal, std::size_t first, std::size_t count, std::vector<PitchFrame>& frames, const StopToken& stop) const {
    const std::size_t blocks = (count + lanes - 1) / lanes, block = used_ * lanes, size = fft_->size();
    Scratch powers(blocks * block), power(power_size()), r(lags_ * lanes), work(work_size()), gathered(lanes * size);
    std::fill_n(gathered.data(), lanes * size, 0.0F);
    for (std::size_t b = 0; b < blocks; ++b) {
        stop.check();
        for (std::size_t l = 0; l < lanes; ++l) {
            const std::size_t t = first + std::min(b * lanes + l, count - 1);
            // A hop need not be a whole number of samples: the frames are gathered.
            const double centre = static_cast<double>(t) * o_.hop_s * rate_;
            const auto begin = static_cast<long>(std::floor(centre - 0.5 * static_cast<double>(window_length_) + 0.5));
            std::copy_n(signal + begin, window_length_, gathered.data() + l * size);
        }
        fft_->power(gathered.data(), size, window_.data(), power.data(), work.data());
        std::copy_n(power.data(), block, powers.data() + b * block);
        std::array<float, lanes> sums{};
        weighted_sums(power.data(), usual_weight_.data(), used_, sums.data());
        for (std::size_t l = 0; l < lanes && b * lanes + l < count; ++l) {
            frames[first + b * lanes + l].level = std::sqrt(sums[l]);
        }
    }
    const double tilt = noise_tilt(powers.data(), frames, first, count);
    const std::vector<float> weights = weight(tilt);
    const Slope tilted = slope(tilt);
    std::array<float, lanes> slopes{}, bends{};
    std::fill_n(power.data(), power_size(), 0.0F);
    for (std::size_t b = 0; b < blocks; ++b) {
        stop.check();
        weighted_sums(powers.data() + b * block, tilted.slope.data(), used_, slopes.data());
        weighted_sums(powers.data() + b * block, tilted.bend.data(), used_, bends.data());
        weigh(powers.data() + b * block, weights.data(), used_, power.data());
        inverse_->even(power.data(), lags_, r.data(), work.data());
        normalise(r.data(), correction_.data(), lags_);
        for (std::size_t l = 0; l < lanes && b * lanes + l < count; ++l) {
            PitchFrame& frame = frames[first + b * lanes + l];
            find_candidates(r.data() + l, frame);
            std::size_t kept = 0;
            for (std::size_t i = 0; i < frame.count; ++i) {
                const float lag = pulled(refine(r.data() + l, frame.candidates[i].lag), slopes[l], bends[l]);
                if (lag * edge >= shortest_lag_ && lag <= longest_lag_ * edge) {
                    PitchPeak& candidate = frame.candidates[kept++] = frame.candidates[i];
                    candidate.lag = std::clamp(lag, shortest_lag_, longest_lag_);
                    candidate.octave = std::log2(static_cast<float>(lag_rate_) / candidate.lag);
                }
            }
            frame.count = kept;
        }
    }
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
    for (std::size_t t = 0; t < n; ++t) {
        track.times_s[t] = static_cast<double>(t) * o_.hop_s;
    }
    const std::size_t margin = fft_->size() + 1;
    Scratch signal(samples.size() + 2 * margin), centred(samples.size());
    std::fill_n(signal.data(), margin, 0.0F);
    std::fill_n(signal.data() + margin + samples.size(), margin, 0.0F);
    double mean = 0.0;
    for (const float x : samples) {
        mean += static_cast<double>(x);
    }
    mean /= static_cast<double>(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        centred[i] = static_cast<float>(static_cast<double>(samples[i]) - mean);
    }
    scale_to_peak({centred.data(), samples.size()}, signal.data() + margin);

    std::vector<PitchFrame> frames(n);
    for (std::size_t first = 0; first < n; first += segment_frames) {
        track_segment(signal.data() + margin, first, std::min(segment_frames, n - first), frames, stop);
    }
    search_pitch_path(frames, lag_rate_, o_, track);
    return track;
}

}  // namespace

PitchTrack track_pitch(std::span<const float> samples, double sample_rate_hz, const PitchOptions& o, const StopToken& stop) {
    constexpr const char* caller = "pitch";
    if (!(sample_rate_hz >= lowest_pitch_rate_hz && sample_rate_hz <= highest_rate_hz)) {
        throw InvalidInputError("sample_rate_hz", caller, rate_rule(lowest_pitch_rate_hz), std::to_string(sample_rate_hz));
    }
    if (!(o.fmin_hz >= 20.0 && o.fmin_hz < o.fmax_hz)) {
        throw InvalidInputError("fmin_hz", caller, "at least 20 and below fmax_hz", std::to_string(o.fmin_hz));
    }
    if (!(o.fmax_hz <= std::min(high_stop_hz, sample_rate_hz / 4.0))) {
        throw InvalidInputError("fmax_hz", caller, "at most 3000 and a quarter of sample_rate_hz", std::to_string(o.fmax_hz));
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
    using Key = std::tuple<double, double, double, double, double>;
    static PlanCache<Key, Tracker> cache(4);
    const auto tracker = cache.get({sample_rate_hz, o.fmin_hz, o.fmax_hz, o.hop_s, o.voicing_threshold},
                                   [&] { return std::make_shared<const Tracker>(sample_rate_hz, o); });
    return (*tracker)(samples, stop);
}

}  // namespace emotion::audio
