// Functions marked EMOTION_CLONES are compiled for several instruction sets, and the machine's best is chosen when the program loads. They must
// take raw pointers only: a standard template inside could leak wide instructions into code that other files share. Every lane of such a loop
// is a sum of its own, so the bits are the same on every instruction set (-ffp-contract=off).
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(EMOTION_NO_CLONES)
#define EMOTION_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define EMOTION_CLONES
#endif
