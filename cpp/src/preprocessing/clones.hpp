// Loops over columns, compiled for wider vectors too. Each column is a lane of its own, so the bits are the same on every instruction set.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(EMOTION_NO_CLONES)
#define EMOTION_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define EMOTION_CLONES
#endif
