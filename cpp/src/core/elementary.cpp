#include "emotion/core/elementary.hpp"

#include <cstdint>
#include <cstring>

#include "emotion/core/clones.hpp"

namespace emotion {

EMOTION_CLONES __attribute__((optimize("O3")))
void exponentials(const double* x, std::size_t n, double* out) {
    constexpr double coefficients[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
                                       1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,      1.0 / 24.0,      1.0 / 6.0,      0.5, 1.0, 1.0};
    constexpr double shift = 6755399441055744.0;   // 1.5 * 2**52: adding it rounds to an integer, found in the low bits
    for (std::size_t i = 0; i < n; ++i) {
        double v = x[i];
        v = v < -700.0 ? -700.0 : v;
        v = v > 700.0 ? 700.0 : v;
        const double shifted = v * 1.44269504088896340736 + shift;
        const double k = shifted - shift;
        const double r = (v - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
        double sum = coefficients[0];
        for (int j = 1; j < 14; ++j) {
            sum = sum * r + coefficients[j];
        }
        std::uint64_t bits = 0;
        std::memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 1023) << 52;
        double power = 0;
        std::memcpy(&power, &bits, sizeof power);
        out[i] = sum * power;
    }
}

EMOTION_CLONES __attribute__((optimize("O3")))
void logarithms(const double* x, std::size_t n, double* out) {
    constexpr double high = 0.693147180369123816490;   // log(2) in two parts: the first has few bits, so that k * high is exact
    constexpr double low = 1.90821492927058770002e-10;
    constexpr double integer = 4503599627370496.0;     // 2**52: its low bits count whole numbers
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &x[i], sizeof bits);
        // sqrt(1/2) = 0x3fe6a09e667f3bcd: the difference to it has the exponent of x relative to [sqrt(1/2), sqrt(2)) in its upper bits.
        const std::uint64_t above = bits - 0x3fe6a09e667f3bcdULL;
        const std::uint64_t biased = (above >> 52) ^ 0x800;             // two's complement of 12 bits, moved to be positive
        const std::uint64_t mantissa = bits - (above & 0xfff0000000000000ULL);
        double m = 0;
        std::memcpy(&m, &mantissa, sizeof m);
        const std::uint64_t counted = biased | 0x4330000000000000ULL;   // 2**52 + k + 2048
        double k = 0;
        std::memcpy(&k, &counted, sizeof k);
        k -= integer + 2048.0;
        const double s = (m - 1.0) / (m + 1.0);                         // |s| <= 0.1716
        const double z = s * s;
        double p = 2.0 / 23.0;
        p = p * z + 2.0 / 21.0;
        p = p * z + 2.0 / 19.0;
        p = p * z + 2.0 / 17.0;
        p = p * z + 2.0 / 15.0;
        p = p * z + 2.0 / 13.0;
        p = p * z + 2.0 / 11.0;
        p = p * z + 2.0 / 9.0;
        p = p * z + 2.0 / 7.0;
        p = p * z + 2.0 / 5.0;
        p = p * z + 2.0 / 3.0;
        out[i] = k * high + (2.0 * s + (s * z * p + k * low));
    }
}

}  // namespace emotion
