#include "emotion/audio/formants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "emotion/core/elementary.hpp"
#include "formant_path.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t most_harmonics = 256;
constexpr int most_iterations = 60;
constexpr float settled = 1e-8F;          // squared step of a root: convergence is quadratic, what is left is its square
// Two estimates next to each other throw one another away, so far that products of distances would overflow and the step be 0: steps are cut.
constexpr float longest_step = 1.0F;
constexpr float smallest_product = 1e-30F;  // squared, of the distances of an estimate from the others
constexpr double dynamic_range_db = 60.0;  // harmonics further below the strongest are noise
constexpr double emphasis_hz = 50.0;
constexpr double widest_hz = 1500.0;       // bandwidth of a root that can be a formant
constexpr double lowest_formant_hz = 90.0, highest_formant_hz = 5300.0;

constexpr std::size_t cells = 128;                          // of the envelope
constexpr std::size_t half_cells = cells / 2;
constexpr std::size_t half_order = FormantModel::order / 2 + 1;  // even lags, and as many odd ones
constexpr std::size_t row_size = 8;                         // of the tables of cosines: half_order, and zeros
static_assert(FormantModel::order % 2 == 1 && half_order <= row_size);

// r[m stride] = the sum over g of envelope[g] cos(pi m g / cells): as cos(pi m (cells - g) / cells) is (-1)^m as much, even lags take the sums of the
// two halves, odd ones the differences. g in rising order: the same bits in every clone.
EMOTION_CLONES void cosine_sums(const double* envelope, const double* even_cosine, const double* odd_cosine, double* r, std::size_t stride) {
    double even[row_size] = {}, odd[row_size] = {};  // kept in registers
    for (std::size_t g = 0; g < half_cells; ++g) {
        const double sum = envelope[g] + envelope[cells - g], difference = envelope[g] - envelope[cells - g];
        for (std::size_t m = 0; m < row_size; ++m) {
            even[m] += sum * even_cosine[g * row_size + m];
            odd[m] += difference * odd_cosine[g * row_size + m];
        }
    }
    for (std::size_t m = 0; m < half_order; ++m) {
        r[2 * m * stride] = even[m] + envelope[half_cells] * even_cosine[half_cells * row_size + m];
        r[(2 * m + 1) * stride] = odd[m];
    }
}

EMOTION_CLONES void durand_kerner(const float* a, std::size_t n, float* re, float* im) {
    LaneInt moving = splat_int(-1);
    for (int iteration = 0; iteration < most_iterations && any_lane(moving); ++iteration) {
        Lane largest = splat(0.0F);
        for (std::size_t i = 0; i < n; ++i) {
            const Lane x = load(re + i * lanes), y = load(im + i * lanes);
            Lane pr = x + load(a), pi = y;  // Horner
            for (std::size_t k = 1; k < n; ++k) {
                const Lane next = pr * x - pi * y + load(a + k * lanes);
                pi = pr * y + pi * x;
                pr = next;
            }
            Lane qr = splat(1.0F), qi = splat(0.0F);
            for (std::size_t j = 0; j < n; ++j) {
                if (j == i) {
                    continue;
                }
                const Lane dr = x - load(re + j * lanes), di = y - load(im + j * lanes);
                const Lane next = qr * dr - qi * di;
                qi = qr * di + qi * dr;
                qr = next;
            }
            const Lane square = qr * qr + qi * qi;
            const LaneInt apart = square > splat(smallest_product);  // else an estimate sits on another: moved off it
            const Lane scale = 1.0F / (apart ? square : splat(1.0F));
            Lane step_re = apart ? (pr * qr + pi * qi) * scale : splat(0.1F), step_im = apart ? (pi * qr - pr * qi) * scale : splat(0.05F);
            const Lane length = step_re * step_re + step_im * step_im;
            const LaneInt far = length > splat(longest_step * longest_step);
            for (std::size_t l = 0; l < lanes && any_lane(far); ++l) {
                const float cut = far[l] != 0 ? longest_step / __builtin_sqrtf(length[l]) : 1.0F;
                step_re[l] *= cut;
                step_im[l] *= cut;
            }
            store(re + i * lanes, moving ? x - step_re : x);
            store(im + i * lanes, moving ? y - step_im : y);
            largest = lane_max(largest, length);
        }
        moving = moving & (largest > splat(settled));
    }
}

