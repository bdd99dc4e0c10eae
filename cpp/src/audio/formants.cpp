#include "emotion/audio/formants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "emotion/core/elementary.hpp"
#include "lanes.hpp"

namespace emotion::audio {
namespace {

constexpr std::size_t most_degree = 16;
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

// The path: neutral tract of 17 cm, admissible range, and the weights of the cost.
constexpr std::array<double, 3> neutral_hz{500.0, 1500.0, 2500.0};
constexpr std::array<double, 3> lowest_hz{150.0, 500.0, 1300.0};
constexpr std::array<double, 3> highest_hz{1250.0, 3300.0, 4500.0};
constexpr double distance_cost = 0.5;      // a unit of |F - neutral| / neutral
constexpr double bandwidth_cost = 1.0 / 4000.0;  // a Hz
constexpr double jump_cost = 1.0;          // an octave a frame
constexpr double range_cost = 4.0;
constexpr float missing_bandwidth_hz = 1000.0F;

// r[m] = the sum over g of envelope[g] * cosine(g, m), g in rising order: the same bits in every clone.
EMOTION_CLONES void cosine_sums(const double* envelope, std::size_t n, const double* cosine, double* r) {
    constexpr std::size_t columns = FormantModel::order + 1;
    double sums[columns] = {};  // kept in registers
    for (std::size_t g = 0; g < n; ++g) {
        for (std::size_t m = 0; m < columns; ++m) {
            sums[m] += envelope[g] * cosine[g * columns + m];
        }
    }
    std::copy_n(sums, columns, r);
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

// Levinson's recursion: r[0 … p] to a[1 … p] of 1 + a1 z^-1 + …. r[0] > 0.
void levinson(const double* r, std::size_t p, double* a) {
    double error = r[0] * (1.0 + 1e-9);
    std::array<double, most_degree + 1> next{};
    std::fill_n(a, p + 1, 0.0);
    a[0] = 1.0;
    for (std::size_t i = 1; i <= p; ++i) {
        double sum = r[i];
        for (std::size_t j = 1; j < i; ++j) {
            sum += a[j] * r[i - j];
        }
        const double k = -sum / error;
        for (std::size_t j = 1; j < i; ++j) {
            next[j] = a[j] + k * a[i - j];
        }
        std::copy_n(next.begin() + 1, i - 1, a + 1);
        a[i] = k;
        error *= 1.0 - k * k;
    }
}

// The levels of the harmonics without the noise between them, as natural logarithms of power relative to the strongest.
void clean_levels(std::span<const Harmonic> harmonics, double* out) {
    constexpr double to_log = std::numbers::ln10 / 10.0;
    constexpr double share = 4.0, kept = 0.03;  // of the noise that is taken away, of the power that stays
    constexpr std::ptrdiff_t reach = 2;         // harmonics either way over which the noise is averaged
    const auto n = static_cast<std::ptrdiff_t>(harmonics.size());
    double highest = -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const Harmonic& h = harmonics[static_cast<std::size_t>(i)];
        double valley = 0;
        const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, i - reach), last = std::min(n - 1, i + reach);
        for (std::ptrdiff_t j = first; j <= last; ++j) {
            valley += static_cast<double>(harmonics[static_cast<std::size_t>(j)].valley_db);
        }
        const double below = to_log * (static_cast<double>(h.level_db) - valley / static_cast<double>(last - first + 1));
        double level = to_log * static_cast<double>(h.level_db);
        if (below < 6.0) {  // beyond, what is taken away is below a hundredth
            level += std::log(std::max(kept, 1.0 - share * std::exp(-below)));
        }
        out[i] = level;
        highest = std::max(highest, level);
    }
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        out[i] = std::max(out[i] - highest, -dynamic_range_db * to_log);
    }
}

struct Choice {
    std::array<float, 3> frequency_hz, bandwidth_hz;
    double cost;
};
constexpr std::size_t most_choices = 20;  // three of six

// Every choice of three resonances of a frame, with its own cost. A frame with fewer than three gets wide ones at the neutral frequencies.
std::size_t list_choices(const Resonances& frame, std::array<Choice, most_choices>& out) {
    std::array<std::pair<float, float>, Resonances::capacity + 3> found;
    std::size_t n = 0;
    for (; n < frame.count; ++n) {
        found[n] = {frame.frequency_hz[n], frame.bandwidth_hz[n]};
    }
    for (std::size_t i = 0; n < 3; ++i) {
        found[n++] = {static_cast<float>(neutral_hz[i]), missing_bandwidth_hz};
    }
    std::sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n));
    std::size_t count = 0;
    const auto cost_of = [&](std::size_t formant, std::size_t candidate) {
        const double f = static_cast<double>(found[candidate].first);
        const bool outside = f < lowest_hz[formant] || f > highest_hz[formant];
        return distance_cost * std::fabs(f - neutral_hz[formant]) / neutral_hz[formant] +
               bandwidth_cost * static_cast<double>(found[candidate].second) + (outside ? range_cost : 0.0);
    };
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j) {
            for (std::size_t k = j + 1; k < n; ++k) {
                out[count++] = {{found[i].first, found[j].first, found[k].first},
                                {found[i].second, found[j].second, found[k].second},
                                cost_of(0, i) + cost_of(1, j) + cost_of(2, k)};
            }
        }
    }
    return count;
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

