// Exponentials and logarithms of whole arrays, by functions of our own: the same bits on every machine, several values at a time.
//
// exp(x) = 2**k exp(r) with |r| <= log(2) / 2 and the Taylor polynomial of degree 13; log(x) = k log(2) + log(m) with m in [sqrt(1/2), sqrt(2)) and
// the atanh series of degree 23. Both remainders are below 1e-16 relatively; rounding adds a few units in the last place (of 1, for logarithms near
// zero of numbers near 1: of the result). Serial, no allocation, thread-safe. In place is allowed. Source: Muller, "Elementary Functions" (2016), chapter 11.
#pragma once

#include <cstddef>

namespace emotion {

// out[i] = exp(x[i]); below -700: about 1e-304, above 700: about 1e304. NaN stays NaN.
void exponentials(const double* x, std::size_t n, double* out);

// out[i] = log(x[i]) of positive normal numbers; anything else gives an unspecified value, no fault.
void logarithms(const double* x, std::size_t n, double* out);

}  // namespace emotion