// Levinson's recursion of eight frames: r[0 … order] to a[0 … order - 1] of 1 + a0 z^-1 + …; lane blocks. A frame whose r[0] is not above 0 gets anything.
EMOTION_CLONES void levinson(const double* r, float* predictor) {
    constexpr std::size_t p = FormantModel::order;
    double a[(p + 1) * lanes] = {}, next[(p + 1) * lanes] = {}, error[lanes], k[lanes];
    for (std::size_t l = 0; l < lanes; ++l) {
        error[l] = r[l] * (1.0 + 1e-9);
    }
    for (std::size_t i = 1; i <= p; ++i) {
        double sum[lanes];
        for (std::size_t l = 0; l < lanes; ++l) {
            sum[l] = r[i * lanes + l];
        }
        for (std::size_t j = 1; j < i; ++j) {
            for (std::size_t l = 0; l < lanes; ++l) {
                sum[l] += a[j * lanes + l] * r[(i - j) * lanes + l];
            }
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            k[l] = -sum[l] / error[l];
            error[l] *= 1.0 - k[l] * k[l];
        }
        for (std::size_t j = 1; j < i; ++j) {
            for (std::size_t l = 0; l < lanes; ++l) {
                next[j * lanes + l] = a[j * lanes + l] + k[l] * a[(i - j) * lanes + l];
            }
        }
        for (std::size_t l = 0; l < lanes; ++l) {
            next[i * lanes + l] = k[l];
        }
        for (std::size_t m = lanes; m < (i + 1) * lanes; ++m) {
            a[m] = next[m];
        }
    }
    for (std::size_t m = 0; m < p * lanes; ++m) {
        predictor[m] = static_cast<float>(a[lanes + m]);
    }
}

// The levels of the harmonics without the noise between them, as natural logarithms of power relative to the strongest.
void clean_levels(std::span<const Harmonic> harmonics, double* out) {
    constexpr double to_log = std::numbers::ln10 / 10.0;
    constexpr double share = 4.0, kept = 0.03;  // of the noise that is taken away, of the power that stays
    constexpr std::ptrdiff_t reach = 2;         // harmonics either way over which the noise is averaged
    const auto n = static_cast<std::ptrdiff_t>(harmonics.size());
    std::array<double, most_harmonics> below{}, left;  // g++ 12 does not see that they are filled
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const Harmonic& h = harmonics[static_cast<std::size_t>(i)];
        double valley = 0;
        const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, i - reach), last = std::min(n - 1, i + reach);
        for (std::ptrdiff_t j = first; j <= last; ++j) {
            valley += static_cast<double>(harmonics[static_cast<std::size_t>(j)].valley_db);
        }
        below[static_cast<std::size_t>(i)] = -to_log * (static_cast<double>(h.level_db) - valley / static_cast<double>(last - first + 1));
    }
    exponentials(below.data(), harmonics.size(), left.data());
    for (std::size_t i = 0; i < harmonics.size(); ++i) {
        left[i] = std::max(kept, 1.0 - share * left[i]);
    }
    logarithms(left.data(), harmonics.size(), left.data());
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < harmonics.size(); ++i) {
        // Where noise is 6 below, what is taken away is below a hundredth.
        out[i] = to_log * static_cast<double>(harmonics[i].level_db) + (below[i] > -6.0 ? left[i] : 0.0);
        highest = std::max(highest, out[i]);
    }
    for (std::size_t i = 0; i < harmonics.size(); ++i) {
        out[i] = std::max(out[i] - highest, -dynamic_range_db * to_log);
    }
}

}  // namespace

std::size_t find_harmonics(const float* level_db, std::size_t stride, std::size_t bins, double bin_hz, double f0_hz, double top_hz,
                           std::span<Harmonic> out) {
    const double spacing = f0_hz / bin_hz;
    const auto last = static_cast<double>(bins) - 2.0;
    std::size_t count = 0;
    for (; count < out.size(); ++count) {
        const double centre = static_cast<double>(count + 1) * spacing;
        if (centre * bin_hz > top_hz || centre > last) {
            break;
        }
        const auto low = static_cast<std::size_t>(std::max(1.0, std::ceil(centre - 0.35 * spacing)));
        const auto high = static_cast<std::size_t>(std::clamp(std::floor(centre + 0.35 * spacing), static_cast<double>(low), last));
        std::size_t best = low;
        for (std::size_t k = low + 1; k <= high; ++k) {
            best = level_db[k * stride] > level_db[best * stride] ? k : best;
        }
        const float left = level_db[(best - 1) * stride], here = level_db[best * stride], right = level_db[(best + 1) * stride];
        const float curvature = left + right - 2.0F * here, slope = 0.5F * (right - left);
        const bool peak = here >= left && here >= right && curvature < 0.0F;
        const float shift = peak ? -slope / curvature : 0.0F;
        const auto valley = [&](double place) { return level_db[static_cast<std::size_t>(std::clamp(std::round(place), 0.0, last + 1.0)) * stride]; };
        out[count] = {static_cast<float>((static_cast<double>(best) + static_cast<double>(shift)) * bin_hz), here + 0.5F * slope * shift,
                      0.5F * (valley(centre - 0.5 * spacing) + valley(centre + 0.5 * spacing))};
    }
    return count;
}

void polynomial_roots(const float* a, std::size_t n, float* re, float* im) {
    for (std::size_t i = 0; i < n; ++i) {  // on a circle, not symmetric to the real axis
        const double angle = 2.0 * std::numbers::pi * (static_cast<double>(i) + 0.3) / static_cast<double>(n);
        std::fill_n(re + i * lanes, lanes, static_cast<float>(0.95 * std::cos(angle)));
        std::fill_n(im + i * lanes, lanes, static_cast<float>(0.95 * std::sin(angle)));
    }
    durand_kerner(a, n, re, im);
}