FormantModel::FormantModel() : cosine_((cells + 1) * (order + 1)), emphasis_(cells + 1) {
    for (std::size_t g = 0; g <= cells; ++g) {
        const double f = top_hz * static_cast<double>(g) / static_cast<double>(cells);
        emphasis_[g] = std::log1p((f / emphasis_hz) * (f / emphasis_hz));
        const double weight = g == 0 || g == cells ? 0.5 : 1.0;
        for (std::size_t m = 0; m <= order; ++m) {
            cosine_[g * (order + 1) + m] = weight * std::cos(std::numbers::pi * static_cast<double>(m * g) / static_cast<double>(cells));
        }
    }
}

const FormantModel& FormantModel::get() {
    static const FormantModel model;
    return model;
}

void FormantModel::predict(std::span<const Harmonic> harmonics, float* a, std::size_t stride) const {
    std::array<double, most_harmonics> levels;
    const std::size_t n = std::min(harmonics.size(), most_harmonics);
    clean_levels(harmonics.first(n), levels.data());
    std::array<double, cells + 1> envelope;
    std::size_t right = 0;
    for (std::size_t g = 0; g <= cells; ++g) {
        const double f = top_hz * static_cast<double>(g) / static_cast<double>(cells);
        while (right < n && static_cast<double>(harmonics[right].frequency_hz) < f) {
            ++right;
        }
        double value = 0;
        if (right == 0 || right == n) {
            value = levels[right == 0 ? 0 : n - 1];
        } else {
            const auto f0 = static_cast<double>(harmonics[right - 1].frequency_hz), f1 = static_cast<double>(harmonics[right].frequency_hz);
            const double share = f1 > f0 ? (f - f0) / (f1 - f0) : 1.0;
            value = (1.0 - share) * levels[right - 1] + share * levels[right];
        }
        envelope[g] = value + emphasis_[g];
    }
    exponentials(envelope.data(), envelope.size(), envelope.data());
    std::array<double, order + 1> r, predictor;
    cosine_sums(envelope.data(), envelope.size(), cosine_.data(), r.data());
    levinson(r.data(), order, predictor.data());
    for (std::size_t m = 0; m < order; ++m) {
        a[m * stride] = static_cast<float>(predictor[m + 1]);
    }
}

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

void track_formants(std::span<const Resonances> frames, std::span<Formants> out) {
    std::vector<std::array<Choice, most_choices>> choices(frames.size());
    std::vector<std::array<unsigned char, most_choices>> origin(frames.size());
    std::array<double, most_choices> total{}, next{};
    std::vector<std::size_t> counts(frames.size());
    std::array<std::array<double, 3>, most_choices> octave{}, previous{};
    for (std::size_t t = 0; t < frames.size(); ++t) {
        counts[t] = list_choices(frames[t], choices[t]);
        for (std::size_t c = 0; c < counts[t]; ++c) {
            for (std::size_t i = 0; i < 3; ++i) {
                octave[c][i] = std::log2(static_cast<double>(choices[t][c].frequency_hz[i]));
            }
            double best = t == 0 ? 0.0 : std::numeric_limits<double>::infinity();
            for (std::size_t p = 0; t > 0 && p < counts[t - 1]; ++p) {
                const double jump = std::fabs(octave[c][0] - previous[p][0]) + std::fabs(octave[c][1] - previous[p][1]) +
                                    std::fabs(octave[c][2] - previous[p][2]);
                const double cost = total[p] + jump_cost * jump;
                if (cost < best) {
                    best = cost;
                    origin[t][c] = static_cast<unsigned char>(p);
                }
            }
            next[c] = best + choices[t][c].cost;
        }
        total = next;
        previous = octave;
    }
    if (frames.empty()) {
        return;
    }
    auto state = static_cast<std::size_t>(std::min_element(total.begin(), total.begin() + static_cast<std::ptrdiff_t>(counts.back())) - total.begin());
    for (std::size_t t = frames.size(); t-- > 0; state = origin[t][state]) {
        out[t] = {choices[t][state].frequency_hz, choices[t][state].bandwidth_hz};
    }
}

}  // namespace emotion::audio
