// A function with this mark is compiled for several instruction sets and the best that the machine has runs; sums have a fixed order, so bits are equal.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(EMOTION_NO_CLONES)
#define EMOTION_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define EMOTION_CLONES
#endif
