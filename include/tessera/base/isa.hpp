// TESSERA_ISA: an inline namespace named after the instruction set that a unit is compiled for.
//
// Everything of the library is `inline`, so a linker keeps one copy of each function: in a program whose units have
// different -m flags it could keep one with instructions that the machine at hand lacks. With the instruction set in
// the name each unit keeps its own. Source code does not see it: tessera::Error is tessera::Error. Units that exchange
// types of the library by name must be compiled for the same set; otherwise they do not link, and the missing symbol
// says which. What a compiled backend offers is declared outside of it.
#pragma once

// The name has a letter for each extension that compilers use on their own; -mtune and -O do not matter.
#if !defined(TESSERA_ISA)
#if defined(__AVX512F__)
#define TESSERA_ISA_VECTOR avx512
#elif defined(__AVX2__)
#define TESSERA_ISA_VECTOR avx2
#elif defined(__AVX__)
#define TESSERA_ISA_VECTOR avx
#elif defined(__SSE4_2__)
#define TESSERA_ISA_VECTOR sse42
#elif defined(__SSE4_1__)
#define TESSERA_ISA_VECTOR sse41
#elif defined(__SSSE3__)
#define TESSERA_ISA_VECTOR ssse3
#elif defined(__SSE3__)
#define TESSERA_ISA_VECTOR sse3
#elif defined(__ARM_FEATURE_SVE2)
#define TESSERA_ISA_VECTOR sve2
#elif defined(__ARM_FEATURE_SVE)
#define TESSERA_ISA_VECTOR sve
#else
#define TESSERA_ISA_VECTOR base
#endif
#if defined(__FMA__)
#define TESSERA_ISA_FMA f
#else
#define TESSERA_ISA_FMA
#endif
#if defined(__F16C__)
#define TESSERA_ISA_HALF h
#else
#define TESSERA_ISA_HALF
#endif
#if defined(__BMI__) || defined(__BMI2__) || defined(__LZCNT__) || defined(__MOVBE__)
#define TESSERA_ISA_BITS b
#else
#define TESSERA_ISA_BITS
#endif
#if defined(__POPCNT__)
#define TESSERA_ISA_COUNT c
#else
#define TESSERA_ISA_COUNT
#endif
#if defined(__AVX512VL__) || defined(__AVX512BW__) || defined(__AVX512DQ__)
#define TESSERA_ISA_WIDE w
#else
#define TESSERA_ISA_WIDE
#endif
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__) || defined(__AVX512BF16__) || defined(__AVX512FP16__) || \
    defined(__AVX512VBMI__) || defined(__AMX_TILE__)
#define TESSERA_ISA_DEEP d
#else
#define TESSERA_ISA_DEEP
#endif
#define TESSERA_ISA_PASTE_(vector, f, h, b, c, w, d) isa_##vector##_##f##h##b##c##w##d
#define TESSERA_ISA_PASTE(vector, f, h, b, c, w, d) TESSERA_ISA_PASTE_(vector, f, h, b, c, w, d)
#define TESSERA_ISA                                                                                             \
  TESSERA_ISA_PASTE(TESSERA_ISA_VECTOR, TESSERA_ISA_FMA, TESSERA_ISA_HALF, TESSERA_ISA_BITS, TESSERA_ISA_COUNT, \
                    TESSERA_ISA_WIDE, TESSERA_ISA_DEEP)
#endif

// The namespace of what compiled backends offer. It carries the version: a library of another one does not link, where
// it would misread the tables.
#define TESSERA_COMPILED tessera_compiled_0_1_0
