// TESSERA_ISA: an inline namespace named after the instruction set that a unit is compiled for.
//
// Everything of the library is `inline`, so a linker keeps one copy of each function: in a program whose units have
// different -m flags it could keep one with instructions that the machine at hand lacks. With the instruction set in
// the name each unit keeps its own. Source code does not see it: tessera::Error is tessera::Error. Units that exchange
// types of the library by name must be compiled for the same set; otherwise they do not link, and the missing symbol
// says which. What a compiled backend offers is declared outside of it.
#pragma once

#if defined(TESSERA_ISA)
// Given by the build: the host vouches that its units may share functions.
#elif defined(__AVX512F__)
#define TESSERA_ISA isa_avx512
#elif defined(__AVX2__)
#define TESSERA_ISA isa_avx2
#elif defined(__AVX__)
#define TESSERA_ISA isa_avx
#elif defined(__SSE4_1__)
#define TESSERA_ISA isa_sse4
#elif defined(__ARM_FEATURE_SVE)
#define TESSERA_ISA isa_sve
#else
#define TESSERA_ISA isa_base
#endif