FormantModel::FormantModel() : grid_hz_(cells + 1), emphasis_(cells + 1), even_cosine_((half_cells + 1) * row_size), odd_cosine_((half_cells + 1) * row_size) {
    for (std::size_t g = 0; g <= cells; ++g) {
        grid_hz_[g] = top_hz * static_cast<double>(g) / static_cast<double>(cells);
        emphasis_[g] = std::log1p((grid_hz_[g] / emphasis_hz) * (grid_hz_[g] / emphasis_hz));
    }
    for (std::size_t g = 0; g <= half_cells; ++g) {
        const double weight = g == 0 ? 0.5 : 1.0;
        for (std::size_t m = 0; m < half_order; ++m) {
            const auto cosine = [&](std::size_t lag) { return weight * std::cos(std::numbers::pi * static_cast<double>(lag * g) / static_cast<double>(cells)); };
            even_cosine_[g * row_size + m] = cosine(2 * m);
            odd_cosine_[g * row_size + m] = cosine(2 * m + 1);
        }
    }
}

const FormantModel& FormantModel::get() {
    static const FormantModel model;
    return model;
}

void FormantModel::correlate(std::span<const Harmonic> harmonics, double* r, std::size_t stride) const {
    std::array<double, most_harmonics> levels;
    const std::size_t n = std::min(harmonics.size(), most_harmonics);
    clean_levels(harmonics.first(n), levels.data());
    std::array<double, cells + 1> envelope;
    std::size_t g = 0;
    double f0 = static_cast<double>(harmonics[0].frequency_hz);
    for (; g <= cells && grid_hz_[g] <= f0; ++g) {
        envelope[g] = levels[0] + emphasis_[g];
    }
    for (std::size_t i = 1; i < n && g <= cells; ++i) {
        const auto f1 = static_cast<double>(harmonics[i].frequency_hz);
        const double slope = f1 > f0 ? (levels[i] - levels[i - 1]) / (f1 - f0) : 0.0;
        for (; g <= cells && grid_hz_[g] <= f1; ++g) {
            envelope[g] = levels[i - 1] + (grid_hz_[g] - f0) * slope + emphasis_[g];
        }
        f0 = f1;
    }
    for (; g <= cells; ++g) {
        envelope[g] = levels[n - 1] + emphasis_[g];
    }
    exponentials(envelope.data(), envelope.size(), envelope.data());
    cosine_sums(envelope.data(), even_cosine_.data(), odd_cosine_.data(), r, stride);
}

void FormantModel::predict(const double* r, float* a) { levinson(r, a); }

void FormantModel::resonances(const float* a, std::span<Resonances> out) const {
    float re[order * lanes], im[order * lanes];
    polynomial_roots(a, order, re, im);
    for (std::size_t l = 0; l < out.size(); ++l) {
        std::array<std::pair<float, float>, order> found;
        std::size_t n = 0;
        for (std::size_t i = 0; i < order; ++i) {
            const double x = static_cast<double>(re[i * lanes + l]), y = static_cast<double>(im[i * lanes + l]);
            if (!(y > 0.0)) {
                continue;
            }
            const double f = std::atan2(y, x) * top_hz / std::numbers::pi;
            const double width = std::max(0.0, -std::log(x * x + y * y) * top_hz / std::numbers::pi);
            if (f >= lowest_formant_hz && f <= highest_formant_hz && width <= widest_hz) {
                found[n++] = {static_cast<float>(f), static_cast<float>(width)};
            }
        }
        std::sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n));
        out[l].count = std::min(n, Resonances::capacity);
        for (std::size_t i = 0; i < out[l].count; ++i) {
            out[l].frequency_hz[i] = found[i].first;
            out[l].bandwidth_hz[i] = found[i].second;
        }
    }
}

void track_formants(std::span<const Resonances> resonances, std::span<Formants> out) {
    if (resonances.empty()) {
        return;
    }
    std::vector<PathFrame> frames(resonances.size());
    PathCosts last, now;
    for (std::size_t t = 0; t < frames.size(); ++t) {
        list_choices(resonances[t], frames[t], now);
        if (t == 0) {
            std::copy_n(now.own, frames[t].count, now.total);
        } else {
            cheapest_origins(last, frames[t - 1].count, frames[t].count, now, frames[t].origin.data());
        }
        std::swap(last, now);
    }
    std::size_t state = static_cast<std::size_t>(std::min_element(last.total, last.total + frames.back().count) - last.total);
    for (std::size_t t = frames.size(); t-- > 0;) {
        const PathFrame& frame = frames[t];
        for (std::size_t i = 0; i < 3; ++i) {
            const auto& [frequency, bandwidth] = frame.found[frame.choice[state][i]];
            out[t].frequency_hz[i] = frequency;
            out[t].bandwidth_hz[i] = bandwidth;
        }
        state = t > 0 ? frame.origin[state] : 0;
    }
}

}  // namespace emotion::audio
